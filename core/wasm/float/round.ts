// From an exact result in R to one that a format can hold.
import { DOWN, float, NEAREST, OE, PE, raise, UE, UP } from "./state";
import { EXP_SPECIAL, R, TOP } from "./unpacked";
import { shift_right_jam, wide } from "./wide";

let inexact: bool = false;
let carried: bool = false;

/**
 * sig:low rounded to the upper 64 - cut bits of sig. Sets `inexact`, R.up, and `carried` if it became
 * 2^64 (then 0 is given).
 */
function round_significand(cut: i32, sig: u64, low: u64): u64 {
  let kept = sig;
  let half: bool;
  let rest: bool;
  if (cut == 0) {
    half = low >> 63 != 0;
    rest = low << 1 != 0;
  } else {
    kept = (sig >> cut) << cut;
    half = ((sig >> (cut - 1)) & 1) != 0;
    rest = (sig << (65 - cut)) != 0 && cut > 1 || low != 0;
  }
  inexact = half || rest;
  const unit: u64 = (<u64> 1) << cut;
  let up: bool;
  switch (float.rounding) {
    case NEAREST:
      up = half && (rest || (kept & unit) != 0);
      break;
    case DOWN:
      up = inexact && R.sign != 0;
      break;
    case UP:
      up = inexact && R.sign == 0;
      break;
    default:
      up = false;
      break;
  }
  R.up = up;
  if (up) kept += unit;
  carried = up && kept == 0;
  return kept;
}

/**
 * Rounds R, a finite value that is not zero (sign, exp, sig with its top bit set, low).
 *
 * @param precision bits of the significand: 24, 53 or 64
 * @param emin smallest exponent of a normal number
 * @param emax largest exponent
 *
 * Leaves R ready to pack: a sig without its top bit is a denormal. Raises OE, UE (tininess is detected
 * after rounding) and PE. Source: SDM volume 1, 4.9.1.4 to 4.9.1.6.
 */
export function round_result(precision: i32, emin: i32, emax: i32): void {
  const cut = 64 - precision;
  R.wrapped = 0;
  const sig = round_significand(cut, R.sig, R.low);
  if (R.exp + (carried ? 1 : 0) < emin) {
    tiny(cut, emin, sig);
    return;
  }
  R.sig = sig;
  if (carried) {
    R.sig = TOP;
    R.exp++;
  }
  if (R.exp > emax) {
    overflow(cut, emax);
    return;
  }
  if (inexact) raise(PE);
}

function overflow(cut: i32, emax: i32): void {
  raise(OE);
  if (!(float.masks & OE)) {
    R.wrapped = 1;
    if (inexact) raise(PE);
    return;
  }
  raise(PE);
  const away = float.rounding == NEAREST || float.rounding == (R.sign ? DOWN : UP);
  R.up = away;
  R.exp = away ? EXP_SPECIAL : emax;
  R.sig = away ? TOP : (~(<u64> 0) >> cut) << cut;
}

/** @param rounded the significand rounded as if exponents had no bounds */
function tiny(cut: i32, emin: i32, rounded: u64): void {
  if (!(float.masks & UE)) {
    raise(UE);
    if (inexact) raise(PE);
    R.wrapped = -1;
    R.sig = rounded;
    if (carried) {
      R.sig = TOP;
      R.exp++;
    }
    return;
  }
  if (float.ftz) {
    raise(UE | PE);
    R.sig = 0;
    R.up = false;
    return;
  }
  shift_right_jam(R.sig, R.low, emin - R.exp);
  R.sig = round_significand(cut, wide.high, wide.low);
  R.exp = emin;
  if (inexact) raise(UE | PE);
}
