/** A domain's last hypercalls, from the ring that core/wasm/trace.ts keeps for each. */
import type { Core } from "../core.ts";
import { argumentCount, hex, hypercallName, resultName } from "../trace/names.ts";

const ENTRIES = 16;
const ENTRY_SIZE = 32;
/** Result of a call that has not come back. */
const UNFINISHED = 0x7fffffff;

interface HistoryExports {
  trace_history(domid: number): number;
}

/** Lines, oldest call first. */
export function lastHypercalls(core: Core, domid: number): string[] {
  const at = (core.exports as unknown as HistoryExports).trace_history(domid);
  const view = core.view();
  const entries = [];
  for (let i = 0; i < ENTRIES; i++) {
    const words = [];
    for (let j = 0; j < ENTRY_SIZE; j += 4) {
      words.push(view.getUint32(at + i * ENTRY_SIZE + j, true));
    }
    if (words[7] !== 0) entries.push(words);
  }
  entries.sort((a, b) => a[7] - b[7]);
  return entries.map(([nr, ...rest]) => {
    const args = rest.slice(0, argumentCount(nr));
    const result = rest[5] === UNFINISHED ? "?" : resultName(rest[5]);
    return `  hypercall ${hypercallName(nr)}(${args.map(hex).join(", ")}) = ${result}`;
  });
}
