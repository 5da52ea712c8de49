/** PUSH, POP and their relatives. */
import { C_SEG, CPU, R_BP, SEG_SEL, SEG_SIZE } from "../../core/wasm/layout.ts";
import { define } from "./define.ts";

define("push", (x) => {
  x.push(x.operand(0).read());
  x.next();
});

define("pop", (x) => {
  const v = x.peek();
  if (!x.inMemory(0)) {
    x.release(x.size);
    x.operand(0).write(v); // after the release: POP ESP leaves the popped value
  } else {
    // the address is computed with the stack pointer already moved; a fault puts it back
    const sp = x.stackPointer();
    const old = sp.read();
    x.release(x.size);
    x.cleanup = () => sp.write(old);
    x.operand(0).write(v);
    x.cleanup = null;
  }
  x.next();
});

define("pusha", (x) => {
  x.pushAll();
  x.next();
});
define("popa", (x) => {
  x.popAll();
  x.next();
});

define("pushf", (x) => {
  // RF and VM read as zero in the image
  const image = x.and(x.call("cpu_eflags"), ~0x30000);
  x.push(x.convert(image, x.type));
  x.next();
});
define("popf", (x) => {
  const v = x.convert(x.peek(), "i32");
  x.release(x.size);
  x.leave("cpu_popf", v, x.size); // TF may have changed
});

define("enter", (x) => {
  x.check(x.call(x.long ? "cpu_long_enter" : "cpu_enter", x.record(), x.size));
  x.next();
});

define("leave", (x) => {
  const bp = x.register(R_BP, x.addressBytes).read();
  const at = x.flat ? bp : x.segmentAddress(2, x.stackOffset(bp), x.size, false);
  const v = x.atLinear(at, x.size, x.flat).read();
  x.setStackPointer(x.add(bp, x.size));
  x.register(R_BP).write(v);
  x.next();
});

define("push_sreg", (x) => {
  const selector = x.load(4, CPU + C_SEG + x.row.arg * SEG_SIZE + SEG_SEL);
  // a 32-bit push of a segment register writes its low word only, as processors since the P6 do
  if (x.size === 4) x.pushWord(selector);
  else x.push(selector);
  x.next();
});

define("pop_sreg", (x) => {
  const selector = x.and(x.convert(x.peek(), "i32"), 0xffff);
  x.leavePopSegment(x.row.arg, selector);
});

define("mov_from_sreg", (x) => {
  const selector = x.segmentRegisterOperand(1);
  if (x.inMemory(0)) x.memory(2).write(selector);
  else x.operand(0).write(x.convert(selector, x.type));
  x.next();
});

define("mov_to_sreg", (x) => {
  const selector = x.operand(1).read();
  x.leave("insn_mov_sreg", x.segmentNumberOperand(0), selector);
});
