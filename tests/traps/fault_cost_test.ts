/** What entering the kernel takes of a slice, on the short way (core/wasm/traps/at_once.ts) as by all rules. */
import assert from "node:assert/strict";
import { HC, imm, KCS, kernel, registers } from "./kernel.ts";
import { park } from "./selectors.ts";
import { UNMAPPED } from "./situations.ts";

/** inc eax; mov ecx, [UNMAPPED]; jmp to the first. */
const FAULTS = [0x40, 0x8b, 0x0d, ...imm(UNMAPPED), 0xeb, 0xf7];
/** add dword [esp + 4], 6; add esp, 4; iret: on behind the load. */
const SKIP = [0x83, 0x44, 0x24, 4, 6, 0x83, 0xc4, 4, 0xcf];
/** inc eax; int 0x81; jmp to the first. */
const CALLS = [0x40, 0xcd, 0x81, 0xeb, 0xfb];
const RETURN = [0xcf];
const SLICE = 4000;

/** Rounds of a loop in one slice. */
async function rounds(loop: number[], vector: number, handler: number[], stepped: boolean) {
  const { guest, rig } = await kernel();
  const at = guest.va(34);
  guest.write(at, ...words(handler));
  const list = guest.write(guest.va(33), vector | 3 << 8 | KCS << 16, at, 0, 0);
  assert.equal(guest.call(HC.trapTable, list), 0);
  if (stepped) rig.core.exports.machine_step_mode(1);
  park(guest, [0x31, 0xc0, ...loop]); // from 0
  rig.inside.slice_end();
  rig.core.exports.machine_run(0n, SLICE);
  return registers(guest).eax;
}

function words(bytes: number[]): number[] {
  const all = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  all.set(bytes);
  return [...new Uint32Array(all.buffer)];
}

for (
  const [what, loop, vector, handler] of [
    ["a page fault", FAULTS, 14, SKIP],
    ["INT n", CALLS, 0x81, RETURN],
  ] as const
) {
  Deno.test(`${what} takes as much of a slice on the short way as by all rules`, async () => {
    const short = await rounds([...loop], vector, [...handler], false);
    const stepped = await rounds([...loop], vector, [...handler], true);
    assert.ok(short > 500, `${short} rounds`);
    // a slice ends where a block does
    assert.ok(Math.abs(short - stepped) < 5, `${short} rounds, ${stepped} by all rules`);
  });
}
