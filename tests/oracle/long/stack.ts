/**
 * Stack pointers that are no addresses. A case may have one: no instruction minds that does not use it.
 * A kernel that is itself a guest of another (PVM) cannot put one in place: such a process has #GP where it
 * should go on. There these cases have the address made of the same bits.
 */
import { initialFx } from "../fx.ts";
import { MEMORY_SIZE } from "../layout.ts";
import { SP } from "./builder.ts";
import type { LongCase } from "./case.ts";
import { runLongNatively } from "./native.ts";
import { canonical } from "./values.ts";

const NO_ADDRESS = 0x5555555555555555n;
const UD = 6;

function takesAny(): Promise<boolean> {
  const registers = new BigUint64Array(16);
  registers[SP] = NO_ADDRESS;
  const nop: LongCase = {
    form: "nop",
    code: [0x90],
    registers,
    eflags: 0x202,
    memory: new Uint8Array(MEMORY_SIZE),
    fx: initialFx(),
    undefinedFlags: 0,
    ignore: { memory: [], registers: new BigUint64Array(16), partial: false },
  };
  // behind every case's code stands UD2
  return runLongNatively([nop]).then(([{ vector }]) => vector === UD);
}

let answer: Promise<boolean> | undefined;
let changed = 0;

/** The cases as this host's kernel can begin them. */
export async function asHostTakesThem(cases: readonly LongCase[]): Promise<readonly LongCase[]> {
  if (await (answer ??= takesAny())) return cases;
  return cases.map((c) => {
    if (canonical(c.registers[SP])) return c;
    changed++;
    const registers = c.registers.slice();
    registers[SP] = BigInt.asUintN(64, BigInt.asIntN(48, registers[SP]));
    return { ...c, registers };
  });
}

/** What to tell of it since the last time; null if there is nothing. */
export function toldOfStacks(): string | null {
  const count = changed;
  changed = 0;
  return count === 0
    ? null
    : `this host's kernel begins nothing with a stack pointer that is no address: ${count} cases have one that is`;
}
