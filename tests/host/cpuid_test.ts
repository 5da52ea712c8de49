/** The user's words for a narrower processor. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CpuidError, hiddenFeatures } from "../../core/host/cpuid.ts";

const hidden = (...specs: string[]) => hiddenFeatures(specs);
const NONE = { leaf1Ecx: 0, leaf1Edx: 0, extendedEdx: 0 };
/** 32 characters, `x` but for one bit. */
const bits = (bit: number, value: string) => "x".repeat(31 - bit) + value + "x".repeat(bit);

Deno.test("features by name, as in xl.cfg and shorter", () => {
  assert.deepEqual(hidden(), NONE);
  assert.deepEqual(hidden("host"), NONE);
  assert.deepEqual(hidden("host,sse3=0"), { ...NONE, leaf1Ecx: 1 });
  assert.deepEqual(hidden("no-ssse3,no-sse3"), { ...NONE, leaf1Ecx: 0x201 });
  assert.deepEqual(hidden("no-hypervisor"), { ...NONE, leaf1Ecx: 0x80000000 });
  assert.deepEqual(hidden("cx8=0,nx=0"), { ...NONE, leaf1Edx: 0x100, extendedEdx: 0x100000 });
  assert.deepEqual(hidden("sse=1,sse2=x,mmx=k,fpu=s"), NONE);
  assert.deepEqual(hidden("avx=0,no-sse4.1,lm=x"), NONE);
  assert.deepEqual(hidden("no-sse", "no-mmx"), { ...NONE, leaf1Edx: 1 << 25 | 1 << 23 });
});

Deno.test("features by register, as in xl.cfg", () => {
  assert.deepEqual(hidden("1:ecx=" + bits(9, "0")), { ...NONE, leaf1Ecx: 0x200 });
  assert.deepEqual(hidden(`0x1:edx=${bits(25, "0")},ecx=${bits(0, "0")}`), {
    ...NONE,
    leaf1Edx: 1 << 25,
    leaf1Ecx: 1,
  });
  assert.deepEqual(hidden("0x80000001:edx=" + bits(20, "0")), { ...NONE, extendedEdx: 1 << 20 });
  assert.deepEqual(hidden("7:ebx=" + "0".repeat(32)), NONE);
  assert.deepEqual(hidden("1:edx=" + bits(25, "1")), NONE);
});

Deno.test("mistakes: what, and why, in one line", () => {
  const mistakes: [string, RegExp][] = [
    ["", /no feature of that name/],
    ["sse9=0", /"sse9=0": no feature of that name; there are .*ssse3/],
    ["constructor=0", /no feature/],
    ["no-sse3,,", /no feature/],
    ["sse3", /say no-sse3 or sse3=0/],
    ["no-sse3=1", /say no-sse3/],
    ["sse3=off", /say no-sse3/],
    ["avx=1", /does not have it, and nothing can be added/],
    ["family=6", /no feature/],
    ["sse3=0,host", /"host": no feature/],
    ["ecx=" + bits(0, "0"), /which leaf/],
    ["one:ecx=" + bits(0, "0"), /a leaf is a number/],
    ["2:eax=" + bits(0, "0"), /only features can be masked/],
    ["1:ecx=0", /32 of 0 1 x k s.*; these are 1$/],
    ["1:ecx=" + "y".repeat(32), /32 of/],
    ["1:ecx=" + bits(28, "1"), /does not have bit 28/],
    ["7:ebx=" + bits(5, "1"), /does not have bit 5/],
  ];
  for (const [spec, words] of mistakes) {
    assert.throws(
      () => hidden(spec),
      (e) => e instanceof CpuidError && words.test(e.message),
      spec,
    );
  }
});

Deno.test("no text at all does anything but hide or complain", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ",",
      "host",
      "no-",
      "sse",
      "sse3",
      "=0",
      "=1",
      "1:ecx=",
      "edx=",
      ":",
      "x".repeat(32),
    ),
    fc.string({ unit: "binary", maxLength: 40 }),
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
    try {
      hidden(pieces.join(""));
    } catch (error) {
      assert.ok(error instanceof CpuidError);
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(error.message, /[\x00-\x1f]/);
    }
  }));
});
