/**
 * Jumps, calls, returns and loops. A near target beyond the code segment's limit faults in the jump
 * itself, with nothing pushed, popped or counted.
 */
import { PREFIX_ADDR16, R_CX } from "../../core/wasm/layout.ts";
import type { Context } from "./context.ts";
import { define } from "./define.ts";
import type { Value } from "./value.ts";

define("jcc", (x) => {
  x.if(x.condition(x.row.arg), () => {
    x.checkRelative();
    x.jumpRelative();
  });
  x.next();
});
define("jmp", (x) => {
  x.checkRelative();
  x.jumpRelative();
});
define("jmp_indirect", (x) => {
  const target = x.operand(0).read();
  x.checkTarget(target);
  x.jumpTo(target);
});

define("call", (x) => {
  x.checkRelative();
  x.push(x.nextEip());
  x.jumpRelative();
});
define("call_indirect", (x) => {
  const target = x.operand(0).read();
  x.checkTarget(target);
  x.push(x.nextEip());
  x.jumpTo(target);
});
define("ret", (x) => {
  const target = x.peek();
  x.checkTarget(target);
  x.release(x.size);
  if (x.row.operands.length) x.release(x.convert(x.immediate("i32"), x.addressType));
  x.jumpTo(target);
});

/**
 * LOOPcc and JCXZ count in ECX, or in CX with a 16-bit address size. In 64-bit code it is RCX, or ECX with
 * a 32-bit one, and then RCX's upper half is cleared, as by every 32-bit result.
 */
function loop(name: string, taken: (x: Context, c: Value) => Value, decrement = true): void {
  define(name, (x) => {
    const counter = x.register(R_CX, x.addressBytes);
    const old = counter.read();
    const c = decrement ? x.sub(old, 1) : old;
    const cx = x.narrowed(c);
    const goes = taken(x, cx);
    x.if(goes, () => x.checkRelative());
    if (decrement && x.long) counter.write(cx);
    else if (decrement) {
      const keep = x.or(x.and(old, 0xffff0000 | 0), cx);
      counter.write(x.select(x.and(x.prefixes(), PREFIX_ADDR16), keep, c));
    }
    x.if(goes, () => x.jumpRelative());
    x.next();
  });
}
const ZERO = 4;
loop("loop", (x, c) => x.ne(c, 0));
loop("loope", (x, c) => x.and(x.ne(c, 0), x.condition(ZERO)));
loop("loopne", (x, c) => x.and(x.ne(c, 0), x.condition(ZERO + 1)));
loop("jcxz", (x, c) => x.eqz(c), false);

define("jmp_far", (x) => x.leave("insn_far_jmp", x.immediate2(), x.immediate("i32")));
define("call_far", (x) => {
  x.leave("insn_far_call", x.immediate2(), x.immediate("i32"), x.size);
});

/** A far pointer in memory: offset, then selector. */
function farPointer(x: Context): { selector: Value; offset: Value } {
  const offset = x.convert(x.memory(x.size).read(), "i32");
  const selector = x.memory(2, x.size).read();
  return { selector, offset };
}
define("jmp_far_indirect", (x) => {
  const { selector, offset } = farPointer(x);
  x.leave("insn_far_jmp", selector, offset);
});
define("call_far_indirect", (x) => {
  const { selector, offset } = farPointer(x);
  x.leave("insn_far_call", selector, offset, x.size);
});
define("ret_far", (x) => {
  x.leave("insn_far_ret", x.size, x.row.operands.length ? x.immediate("i32") : 0);
});

// LES LDS LSS LFS LGS: the general register is written once the segment has loaded
define("load_far", (x) => {
  const { selector, offset } = farPointer(x);
  x.leaveLoadFar(x.row.arg, selector, offset);
});

define("into", (x) => {
  x.if(x.overflow(), () => x.leave("insn_into"));
  x.next();
});

define("bound", (x) => {
  const i = x.signExtend(x.operand(0).read(), x.size);
  const low = x.signExtend(x.memory(x.size).read(), x.size);
  const high = x.signExtend(x.memory(x.size, x.size).read(), x.size);
  x.if(x.or(x.ltS(i, low), x.ltS(high, i)), () => x.fault(5));
  x.next();
});
