/** Descriptor-table instructions and the processor state that any ring may look at. */
import { MAILBOX } from "../../core/wasm/layout.ts";
import { define } from "./define.ts";

/** SLDT STR SMSW: memory gets 16 bits, a register its full width. */
for (
  const [name, helper] of [["sldt", "insn_sldt"], ["str", "insn_str"], [
    "smsw",
    "insn_smsw",
  ]] as const
) {
  define(name, (x) => {
    const v = x.call(helper);
    if (x.inMemory(0)) x.memory(2).write(v);
    else x.operand(0).write(x.convert(v, x.type));
    x.next();
  });
}

for (const name of ["sgdt", "sidt"]) {
  define(name, (x) => {
    x.invoke("insn_sgdt", x.row.arg, MAILBOX);
    if (x.long) x.store(4, MAILBOX, 0, 6);
    // word by word: the base lies two bytes off, which is no misalignment
    for (const at of x.long ? [0, 2, 4, 6, 8] : [0, 2, 4]) {
      x.memory(2, at).write(x.load(2, MAILBOX + at));
    }
    x.next();
  });
}

for (const [name, helper] of [["lar", "insn_lar"], ["lsl", "insn_lsl"]] as const) {
  define(name, (x) => {
    const v = x.call(helper, x.operand(1).read());
    x.check(x.call("cpu_no_fault")); // an LDT page may be missing
    const found = x.ne(v, x.constant(-1, "i64"));
    x.if(found, () => x.operand(0).write(x.convert(v, x.type)));
    x.setZero(found);
    x.next();
  });
}
for (const [name, helper] of [["verr", "insn_verr"], ["verw", "insn_verw"]] as const) {
  define(name, (x) => {
    const v = x.call(helper, x.operand(0).read());
    x.check(x.call("cpu_no_fault"));
    x.setZero(v);
    x.next();
  });
}

define("arpl", (x) => {
  const dst = x.operand(0);
  const a = dst.read();
  const rpl = x.and(x.operand(1).read(), 3);
  const raise = x.ltU(x.and(a, 3), rpl);
  x.if(raise, () => dst.write(x.or(x.and(a, ~3), rpl)));
  x.setZero(raise);
  x.next();
});
