// FPATAN: the angle of the point (ST(0), ST(1)).
//
// The smaller coordinate over the larger, t; then atan(t) = atan(k/8) + atan((t - k/8) / (1 + t k/8)) with
// k/8 nearest to t, and a short power series for the rest.
import { f80_finish } from "../../float/f80";
import {
  Long,
  long_add,
  long_copy,
  long_divide,
  long_divide_small,
  long_from,
  long_integer,
  long_multiply,
  long_nudge,
  long_one,
  long_result,
  long_set,
  long_subtract,
  place,
} from "../../float/extended";
import { nan_result } from "../../float/nan";
import { DE, raise } from "../../float/state";
import { A, B, give_zero, K_INFINITE, K_ZERO, Unpacked } from "../../float/unpacked";
import { deliver } from "./arithmetic";
import { C1, is_empty, operand_a, operand_b, pop, put_indefinite, set_codes, stack_fault } from "./state";

const angle = place(20);
const ratio = place(21);
const square = place(22);
const term = place(23);
const one = place(24);
const eighths = place(25);
const base = place(26);
const other = place(27);

// atan(k/8), k = 1 to 8, the last a quarter of pi: exponents and 128 bits.
const EXPONENTS: usize = memory.data<i32>([-4, -3, -2, -2, -1, -1, -1, -1]);
const ARCTANGENTS: usize = memory.data<u64>([
  0xfeadd4d5617b6e32,
  0xc897989f3e888ef8,
  0xfadbafc96406eb15,
  0x6dc79ef5f7a217e6,
  0xb7b0ca0f26f78473,
  0x8aa32122dcfe4483,
  0xed63382b0dda7b45,
  0x6fe445ecbc3a8d03,
  0x8f005d5ef7f59f9b,
  0x5c835e1665c43748,
  0xa4bc7d1934f70924,
  0x19a87f2a457dac9f,
  0xb8053e2bc2319e73,
  0xcb2da55210a4443d,
  0xc90fdaa22168c234,
  0xc4c6628b80dc1cd1,
]);

export function arctangent(): void {
  set_codes(C1, 0);
  if (is_empty(0) || is_empty(1)) {
    if (!stack_fault(false)) return;
    put_indefinite(1);
    pop();
    return;
  }
  operand_a(0);
  operand_b(1);
  f80_finish(angle_of(), 64);
  if (deliver(1)) pop();
}

function set_pi(to: Long, exp: i32): void {
  long_set(to, exp, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1);
}

/** R = a multiple of pi / 4 with y's sign. */
function quarter_turns(n: i32): bool {
  set_pi(angle, -1);
  long_integer(term, n);
  long_multiply(angle, angle, term);
  angle.sign = B.sign;
  return long_result(angle, true);
}

function angle_of(): bool {
  if (nan_result()) return false;
  if (A.denormal || B.denormal) raise(DE);
  const left = A.sign != 0;
  if (B.kind == K_INFINITE) return quarter_turns(A.kind != K_INFINITE ? 2 : left ? 3 : 1);
  if (A.kind == K_INFINITE || B.kind == K_ZERO) return left ? quarter_turns(4) : give_zero(B.sign);
  if (A.kind == K_ZERO) return quarter_turns(2);
  const steep = B.exp > A.exp || (B.exp == A.exp && B.sig > A.sig);
  magnitude(steep ? A : B, steep ? B : A);
  if (steep || left) {
    // from a quarter turn, or from half a turn
    set_pi(base, steep ? 0 : 1);
    if (steep == left) long_add(angle, base, angle);
    else long_subtract(angle, base, angle);
  }
  angle.sign = B.sign;
  return long_result(angle, true);
}

/** angle = atan(|small / large|), small being no larger. */
function magnitude(small: Unpacked, large: Unpacked): void {
  long_from(ratio, small);
  long_from(term, large);
  ratio.sign = 0;
  term.sign = 0;
  long_divide(ratio, ratio, term);
  if (ratio.exp < -64) {
    long_copy(angle, ratio);
    long_nudge(angle, false);
    return;
  }
  // eighths nearest to the ratio
  const k = ratio.exp < -4 ? 0 : <i32> (((ratio.hi >> (59 - ratio.exp)) + 1) >> 1);
  if (k) {
    long_one(one);
    long_integer(eighths, k);
    eighths.exp -= 3;
    long_multiply(other, ratio, eighths);
    long_add(other, other, one);
    long_subtract(ratio, ratio, eighths);
    long_divide(ratio, ratio, other);
  }
  long_copy(angle, ratio);
  if (ratio.hi) {
    series();
    long_multiply(angle, ratio, term);
  }
  if (k) {
    const at = <usize> (k - 1);
    const p = ARCTANGENTS + at * 16;
    long_set(base, load<i32>(EXPONENTS + at * 4), load<u64>(p), load<u64>(p + 8));
    long_add(angle, base, angle);
  }
}

/** term = atan(ratio) / ratio, for a ratio of a sixteenth or less. */
function series(): void {
  long_multiply(square, ratio, ratio);
  long_one(one);
  long_divide_small(term, one, 35);
  for (let k: u64 = 33;; k -= 2) {
    long_multiply(term, term, square);
    long_divide_small(other, one, k);
    long_subtract(term, other, term);
    if (k == 1) break;
  }
}
