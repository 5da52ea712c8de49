// F2XM1: 2^x - 1, by the power series of e^(x ln 2) - 1.
import { f80_finish } from "../../float/f80";
import {
  long_add,
  long_divide_small,
  long_from,
  long_multiply,
  long_one,
  long_result,
  long_set,
  place,
} from "../../float/extended";
import { nan_result_one } from "../../float/nan";
import { DE, PE, raise } from "../../float/state";
import { A, give_infinity, give_operand, give_zero, K_INFINITE, K_ZERO, R } from "../../float/unpacked";
import { deliver, have_operand } from "./arithmetic";
import { operand_a } from "./state";

const argument = place(8);
const sum = place(9);
const one = place(10);

export function exp2_minus_1(): void {
  if (!have_operand()) return;
  operand_a(0);
  f80_finish(computed(), 64);
  deliver(0);
}

function computed(): bool {
  if (nan_result_one()) return false;
  if (A.kind == K_ZERO) return give_zero(A.sign);
  if (A.kind == K_INFINITE && A.sign == 0) return give_infinity(0);
  if (A.kind == K_INFINITE) {
    long_one(one);
    one.sign = 1;
    return long_result(one, false);
  }
  if (A.denormal) raise(DE);
  if (A.exp >= 0) return beyond();
  long_from(argument, A);
  long_set(sum, -1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af); // ln 2
  long_multiply(argument, argument, sum);
  long_one(one);
  long_one(sum);
  for (let k: u64 = 32; k > 1; k--) {
    long_multiply(sum, sum, argument);
    long_divide_small(sum, sum, k);
    long_add(sum, one, sum);
  }
  long_multiply(sum, sum, argument);
  return long_result(sum, true);
}

/** |x| of one and more: one is exact; beyond, where the manual defines nothing, AMD gives x back. */
function beyond(): bool {
  give_operand(A);
  raise(PE);
  if (A.exp == 0 && A.sig == 0x8000000000000000 && A.sign) R.exp = -1;
  return true;
}
