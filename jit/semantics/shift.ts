/** Shifts, rotates and double shifts. */
import { R_CX } from "../../core/wasm/layout.ts";
import type { Context } from "./context.ts";
import { define } from "./define.ts";
import type { Value } from "./value.ts";

/** The count operand, masked to 5 bits (6 at width 64), in the operand's type. */
function count(x: Context, n: number): Value {
  const operand = x.row.operands[n];
  const raw = operand === "1"
    ? x.constant(1)
    : operand === "Cb"
    ? x.register(R_CX, 1).read()
    : x.immediate("i32");
  const masked = operand === "1" ? raw : x.and(raw, x.size === 8 ? 63 : 31);
  return x.convert(masked, x.type);
}

/** Bit n (a value) of v, as an i32 0 or 1. */
function bit(x: Context, v: Value, n: Value | number): Value {
  return x.convert(x.and(x.shrU(v, n), 1), "i32");
}

/** Top bit of the operand size, as 0 or 1. */
function top(x: Context, v: Value): Value {
  return bit(x, v, x.size * 8 - 1);
}

/**
 * dst = shifted(dst, count). With a count of zero nothing changes, but memory must still be
 * writable: the processor reads and writes it all the same.
 */
function shift(
  name: string,
  compute: (x: Context, a: Value, n: Value) => { result: Value; cf: Value; of: Value },
): void {
  define(name, (x) => {
    const dst = x.operand(0);
    const n = count(x, 1);
    const a = dst.modify();
    if (x.row.operands[1] === "1") {
      const { result, cf, of } = compute(x, a, n);
      dst.write(result);
      x.flagsShift(result, cf, of);
    } else {
      const zero = x.eqz(n);
      const out = x.variable(a.type);
      x.set(out, a);
      const { result, cf, of } = compute(x, a, n);
      x.if(x.eqz(zero), () => x.set(out, result));
      dst.write(out);
      x.flagsWhen(x.eqz(zero), () => x.flagsShift(result, cf, of));
    }
    x.next();
  });
}

shift("shl", (x, a, n) => {
  // at 8 and 16 bits the carry may leave a count beyond the width: 64-bit arithmetic keeps it simple
  if (x.size < 4) {
    const wide = x.shl(a, n); // at most 16 + 31 bits would be lost above 32: only bit `size*8` counts
    const over = x.geU(n, x.size * 8 + 1);
    const cf = x.select(over, 0, bit(x, wide, x.size * 8));
    return { result: wide, cf, of: x.xor(top(x, wide), cf) };
  }
  const result = x.shl(a, n);
  const cf = bit(x, a, x.sub(x.constant(x.size * 8, a.type), n));
  return { result, cf, of: x.xor(top(x, result), cf) };
});

shift("shr", (x, a, n) => {
  const result = x.shrU(a, n);
  const cf = bit(x, a, x.sub(n, 1));
  // defined for a count of one only; beyond it is clear
  const by1 = x.row.operands[1] === "1";
  return { result, cf, of: by1 ? top(x, a) : x.and(top(x, a), x.eq(n, 1)) };
});

shift("sar", (x, a, n) => {
  const s = x.signExtend(a, x.size);
  const result = x.shrS(s, n);
  const cf = x.convert(x.and(x.shrS(s, x.sub(n, 1)), 1), "i32");
  return { result, cf, of: x.constant(0) };
});

/** dst = rotated(dst, count): CF and OF change only if the masked count is not zero. */
function rotate(
  name: string,
  compute: (x: Context, a: Value, n: Value) => { result: Value; cf: Value; of: Value },
): void {
  define(name, (x) => {
    const dst = x.operand(0);
    const n = count(x, 1);
    const a = dst.modify();
    const { result, cf, of } = compute(x, a, n);
    if (x.row.operands[1] === "1") {
      dst.write(result);
      x.flagsRotate(cf, of);
    } else {
      const turned = x.ne(n, x.constant(0, n.type));
      dst.write(x.select(turned, result, a));
      x.flagsWhen(turned, () => x.flagsRotate(cf, of));
    }
    x.next();
  });
}

rotate("rol", (x, a, n) => {
  const bits = x.size * 8;
  let result: Value;
  if (x.size >= 4) result = x.rotl(a, n);
  else {
    const k = x.and(n, bits - 1);
    result = x.or(x.shl(a, k), x.shrU(a, x.sub(bits, k)));
  }
  const cf = bit(x, result, 0);
  return { result, cf, of: x.xor(top(x, result), cf) };
});

