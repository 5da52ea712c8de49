/** Descriptors in words. */
import assert from "node:assert/strict";
import { describeDescriptor } from "./descriptor.ts";

Deno.test("descriptor: base, limit and kind out of their scattered bits", () => {
  const cases: [low: number, high: number, ...said: string[]][] = [
    [0x0000ffff, 0x00cfbb00, "00000000", "ffffffff", "code 32, read, accessed", "1"],
    [0x0000ffff, 0x00cff200, "00000000", "ffffffff", "data 32, write", "3"],
    [0x56781234, 0x9a40d19b, "9a9b5678", "00001234", "data 32, read only, accessed", "2"],
    [
      0x00000000,
      0x00007c00,
      "00000000",
      "00000000",
      "code 16, execute only, conforming, not present",
      "3",
    ],
    [0x000967ff, 0x12808c00, "9:128067ff", "", "call gate", "0"],
    [0x00000067, 0x00008b00, "00000000", "00000067", "TSS, busy", "0"],
  ];
  for (const [low, high, base, limit, kind, dpl] of cases) {
    assert.deepEqual(describeDescriptor(low, high), { base, limit, kind, dpl });
  }
});
