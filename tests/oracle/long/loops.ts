/** Loops of 64-bit code: direct jumps that are linked, calls and returns, and what goes round in registers. */
import type { Random } from "../../random.ts";
import { MEMORY_SIZE } from "../layout.ts";
import { initialFx } from "../fx.ts";
import { STACK_TOP } from "../state.ts";
import { randomMemory } from "../values.ts";
import { CX, SP } from "./builder.ts";
import type { LongCase } from "./case.ts";
import { corner64 } from "./values.ts";

const LOOPS: Record<string, number[]> = {
  // imul rax, rdx; add rax, rbx; ror rax, 7; lea rbx, [rbx+rax*2+5]; dec ecx; jnz
  "a generator": [
    ...[0x48, 0x0f, 0xaf, 0xc2, 0x48, 0x01, 0xd8, 0x48, 0xc1, 0xc8, 0x07],
    ...[0x48, 0x8d, 0x5c, 0x43, 0x05, 0xff, 0xc9, 0x75, 0xec],
  ],
  // call f; dec ecx; jnz; jmp end; f: lea rax, [rax+rax*2+1]; ret
  "calls": [
    ...[0xe8, 6, 0, 0, 0, 0xff, 0xc9, 0x75, 0xf7, 0xeb, 6],
    ...[0x48, 0x8d, 0x44, 0x40, 0x01, 0xc3],
  ],
  // lea r8, [rip+2]; jmp r8 (to the next instruction); adc r9, rax; xadd r9, rax; loop
  "indirect jumps": [
    ...[0x4c, 0x8d, 0x05, 3, 0, 0, 0, 0x41, 0xff, 0xe0, 0x49, 0x11, 0xc1],
    ...[0x49, 0x0f, 0xc1, 0xc1, 0xe2, 0xed],
  ],
};

/** A loop with random registers that goes round up to a few thousand times. */
export function loopCase(r: Random): LongCase {
  const name = r.pick(Object.keys(LOOPS));
  const registers = BigUint64Array.from({ length: 16 }, () => corner64(r));
  registers[CX] = BigInt(1 + r.below(3000));
  registers[SP] = BigInt(STACK_TOP);
  return {
    form: name,
    code: LOOPS[name],
    registers,
    eflags: 0x202,
    memory: randomMemory(r).slice(0, MEMORY_SIZE),
    fx: initialFx(),
    undefinedFlags: 0,
    ignore: { memory: [], registers: new BigUint64Array(16), partial: false },
  };
}
