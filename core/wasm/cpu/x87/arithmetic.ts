// FADD FMUL FSUB FSUBR FDIV FDIVR in all their forms, FSQRT, FRNDINT, FABS, FCHS.
import { float, float_precomputation } from "../../float/state";
import { A, B, copy_unpacked, Unpacked } from "../../float/unpacked";
import { f80_add, f80_div, f80_mul, f80_round_to_integer, f80_sqrt, f80_sub } from "../../float/f80";
import {
  C1,
  is_empty,
  operand_a,
  operand_b,
  pop,
  precision,
  put_indefinite,
  put_result,
  rounding_code,
  set_codes,
  signal,
  st,
  stack_fault,
} from "./state";

// The operations as ModRM.reg numbers them; 2 and 3 are comparisons.
const ADD: u32 = 0;
const MULTIPLY: u32 = 1;
const SUBTRACT: u32 = 4;
const SUBTRACT_REVERSED: u32 = 5;
const DIVIDE: u32 = 6;

const T: Unpacked = changetype<Unpacked>(memory.data(32, 8));

function compute(operation: u32): void {
  if (operation & 1 && operation != MULTIPLY) {
    copy_unpacked(T, A);
    copy_unpacked(A, B);
    copy_unpacked(B, T);
  }
  const p = precision();
  if (operation == ADD) f80_add(p);
  else if (operation == MULTIPLY) f80_mul(p);
  else if (operation == SUBTRACT || operation == SUBTRACT_REVERSED) f80_sub(p);
  else f80_div(p);
}

/** Delivers what the library computed to ST(i). False if an unmasked exception left no result. */
export function deliver(i: u32): bool {
  if (float_precomputation()) {
    set_codes(C1, 0);
    signal(0);
    return false;
  }
  put_result(i);
  rounding_code();
  signal(0);
  return true;
}

/** ST(destination) = ST(0) op ST(i); SUBR and DIVR with the operands exchanged. */
export function arithmetic_registers(operation: u32, i: u32, destination: u32, pops: bool): void {
  if (is_empty(0) || is_empty(i)) {
    if (!stack_fault(false)) return;
    put_indefinite(destination);
  } else {
    operand_a(0);
    operand_b(i);
    compute(operation);
    if (!deliver(destination)) return;
  }
  if (pops) pop();
}

/** ST(0) = ST(0) op B, with B already unpacked from memory. */
export function arithmetic_memory(operation: u32): void {
  if (is_empty(0)) {
    if (stack_fault(false)) put_indefinite(0);
    return;
  }
  operand_a(0);
  compute(operation);
  deliver(0);
}

/** True if ST(0) may be worked on; else the stack fault was dealt with. */
export function have_operand(): bool {
  set_codes(C1, 0);
  if (!is_empty(0)) return true;
  if (stack_fault(false)) put_indefinite(0);
  return false;
}

export function square_root(): void {
  if (!have_operand()) return;
  operand_a(0);
  f80_sqrt(precision());
  deliver(0);
}

export function round_to_integer(): void {
  if (!have_operand()) return;
  operand_a(0);
  f80_round_to_integer(float.rounding);
  deliver(0);
}

/** FCHS, FABS: the sign bit, whatever the register holds. */
export function change_sign(clear: bool): void {
  if (!have_operand()) return;
  const p = st(0) + 8;
  const se = load<u16>(p);
  store<u16>(p, clear ? se & 0x7fff : se ^ 0x8000);
}
