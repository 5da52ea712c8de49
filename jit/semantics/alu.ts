/** Addition, subtraction, logic and comparison. */
import type { Context } from "./context.ts";
import { define } from "./define.ts";
import type { Value } from "./value.ts";
import { lane, pair, selectVector } from "./vector.ts";

/** dst = f(dst, src), with flags. */
function binary(
  name: string,
  compute: (x: Context, a: Value, b: Value) => Value,
  flags: (x: Context, a: Value, b: Value, r: Value) => void,
): void {
  define(name, (x) => {
    const dst = x.operand(0);
    const b = x.operand(1).read();
    const a = dst.modify();
    const r = compute(x, a, b);
    dst.write(r);
    flags(x, a, b, r);
    x.next();
  });
}

const withCarry = (x: Context, b: Value) => x.convert(x.carry(), b.type);

binary("add", (x, a, b) => x.add(a, b), (x, a, b, r) => x.flagsAdd(a, b, r));
binary(
  "adc",
  (x, a, b) => x.add(x.add(a, b), withCarry(x, b)),
  (x, a, b, r) => x.flagsAdd(a, b, r),
);
binary("sub", (x, a, b) => x.sub(a, b), (x, a, b, r) => x.flagsSub(a, b, r));
binary(
  "sbb",
  (x, a, b) => x.sub(x.sub(a, b), withCarry(x, b)),
  (x, a, b, r) => x.flagsSub(a, b, r),
);
binary("and", (x, a, b) => x.and(a, b), (x, _a, _b, r) => x.flagsLogic(r));
binary("or", (x, a, b) => x.or(a, b), (x, _a, _b, r) => x.flagsLogic(r));
binary("xor", (x, a, b) => x.xor(a, b), (x, _a, _b, r) => x.flagsLogic(r));

define("cmp", (x) => {
  const b = x.operand(1).read();
  const a = x.operand(0).read();
  x.flagsSub(a, b, x.sub(a, b));
  x.next();
});

define("test", (x) => {
  const b = x.operand(1).read();
  const a = x.operand(0).read();
  x.flagsLogic(x.and(a, b));
  x.next();
});

define("inc", (x) => {
  const dst = x.operand(0);
  const a = dst.modify();
  const r = x.add(a, 1);
  dst.write(r);
  x.flagsKeepCarry(a, r, false);
  x.next();
});

define("dec", (x) => {
  const dst = x.operand(0);
  const a = dst.modify();
  const r = x.sub(a, 1);
  dst.write(r);
  x.flagsKeepCarry(a, r, true);
  x.next();
});

define("neg", (x) => {
  const dst = x.operand(0);
  const a = dst.modify();
  const zero = x.constant(0, a.type);
  const r = x.sub(zero, a);
  dst.write(r);
  x.flagsSub(zero, a, r);
  x.next();
});

define("not", (x) => {
  const dst = x.operand(0);
  dst.write(x.not(dst.modify()));
  x.next();
});

define("cmpxchg", (x) => {
  const dst = x.operand(0);
  const source = x.operand(1).read();
  const accumulator = x.register(0, x.size);
  const expected = accumulator.read();
  const found = dst.modify();
  const difference = x.sub(expected, found);
  const equal = x.eq(x.zeroExtend(difference, x.size), x.constant(0, difference.type));
  // memory is written either way, as on the processor; a register's upper half stays if they differ
  if (x.long && !x.inMemory(0)) x.if(equal, () => dst.write(source));
  else dst.write(x.select(equal, source, found));
  // the accumulator changes only when they differ: with equality a 32-bit write would be harmless
  x.if(x.eqz(equal), () => accumulator.write(found));
  x.flagsSub(expected, found, difference);
  x.next();
});

define("xadd", (x) => {
  const dst = x.operand(0);
  const source = x.operand(1);
  const b = source.read();
  const a = dst.modify();
  const r = x.add(a, b);
  // the source first, so that XADD with twice the same register leaves the sum; but after the fault
  if (x.inMemory(0)) {
    dst.write(r);
    source.write(a);
  } else {
    source.write(a);
    dst.write(r);
  }
  x.flagsAdd(a, b, r);
  x.next();
});

/** CMPXCHG16B: the operand is a vector in memory, which must be aligned. */
function compareExchange16(x: Context): void {
  const memory = x.vectorMemory(16, true);
  const low = x.register(0x00, 8), high = x.register(0x10, 8);
  const found = memory.modify();
  const [a, d] = [lane(x, found, "i64", 0), lane(x, found, "i64", 1)];
  const equal = x.and(x.eq(a, low.read()), x.eq(d, high.read()));
  const wanted = pair(x, x.register(0x18, 8).read(), x.register(0x08, 8).read());
  memory.write(selectVector(x, equal, wanted, found));
  x.if(x.eqz(equal), () => {
    low.write(a);
    high.write(d);
  });
  x.setZero(equal);
  x.next();
}

define("cmpxchg8b", (x) => {
  if (x.size === 8) return compareExchange16(x);
  const memory = x.memory(8);
  const low = x.register(0x00, 4);
  const high = x.register(0x10, 4);
  const pair = (l: Value, h: Value) =>
    x.or(x.convert(l, "i64"), x.shl(x.convert(h, "i64"), x.constant(32, "i64")));
  const found = memory.modify();
  const equal = x.eq(found, pair(low.read(), high.read()));
  const wanted = pair(x.register(0x18, 4).read(), x.register(0x08, 4).read());
  memory.write(x.select(equal, wanted, found));
  x.if(x.eqz(equal), () => {
    low.write(x.convert(found, "i32"));
    high.write(x.convert(x.shrU(found, 32), "i32"));
  });
  x.setZero(equal);
  x.next();
});

for (const [i, name] of ["daa", "das", "aaa", "aas"].entries()) {
  define(name, (x) => {
    x.check(x.call("cpu_decimal", i, 0));
    x.next();
  });
}
define("aam", (x) => {
  x.check(x.call("cpu_decimal", 4, x.immediate("i32")));
  x.next();
});
define("aad", (x) => {
  x.check(x.call("cpu_decimal", 5, x.immediate("i32")));
  x.next();
});
