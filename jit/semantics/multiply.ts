/** Multiplication and division. */
import { R_AX, R_DX } from "../../core/wasm/layout.ts";
import type { Context, Place } from "./context.ts";
import { define } from "./define.ts";
import type { Value } from "./value.ts";

const DIVIDE_ERROR = 0;

/** Where the upper half of a product or dividend lives: AH for bytes, else DX. */
function upper(x: Context): Place {
  return x.size === 1 ? x.register(R_AX + 1, 1) : x.register(R_DX);
}

/**
 * The full product's halves. Up to 32 bits it fits an i64; at 64 the upper half is put together from
 * four partial products (and corrected for the signs).
 */
function product(x: Context, a: Value, b: Value, signed: boolean): { low: Value; high: Value } {
  if (x.size < 8) {
    const wide = (v: Value) => {
      const w = x.convert(v, "i64");
      return signed ? x.signExtend(w, x.size) : w;
    };
    const p = x.mul(wide(a), wide(b));
    const low = x.convert(p, "i32");
    return { low, high: x.convert(x.shrU(p, x.size * 8), "i32") };
  }
  const mask = x.constant(0xffffffffn, "i64");
  const al = x.and(a, mask), ah = x.shrU(a, 32), bl = x.and(b, mask), bh = x.shrU(b, 32);
  const middle = x.add(x.mul(ah, bl), x.shrU(x.mul(al, bl), 32));
  const other = x.add(x.mul(al, bh), x.and(middle, mask));
  let high = x.add(x.add(x.mul(ah, bh), x.shrU(middle, 32)), x.shrU(other, 32));
  if (signed) {
    high = x.sub(high, x.and(x.shrS(a, 63), b));
    high = x.sub(high, x.and(x.shrS(b, 63), a));
  }
  return { low: x.mul(a, b), high };
}

/** CF = OF = "the upper half matters". SF, ZF, AF and PF, undefined by the manual, stay as they were. */
function flags(x: Context, significant: Value): void {
  x.flagsRotate(significant, significant);
}

/** Whether the high half is not just the sign of the low one, as 0 or 1. */
function overflowed(x: Context, low: Value, high: Value): Value {
  const sign = x.shrS(x.signExtend(low, x.size), x.size === 8 ? 63 : 31);
  return x.ne(x.zeroExtend(high, x.size), x.zeroExtend(sign, x.size));
}

function widening(name: string, signed: boolean): void {
  define(name, (x) => {
    const a = x.register(R_AX).read();
    const { low, high } = product(x, a, x.operand(0).read(), signed);
    x.register(R_AX).write(low);
    upper(x).write(high);
    const zero = x.constant(0, high.type);
    const significant = signed ? overflowed(x, low, high) : x.ne(x.zeroExtend(high, x.size), zero);
    flags(x, significant);
    x.next();
  });
}
widening("mul", false);
widening("imul1", true);

function truncating(name: string, left: number): void {
  define(name, (x) => {
    const b = left === 0 ? x.operand(1).read() : x.operand(2).read();
    const a = x.operand(left).read();
    const { low, high } = product(x, a, b, true);
    x.operand(0).write(low);
    if (!x.noFlags) flags(x, overflowed(x, low, high));
    x.next();
  });
}
truncating("imul2", 0);
truncating("imul3", 1);

/** DIV and IDIV; a quotient that does not fit is #DE, and nothing has changed. */
function division(name: string, signed: boolean): void {
  define(name, (x) => {
    const divisor = x.operand(0).read();
    x.if(x.eqz(divisor), () => x.fault(DIVIDE_ERROR));
    if (x.size === 8) {
      x.check(x.call("cpu_divide64", divisor, signed ? 1 : 0));
      x.flagsDivided();
      x.next();
      return;
    }
    const bits = x.size * 8;
    const wide = (v: Value) => x.convert(v, "i64");
    const dividend = x.or(
      x.shl(wide(upper(x).read()), bits),
      wide(x.register(R_AX).read()),
    );
    let quotient: Value, remainder: Value, fits: Value;
    if (signed) {
      const d = x.size === 4 ? dividend : x.signExtendBits(dividend, bits * 2);
      const by = x.signExtend(wide(divisor), x.size);
      // the one case WASM refuses: the least i64 by -1
      const least = x.eq(d, x.constant(-(1n << 63n), "i64"));
      const minusOne = x.eq(by, x.constant(-1, "i64"));
      x.if(x.and(least, minusOne), () => x.fault(DIVIDE_ERROR));
      quotient = x.divS(d, by);
      remainder = x.remS(d, by);
      fits = x.eq(quotient, x.signExtend(quotient, x.size));
    } else {
      quotient = x.divU(dividend, wide(divisor));
      remainder = x.remU(dividend, wide(divisor));
      fits = x.eq(quotient, x.zeroExtend(quotient, x.size));
    }
    x.if(x.eqz(fits), () => x.fault(DIVIDE_ERROR));
    x.register(R_AX).write(x.convert(quotient, "i32"));
    upper(x).write(x.convert(remainder, "i32"));
    x.flagsDivided();
    x.next();
  });
}
division("div", false);
division("idiv", true);
