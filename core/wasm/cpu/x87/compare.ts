// FCOM, FUCOM, FTST, FCOMI and their kin; FXAM; FCMOVcc.
import { compare_operands, EQUAL, LESS, UNORDERED } from "../../float/compare";
import { IE, DE } from "../../float/state";
import { A, B, K_INFINITE, K_UNSUPPORTED, K_ZERO } from "../../float/unpacked";
import { CF, flags_arithmetic, flags_set_arithmetic, PF, ZF } from "../flags";
import {
  C0,
  C1,
  C2,
  C3,
  is_empty,
  operand_a,
  operand_b,
  pop,
  put,
  put_indefinite,
  set_codes,
  signal,
  st,
  stack_fault,
} from "./state";

function codes_of(relation: u32): u32 {
  if (relation == UNORDERED) return C3 | C2 | C0;
  return relation == EQUAL ? C3 : relation == LESS ? C0 : 0;
}

function flags_of(relation: u32): u32 {
  if (relation == UNORDERED) return ZF | PF | CF;
  return relation == EQUAL ? ZF : relation == LESS ? CF : 0;
}

function give(relation: u32, to_flags: bool): void {
  if (!to_flags) {
    set_codes(C0 | C1 | C2 | C3, codes_of(relation));
    return;
  }
  flags_set_arithmetic(flags_of(relation)); // C1 stays
}

/**
 * Compares A and B, both unpacked. An unmasked exception keeps the operands on the stack; the codes are
 * set all the same.
 */
function compare(quiet: bool, to_flags: bool, pops: u32): void {
  give(compare_operands(!quiet), to_flags);
  if (signal(IE | DE)) return;
  for (; pops; pops--) pop();
}

function compare_empty(to_flags: bool, pops: u32): void {
  const masked = stack_fault(false);
  give(UNORDERED, to_flags);
  if (!masked) return;
  for (; pops; pops--) pop();
}

/** FCOM, FUCOM (quiet), FCOMI (to EFLAGS) of ST(0) with ST(i). */
export function compare_registers(i: u32, quiet: bool, to_flags: bool, pops: u32): void {
  if (is_empty(0) || is_empty(i)) {
    compare_empty(to_flags, pops);
    return;
  }
  operand_a(0);
  operand_b(i);
  compare(quiet, to_flags, pops);
}

/** FCOM, FICOM of ST(0) with B, already unpacked from memory. */
export function compare_memory(pops: u32): void {
  if (is_empty(0)) {
    compare_empty(false, pops);
    return;
  }
  operand_a(0);
  compare(false, false, pops);
}

/** FTST: against +0. */
export function compare_zero(): void {
  B.kind = K_ZERO;
  B.sign = 0;
  B.denormal = false;
  compare_memory(0);
}

/** FXAM: the class of ST(0), empty or not; C1 its sign. */
export function examine(): void {
  operand_a(0);
  let codes: u32;
  if (is_empty(0)) codes = C3 | C0;
  else if (A.kind == K_UNSUPPORTED) codes = 0;
  else if (A.kind == K_ZERO) codes = C3;
  else if (A.kind == K_INFINITE) codes = C2 | C0;
  else if (A.kind > K_INFINITE) codes = C0;
  else codes = A.denormal ? C3 | C2 : C2;
  if (load<u8>(st(0) + 9) & 0x80) codes |= C1;
  set_codes(C0 | C1 | C2 | C3, codes);
}

/** FCMOVcc: ST(0) = ST(i) where the condition (B E BE U and their opposites, 0 to 7) holds. */
export function conditional_move(condition: u32, i: u32): void {
  if (is_empty(0) || is_empty(i)) {
    if (stack_fault(false)) put_indefinite(0);
    return;
  }
  const flags = flags_arithmetic();
  const kind = condition & 3;
  const mask = kind == 0 ? CF : kind == 1 ? ZF : kind == 2 ? CF | ZF : PF;
  if (((flags & mask) != 0) != (condition > 3)) {
    const p = st(i);
    put(0, load<u64>(p), load<u16>(p + 8));
  }
}
