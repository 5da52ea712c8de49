/**
 * `deno task soak [--what load|churn] [--seconds N] [--domains N] [--jit MODE] [--json]`: `load`, many guests
 * (load.ts), for ten minutes, `churn`, translations that are dropped all the time (churn.ts), for thirty, or as long as is said; both
 * without --what. Prints what was done, or the report of `load` as JSON; the exit status is 1 if anything was lost.
 */
import { parseArgs } from "node:util";
import type { JitMode } from "../../mod.ts";
import { churn } from "./churn.ts";
import { faults, load, spread } from "./load.ts";

const USAGE =
  "usage: deno task soak [--what load|churn] [--seconds N] [--domains N] [--jit MODE] [--json]";
/** Bytes of translated code under `churn`: a few regions. */
const ROOM = 128 << 10;
/** Seconds after which workers have ended and V8 has given back what it can. */
const REST = 30;

const JIT_MODES = /^(off|quick|on|always)$/;

const values = options();
const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
const mib = (from: number, to: number) =>
  `resident    ${from.toFixed(0)} MiB at the start, ${to.toFixed(0)} MiB at the end`;

let found: string[] = [];
if (values.what !== "churn") found = await soakLoad();
if (values.what !== "load") found = [...found, ...await soakChurn()];
for (const fault of found.slice(0, 20)) console.error(`FAULT ${fault}`);
Deno.exit(found.length === 0 ? 0 : 1);

function options() {
  try {
    const { values } = parseArgs({
      options: {
        what: { type: "string" },
        seconds: { type: "string" },
        domains: { type: "string", default: "64" },
        jit: { type: "string", default: "on" },
        json: { type: "boolean", default: false },
      },
    });
    const numbers = [values.seconds ?? "1", values.domains].every((n) => Number(n) > 0);
    if (
      numbers && /^(load|churn|undefined)$/.test(String(values.what)) && JIT_MODES.test(values.jit)
    ) return values;
  } catch { // told below
  }
  console.error(USAGE);
  Deno.exit(1);
}

/** Tells how it goes every ten seconds. */
function progress(): (text: string) => void {
  let shown = 0;
  return (text) => {
    if (performance.now() - shown < 10_000) return;
    shown = performance.now();
    console.error(`${(shown / 1000).toFixed(0).padStart(5)} s: ${text}`);
  };
}

async function soakLoad(): Promise<string[]> {
  const seconds = Number(values.seconds ?? 600), domains = Number(values.domains);
  const jit = values.jit as JitMode;
  const report = await load({ domains, seconds, jit, churn: true, progress: progress() });
  const found = faults(report);
  if (values.json) {
    console.log(JSON.stringify(report));
    return found;
  }
  const sum = (of: (guest: typeof report.guests[number]) => number) =>
    report.guests.reduce((total, guest) => total + of(guest), 0);
  const line = (what: string, of: (guest: typeof report.guests[number]) => number) =>
    console.log(
      `${what.padEnd(11)} ${sum(of)}, furthest from the mean ${
        percent(spread(report.guests.map(of)))
      }`,
    );
  console.log(
    `${domains} domains, ${seconds} s, first lines after ${report.firstLines.toFixed(0)} ms`,
  );
  line("exchanges", (guest) => guest.answered);
  line("lines", (guest) => guest.echoed);
  console.log(mib(report.residentAtStart, report.residentAtEnd));
  console.log(`came, went  ${report.pairs} pairs of other guests`);
  console.log(found.length === 0 ? "nothing lost" : `${found.length} faults`);
  return found;
}

async function soakChurn(): Promise<string[]> {
  const seconds = Number(values.seconds ?? 1800);
  const report = await churn({ seconds, room: ROOM, rest: REST, progress: progress() });
  console.log(`Skiff, ${seconds} s, ${ROOM >> 10} KiB of translated code`);
  console.log(`rounds      ${report.tests} self-tests, ${report.benches} benches`);
  console.log(`regions     ${report.placed} put in place, ${report.evicted} dropped`);
  const rest = `, ${report.residentAtRest.toFixed(0)} MiB after ${REST} s of rest`;
  console.log(mib(report.residentAtStart, report.residentAtEnd) + rest);
  console.log(report.wrong.length === 0 ? "nothing wrong" : `${report.wrong.length} faults`);
  return report.wrong;
}
