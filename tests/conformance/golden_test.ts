/** The goldens are read whole, and only listed lines have a second right answer. */
import assert from "node:assert/strict";
import { compare, total } from "./compare.ts";
import { complaints, parseExceptions } from "./exceptions.ts";
import { readGolden } from "./golden.ts";

Deno.test("goldens: every line is there and agrees with itself", () => {
  for (const [name, count] of [["domU", 2211], ["domU-2vcpu", 55], ["crash", 28]] as const) {
    const golden = readGolden(name);
    assert.equal(golden.length, count);
    const { agree, lines } = total(compare(golden, golden.map((e) => e.line)));
    assert.deepEqual([agree, lines], [count, count]);
  }
});

Deno.test("goldens: lines of the CPU emulator accept the architectural value, and nothing else", () => {
  const accepts = (key: string, line: string) =>
    [...readGolden("domU"), ...readGolden("crash")].find((e) => e.key === key)!.accepts(line);
  assert(accepts("trap.ac_u", "trap.ac_u: #11 ec=0000 eip=+0 cs=0001e02b efl=00050002"));
  assert(!accepts("trap.ac_u", "trap.ac_u: #11 ec=0004 eip=+0 cs=0001e02b efl=00050002"));
  assert(accepts("start.sel_lar_lsl", "start.sel_lar_lsl: ok eax=00cfbb00 ecx=ffffffff"));
  assert(!accepts("start.sel_lar_lsl", "start.sel_lar_lsl: ok eax=00cfbb00 ecx=fffffffe"));
  assert(!accepts("start.sel_lar_lsl", "start.sel_lar_lsl: ok eax=00cf9b00 ecx=ffffffff"));
  assert(accepts("desc.larlsl_np_k", "desc.larlsl_np_k: lar=00cf3200 lsl=ffffffff zf=0101"));
  assert(accepts("crash.kernel_ss_null", "crash.kernel_ss_null: reason=3"));
  assert(!accepts("crash.kernel_ss_null", "crash.kernel_ss_null: reason=1"));
  assert(!accepts("start.cs", "start.cs: e018"));
});

Deno.test("compare: missing, wrong and unexpected lines are told apart", () => {
  const golden = readGolden("domU").filter((e) => e.subject === "multi");
  const lines = golden.map((e) => e.line);
  lines[0] += "0";
  lines.splice(1, 1);
  lines.push("UNEXPECTED.multi: vec=6 ec=0 eip=0 cs=0 efl=0 cr2=0");
  const [result] = compare(golden, lines);
  assert.equal(result.agree, golden.length - 2);
  assert.equal(result.differences[0].got, golden[0].line + "0");
  assert.equal(result.differences[1].got, null);
  assert.equal(result.extra.length, 1);
});

Deno.test("exceptions: a difference without a reason is told, and a reason without a difference", () => {
  const result = (...keys: string[]) => ({
    subject: "trap",
    lines: 10,
    agree: 10 - keys.length,
    differences: keys.map((key) => ({ key, expected: `${key}: 1`, got: `${key}: 2` })),
    extra: [],
    log: [],
  });
  const exceptions = parseExceptions("# why\ntrap.a: a reason: two\n");
  assert.deepEqual([...exceptions], [["trap.a", "a reason: two"]]);
  assert.deepEqual(complaints([result("trap.a")], exceptions), []);
  assert.deepEqual(complaints([result()], exceptions), ["agrees, or was not asked: trap.a"]);
  assert.deepEqual(complaints([result("trap.a", "trap.b")], exceptions), [
    "trap.b: 1 => trap.b: 2",
  ]);
  assert.equal(complaints([{ ...result("trap.a"), extra: ["x"] }], exceptions).length, 1);
});
