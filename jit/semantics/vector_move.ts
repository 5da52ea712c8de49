/** Moves of vectors and of parts of them. */
import type { Context } from "./context.ts";
import { define } from "./define.ts";
import type { Vector } from "./value.ts";
import {
  bytes,
  enterMmx,
  fromLanes,
  lane,
  ready,
  scalar,
  shuffle,
  simd,
  vector,
} from "./vector.ts";

/** dst = f(src); dst keeps what its width leaves out. */
function moves(name: string, compute: (x: Context, v: Vector) => Vector, unaligned = false): void {
  define(name, (x) => {
    ready(x);
    vector(x, 0, unaligned).write(compute(x, vector(x, 1, unaligned).read()));
    x.next();
  });
}

const PLAIN =
  "movaps movapd movdqa movq movss movsd movlps movlpd movntps movntpd movntdq movntq movdq2q";
for (const name of PLAIN.split(" ")) moves(name, (_x, v) => v);
for (const name of ["movups", "movupd", "movdqu", "lddqu"]) moves(name, (_x, v) => v, true);

const LOW = [0, 1, 2, 3, 4, 5, 6, 7];
const HIGH = [8, 9, 10, 11, 12, 13, 14, 15];
const lowHalf = (x: Context) => bytes(x, [...LOW.map(() => 255), ...LOW.map(() => 0)]);

// the low half, and zeroes above it, where the destination is a whole register
moves("movq_zero", (x, v) => simd(x, "v128.and", v, lowHalf(x)));
moves("movhlps", (x, v) => shuffle(x, v, v, [...HIGH, ...HIGH]));
moves("movddup", (x, v) => shuffle(x, v, v, [...LOW, ...LOW]));
const pairs = (low: number) =>
  [0, 8].flatMap((at) => [0, 0].flatMap(() => [0, 1, 2, 3].map((i) => at + low + i)));
moves("movsldup", (x, v) => shuffle(x, v, v, pairs(0)));
moves("movshdup", (x, v) => shuffle(x, v, v, pairs(4)));

// MOVHPS both ways, MOVLHPS: the high half, the other one stays
for (const name of ["movhps", "movhpd", "movlhps"]) {
  define(name, (x) => {
    ready(x);
    const v = vector(x, 1).read();
    const dst = vector(x, 0);
    if (x.inMemory(0)) dst.write(shuffle(x, v, v, [...HIGH, ...HIGH]));
    else dst.write(shuffle(x, dst.read(), v, [...LOW, ...LOW.map((i) => 16 + i)]));
    x.next();
  });
}

define("movd_to", (x) => {
  ready(x);
  const v = x.operand(1).read();
  vector(x, 0).write(scalar(x, v));
  x.next();
});
define("movd_from", (x) => {
  ready(x);
  const v = lane(x, vector(x, 1).read(), x.type);
  x.operand(0).write(v);
  enterMmx(x);
  x.next();
});
define("movq2dq", (x) => {
  ready(x);
  const v = vector(x, 1).read();
  enterMmx(x);
  vector(x, 0).write(v);
  x.next();
});

for (const [name, lanes] of [["movmskps", "i32x4"], ["movmskpd", "i64x2"]]) {
  define(name, (x) => {
    ready(x);
    x.operand(0).write(fromLanes(x, `${lanes}.bitmask`, vector(x, 1).read()));
    x.next();
  });
}
