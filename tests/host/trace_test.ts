import assert from "node:assert/strict";
import { showArguments, showOutcome } from "../../core/host/trace/decode.ts";
import { domainName, hypercallName, resultName } from "../../core/host/trace/names.ts";

/** A guest's memory: words by address; everything else is not mapped. */
function reader(words: Record<number, number>) {
  return (address: number) => words[address] ?? null;
}

Deno.test("arguments by name, and what they point to", () => {
  const at = 0x1000;
  const cases: [number, number[], Record<number, number>, string][] = [
    [17, [6, 0xc0001000], {}, "get_features, 0xc0001000"],
    [29, [2, at], { [at]: 1 }, "shutdown, reboot"],
    [29, [3, at], { [at + 4]: 2, [at + 8]: 0x10, [at + 12]: 1 }, "poll, 2 ports until 0x100000010"],
    [29, [1, 0], {}, "block"],
    [32, [4, at], { [at]: 7 }, "send, port 7"],
    [32, [6, at], { [at]: 0x00007ff0 }, "alloc_unbound, DOMID_SELF remote d0"],
    [32, [1, at], { [at]: 0, [at + 4]: 1 }, "bind_virq, TIMER on v1"],
    [16, [at], { [at]: 4, [at + 4]: 3 }, "send, port 3"],
    [
      26,
      [at, 1, 0, 0x7ff0],
      { [at]: 2, [at + 4]: 0x55 },
      "[PIN_L3_TABLE mfn 0x55], DOMID_SELF",
    ],
    [
      1,
      [at, 1, 0, 0x7ff0],
      { [at]: 0x5003, [at + 4]: 0, [at + 8]: 0x67, [at + 12]: 0x80000000 },
      "[cmd 3 0x5000 := 0x8000000000000067], DOMID_SELF",
    ],
    [14, [0xc0000000, 0x1063, 0, 2], {}, "0xc0000000 := 0x1063, invlpg"],
    [21, [0, 3], {}, "enable, pae_extended_cr3"],
    [24, [3, 1, 0], {}, "is_up, v1"],
    [0, [0], {}, "NULL"],
    [23, [1, 2, 3, 4, 5], {}, ""],
    [99, [1, 2, 3, 4, 5], {}, "0x1, 0x2, 0x3, 0x4, 0x5"],
  ];
  for (const [nr, args, words, expected] of cases) {
    const five = [...args, 0, 0, 0, 0, 0].slice(0, 5);
    assert.equal(showArguments(nr, five, reader(words)), expected, hypercallName(nr));
  }
});

Deno.test("long lists are cut, and unmapped ones said to be so", () => {
  const words: Record<number, number> = {};
  for (let i = 0; i < 64 * 4; i++) words[0x2000 + i * 4] = 0;
  assert.match(showArguments(1, [0x2000, 64, 0, 0x7ff0, 0], reader(words)), /… 64 in all\]/);
  assert.match(showArguments(1, [0x2000, 0xffffffff, 0, 0x7ff0, 0], reader({})), /not mapped/);
  assert.equal(showArguments(1, [0x2000, 0, 0, 0x7ff0, 0], reader({})), "[], DOMID_SELF");
});

Deno.test("no argument makes it fail", () => {
  const values = [0, 1, 2, 3, 13, 0x7fff, 0xffffffff];
  for (let nr = 0; nr < 64; nr++) {
    for (const a of values) {
      for (const b of values) {
        for (const memory of [() => null, () => 0xffffffff, () => 0]) {
          const text = showArguments(nr, [a, b, a, b, a], memory);
          assert.ok(text.length < 600 && !text.includes("\n") && !text.includes("undefined"));
          showOutcome(nr, [a, b, a, b, a], 0, memory);
        }
      }
    }
  }
});

Deno.test("results: values, errors by name, ports that were made", () => {
  assert.equal(resultName(0), "0");
  assert.equal(resultName(0xffffffea), "-EINVAL");
  assert.equal(resultName(-38), "-ENOSYS");
  assert.equal(resultName(0x40011), "0x40011");
  assert.equal(resultName(0xdeadbeef), "0xdeadbeef");
  assert.equal(showOutcome(32, [7, 0x1000, 0, 0, 0], 0, reader({ 0x1004: 9 })), ", port 9");
  assert.equal(showOutcome(32, [7, 0x1000, 0, 0, 0], -22, reader({ 0x1004: 9 })), "");
  assert.equal(hypercallName(29), "sched_op");
  assert.equal(hypercallName(77), "hypercall_77");
  assert.equal(domainName(0x12340005), "d5");
});
