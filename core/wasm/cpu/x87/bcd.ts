// Packed decimal: 18 digits in nine bytes, a sign in the tenth's top bit.
import { integer_of_operand } from "../../float/integer";
import { float, IE } from "../../float/state";
import { A, R } from "../../float/unpacked";

const LIMIT: i64 = 999999999999999999;

/** Value of a packed decimal; digits above nine weigh what they say. */
export function integer_of_bcd(low: u64, high: u32): i64 {
  let v: i64 = ((high >> 4) & 15) * 10 + (high & 15);
  for (let i = 60; i >= 0; i -= 4) v = v * 10 + <i64> ((low >> i) & 15);
  return high & 0x8000 ? -v : v;
}

/** The upper two bytes of what bcd_of_operand gave. */
export let bcd_sign_and_top: u32 = 0;

/** A rounded to a packed decimal: the low eight bytes. IE and the indefinite if it has more digits. */
export function bcd_of_operand(): u64 {
  const before = float.flags;
  const v = integer_of_operand(64, false);
  if ((float.flags & IE) || v > LIMIT || v < -LIMIT) {
    float.flags = before | IE;
    R.up = false;
    bcd_sign_and_top = 0xffff;
    return 0xc000000000000000;
  }
  let n: u64 = v < 0 ? -v : v;
  let low: u64 = 0;
  for (let i = 0; i < 64; i += 4) {
    low |= (n % 10) << i;
    n /= 10;
  }
  const top = <u32> n;
  bcd_sign_and_top = (A.sign << 15) | ((top / 10) << 4) | top % 10;
  return low;
}
