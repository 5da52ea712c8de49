/**
 * An instruction-set bit in CPUID is shown exactly when all of its instructions are there. What belongs
 * to a feature is iced-x86's word; whether it is there, our decoder's.
 */
import assert from "node:assert/strict";
import { Instruction } from "iced-x86";
import { R_AX, R_CX, R_DX } from "../../core/wasm/layout.ts";
import { coreForDecoding } from "../decoder/core.ts";
import { MODES } from "../decoder/compare.ts";
import { decodeOurs } from "../decoder/ours.ts";
import { decodeTheirs, features, mnemonic } from "../decoder/theirs.ts";
import { probe } from "../traps/probe.ts";
import { everyOpcode } from "./every_opcode.ts";

/** Bits of CPUID that stand for instructions: leaf, register, bit, and iced's names for them. */
const BITS: [number, number, number, string[]][] = [
  [1, R_DX, 0, ["fpu", "fpu287", "fpu387"]],
  [1, R_DX, 4, ["tsc"]],
  [1, R_DX, 5, ["msr"]],
  [1, R_DX, 8, ["cx8"]],
  [1, R_DX, 11, ["sep"]],
  [1, R_DX, 15, ["cmov"]],
  [1, R_DX, 19, ["clfsh"]],
  [1, R_DX, 23, ["mmx"]],
  [1, R_DX, 24, ["fxsr"]],
  [1, R_DX, 25, ["sse"]],
  [1, R_DX, 26, ["sse2"]],
  [1, R_CX, 0, ["sse3"]],
  [1, R_CX, 1, ["pclmulqdq"]],
  [1, R_CX, 3, ["monitor"]],
  [1, R_CX, 5, ["vmx"]],
  [1, R_CX, 6, ["smx"]],
  [1, R_CX, 9, ["ssse3"]],
  [1, R_CX, 19, ["sse4_1"]],
  [1, R_CX, 20, ["sse4_2"]],
  [1, R_CX, 22, ["movbe"]],
  [1, R_CX, 23, ["popcnt"]],
  [1, R_CX, 25, ["aes"]],
  [1, R_CX, 26, ["xsave"]],
  [1, R_CX, 30, ["rdrand"]],
  [0x80000001, R_DX, 11, ["syscall"]],
  [0x80000001, R_DX, 27, ["rdtscp"]],
  [0x80000001, R_DX, 31, ["d3now"]],
  [0x80000001, R_CX, 2, ["svm"]],
  [0x80000001, R_CX, 6, ["sse4a"]],
];

/** Rows that are there to be refused: #GP in every ring of a guest, where a processor has it so. */
const REFUSED = /^(sysexit|sysret)$/;

Deno.test("a feature is shown exactly when each of its instructions decodes", async () => {
  const core = await coreForDecoding();
  const { x, cpu } = await probe();
  const instruction = new Instruction();
  const there = new Map<string, Set<string>>(), missing = new Map<string, Set<string>>();
  for (const { bytes } of everyOpcode()) {
    decodeTheirs(bytes, 32, instruction);
    const name = mnemonic(instruction);
    if (name === "invalid" || REFUSED.test(name)) continue;
    const decodes = decodeOurs(core, bytes, MODES[0]).name !== null;
    for (const f of features(instruction)) {
      const map = decodes ? there : missing;
      map.set(f, (map.get(f) ?? new Set()).add(name));
    }
  }
  instruction.free();
  for (const [leaf, register, bit, names] of BITS) {
    cpu.setUint32(R_AX, leaf, true);
    cpu.setUint32(R_CX, 0, true);
    x.cpuid_into_registers();
    const shown = (cpu.getUint32(register, true) >>> bit & 1) === 1;
    const lacking = names.flatMap((n) => [...missing.get(n) ?? []]);
    const having = names.flatMap((n) => [...there.get(n) ?? []]);
    if (shown) {
      assert.deepEqual(lacking, [], `${names} is shown without these`);
      assert.ok(having.length > 0, `${names}: nothing found`);
    } else assert.deepEqual(having, [], `${names} is not shown, and these are there`);
  }
});