rotate("ror", (x, a, n) => {
  const bits = x.size * 8;
  let result: Value;
  if (x.size >= 4) result = x.rotr(a, n);
  else {
    const k = x.and(n, bits - 1);
    result = x.or(x.shrU(a, k), x.shl(a, x.sub(bits, k)));
  }
  const cf = top(x, result);
  return { result, cf, of: x.xor(cf, bit(x, result, bits - 2)) };
});

// RCL and RCR turn a number one bit wider than the operand. Up to 33 bits fit an i64; at width 64 the
// two halves are put together by hand.
rotate("rcl", (x, a, n) => {
  const bits = x.size * 8;
  const carry = x.convert(x.carry(), "i64");
  if (x.size === 8) {
    // n = 0 is not used by the caller; n >= 1, so shifts by n - 1 and 64 - n stay below 64
    const low = x.shl(carry, x.sub(n, 1));
    const high = x.shl(a, n);
    const wrapped = x.shrU(x.shrU(a, 1), x.sub(x.constant(64, "i64"), n));
    const result = x.or(x.or(high, low), wrapped);
    const cf = bit(x, a, x.sub(x.constant(64, "i64"), n));
    return { result, cf, of: x.xor(top(x, result), cf) };
  }
  const width = bits + 1;
  const k = x.convert(x.remU(n, width), "i64");
  const v = x.or(x.convert(a, "i64"), x.shl(carry, x.constant(bits, "i64")));
  const turned = x.or(x.shl(v, k), x.shrU(v, x.sub(x.constant(width, "i64"), k)));
  const result = x.convert(turned, "i32");
  const cf = bit(x, turned, x.constant(bits, "i64"));
  return { result, cf, of: x.xor(top(x, result), cf) };
});

rotate("rcr", (x, a, n) => {
  const bits = x.size * 8;
  const carry = x.convert(x.carry(), "i64");
  if (x.size === 8) {
    const high = x.shl(carry, x.sub(x.constant(64, "i64"), n));
    const low = x.shrU(a, n);
    const wrapped = x.shl(x.shl(a, 1), x.sub(x.constant(64, "i64"), n));
    const result = x.or(x.or(high, low), wrapped);
    const cf = bit(x, a, x.sub(n, 1));
    return { result, cf, of: x.xor(top(x, result), bit(x, result, bits - 2)) };
  }
  const width = bits + 1;
  const k = x.convert(x.remU(n, width), "i64");
  const v = x.or(x.convert(a, "i64"), x.shl(carry, x.constant(bits, "i64")));
  const turned = x.or(x.shrU(v, k), x.shl(v, x.sub(x.constant(width, "i64"), k)));
  const result = x.convert(turned, "i32");
  const cf = bit(x, turned, x.constant(bits, "i64"));
  return { result, cf, of: x.xor(top(x, result), bit(x, result, bits - 2)) };
});

/**
 * SHLD and SHRD. At 16 bits a count above 16 is undefined by the manual; AMD's then shift the 48-bit string
 * dst:src:src, and so do we, with CF as the destination alone gives it.
 */
function doubleShift(name: string, left: boolean): void {
  define(name, (x) => {
    const bits = x.size * 8;
    const dst = x.operand(0);
    const b = x.operand(1).read();
    const n = count(x, 2);
    const a = dst.modify();
    const zero = x.eqz(n);
    let result: Value, cf: Value;
    if (x.size === 2) {
      const [high, low] = left ? [a, b] : [b, a];
      const wide = (v: Value, at: number) => x.shl(x.convert(v, "i64"), at);
      const string = x.or(x.or(wide(high, 32), wide(b, 16)), wide(low, 0));
      const k = x.convert(n, "i64");
      result = x.convert(left ? x.shrU(x.shl(string, k), 32) : x.shrU(string, k), "i32");
      cf = left ? bit(x, x.shl(a, n), bits) : bit(x, a, x.sub(n, 1));
    } else {
      const rest = x.sub(x.constant(bits, a.type), n);
      result = left ? x.or(x.shl(a, n), x.shrU(b, rest)) : x.or(x.shrU(a, n), x.shl(b, rest));
      cf = left ? bit(x, a, rest) : bit(x, a, x.sub(n, 1));
    }
    const of = left
      ? x.xor(cf, top(x, x.shl(a, n)))
      : x.xor(top(x, result), bit(x, result, bits - 2));
    dst.write(x.select(zero, a, result));
    x.flagsWhen(x.eqz(zero), () => x.flagsShift(result, cf, of));
    x.next();
  });
}
doubleShift("shld", true);
doubleShift("shrd", false);
