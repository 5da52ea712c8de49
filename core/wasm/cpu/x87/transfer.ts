// Onto the stack and off it: FLD, FILD, FBLD, the constants; FST, FIST, FISTTP, FBSTP; FXCH, FFREE.
import { f80_from_f32, f80_from_f64, f80_from_integer, f80_to_f32, f80_to_f64, X } from "../../float/f80";
import { integer_of_operand } from "../../float/integer";
import { float, float_precomputation, IE, OE, PE, UE } from "../../float/state";
import { R } from "../../float/unpacked";
import { bcd_of_operand, bcd_sign_and_top, integer_of_bcd } from "./bcd";
import {
  C1,
  is_empty,
  operand_a,
  pop,
  push,
  put,
  put_indefinite,
  put_result,
  rounding_code,
  set_codes,
  set_empty,
  signal,
  st,
  stack_fault,
} from "./state";

/** Room for a push; else the stack fault was dealt with. */
function have_room(): bool {
  set_codes(C1, 0);
  if (is_empty(7)) return true;
  if (stack_fault(true)) {
    push();
    put_indefinite(0);
  }
  return false;
}

/** Pushes X unless its making was invalid and that is unmasked; an unmasked DE does not stop it. */
function push_result(): void {
  if (float.flags & ~float.masks & IE) {
    signal(0);
    return;
  }
  push();
  put_result(0);
  signal(0);
}

// Formats of memory operands, loaded and stored.
export const F32: u32 = 0;
export const F64: u32 = 1;
export const F80: u32 = 2;
export const I16: u32 = 3;
export const I32: u32 = 4;
export const I64: u32 = 5;
export const BCD: u32 = 6;

/** Pushes a memory operand: its low 64 bits, and what lies above them. */
export function load_memory(format: u32, v: u64, high: u32): void {
  if (!have_room()) return;
  switch (format) {
    case F32:
      f80_from_f32(<u32> v);
      break;
    case F64:
      f80_from_f64(v);
      break;
    case F80:
      X.sig = v;
      X.se = high;
      break;
    case BCD:
      f80_from_integer(integer_of_bcd(v, high));
      if (high & 0x8000) X.se |= 0x8000; // there is a negative zero
      break;
    default:
      f80_from_integer(format == I16 ? <i64> (<i16> v) : format == I32 ? <i64> (<i32> v) : v);
      break;
  }
  push_result();
}

/** FLD ST(i). */
export function load_register(i: u32): void {
  if (is_empty(i)) {
    if (stack_fault(false)) {
      push();
      put_indefinite(0);
    }
    return;
  }
  const p = st(i);
  X.sig = load<u64>(p);
  X.se = load<u16>(p + 8);
  if (have_room()) push_result();
}

// FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ: exponent, significand cut off, and whether the next
// bits make it round up to the nearest.
const CONSTANTS: usize = memory.data<u64>([
  0x8000000000000000,
  0xd49a784bcd1b8afe,
  0xb8aa3b295c17f0bb,
  0xc90fdaa22168c234,
  0x9a209a84fbcff798,
  0xb17217f7d1cf79ab,
  0,
]);
const EXPONENTS: usize = memory.data<u16>([0x3fff, 0x4000, 0x3fff, 0x4000, 0x3ffd, 0x3ffe, 0]);
const INEXACT: u32 = 0b0111110;
const NEAREST_UP: u32 = 0b0111100;

/** @param n the instruction's ModRM.rm */
export function load_constant(n: u32): void {
  if (!have_room()) return;
  const bits = float.rounding == 0 ? NEAREST_UP : float.rounding == 2 ? INEXACT : 0;
  X.sig = load<u64>(CONSTANTS + <usize> (n << 3)) + ((bits >> n) & 1);
  X.se = load<u16>(EXPONENTS + <usize> (n << 1));
  push_result();
}

// ---- stores ------------------------------------------------------------------------------------

/** What a store writes: the low 64 bits, and what lies above them. */
export let stored_low: u64 = 0;
export let stored_high: u32 = 0;
let pending_flags: u32 = 0;
let pending_stack_fault: bool = false;
let pending_up: bool = false;

function store_indefinite(format: u32): void {
  stored_high = 0xffff;
  if (format == F32) stored_low = 0xffc00000;
  else if (format == F64) stored_low = 0xfff8000000000000;
  else if (format == F80 || format == BCD) stored_low = 0xc000000000000000;
  else stored_low = <u64> -1 << (format == I16 ? 15 : format == I32 ? 31 : 63);
}

/**
 * Converts ST(0) for a store. Nothing of the guest's state changes but the status word where there is
 * nothing to write; where there is, `finish_store` follows once memory has taken it.
 *
 * @returns true if stored_low and stored_high are to be written
 */
export function prepare_store(format: u32, truncate: bool): bool {
  if (is_empty(0)) {
    if (!(float.masks & IE)) {
      stack_fault(false);
      return false;
    }
    pending_stack_fault = true;
    store_indefinite(format);
    return true;
  }
  pending_stack_fault = false;
  operand_a(0);
  const p = st(0);
  R.up = false;
  switch (format) {
    case F32:
      stored_low = f80_to_f32();
      break;
    case F64:
      stored_low = f80_to_f64();
      break;
    case F80:
      stored_low = load<u64>(p);
      stored_high = load<u16>(p + 8);
      break;
    case BCD:
      stored_low = bcd_of_operand();
      stored_high = bcd_sign_and_top;
      break;
    default:
      stored_low = integer_of_operand(format == I16 ? 16 : format == I32 ? 32 : 64, truncate);
      break;
  }
  // an unmasked overflow or underflow stores nothing either
  if (float_precomputation() || (float.flags & ~float.masks & (OE | UE))) {
    set_codes(C1, 0);
    float.flags &= ~PE;
    signal(0);
    return false;
  }
  pending_flags = float.flags;
  pending_up = R.up;
  return true;
}

/** After the write: flags, C1, pop. */
export function finish_store(pops: bool): void {
  if (pending_stack_fault) stack_fault(false);
  else {
    float.flags = pending_flags;
    R.up = pending_up;
    rounding_code();
    signal(0);
  }
  if (pops) pop();
}

/**
 * FST ST(i).
 *
 * @param unchecked the alias D9 D8+i: an empty register is popped, not stored
 */
export function store_register(i: u32, pops: bool, unchecked: bool): void {
  set_codes(C1, 0);
  if (unchecked && is_empty(0)) {
    pop();
    return;
  }
  if (is_empty(0)) {
    if (!stack_fault(false)) return;
    put_indefinite(i);
  } else {
    const p = st(0);
    put(i, load<u64>(p), load<u16>(p + 8));
  }
  if (pops) pop();
}

/** FXCH. */
export function exchange(i: u32): void {
  set_codes(C1, 0);
  if (is_empty(0) || is_empty(i)) {
    if (!stack_fault(false)) return;
    if (is_empty(0)) put_indefinite(0);
    if (is_empty(i)) put_indefinite(i);
  }
  const a = st(0);
  const b = st(i);
  const sig = load<u64>(a);
  const se: u32 = load<u16>(a + 8);
  put(0, load<u64>(b), load<u16>(b + 8));
  put(i, sig, se);
}

/** FFREE, FFREEP. */
export function free_register(i: u32, pops: bool): void {
  set_codes(C1, 0);
  set_empty(i);
  if (pops) pop();
}
