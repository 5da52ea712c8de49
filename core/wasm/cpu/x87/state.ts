// The x87's registers, in the area at C_FX, and how an instruction ends.
//
// The eight registers lie there by their physical numbers R0 to R7 (so that MMX register n is always
// the same one), 16 bytes apart; FXSAVE and its kin give them in stack order. ST(i) is
// R[(TOP + i) & 7]. Source: Intel SDM volume 1, 8.1 and 8.5.
import { C_EIP, C_FX, C_SEG, CPU, CS, REC_DELTA, REC_IMM, REC_SEG, SEG_SEL, SEG_SIZE } from "../../layout";
import { float, float_begin_x87, IE } from "../../float/state";
import { A, B, R, unpack80, Unpacked } from "../../float/unpacked";
import { X } from "../../float/f80";
import { fpu_usable } from "../../traps/fpu";
import { fault, MF } from "../state";

// Offsets in the FXSAVE image (manual volume 1, 10.5).
export const FCW: usize = CPU + C_FX;
export const FSW: usize = FCW + 2;
export const FTW: usize = FCW + 4; // abridged: bit n = physical register n is not empty
export const FOP: usize = FCW + 6;
export const FIP: usize = FCW + 8;
export const FCS: usize = FCW + 12;
export const FDP: usize = FCW + 16;
export const FDS: usize = FCW + 20;
export const ST: usize = FCW + 32;

// Bits of the status word beyond the exceptions.
export const SF: u32 = 0x40; // stack fault
export const C0: u32 = 0x100;
export const C1: u32 = 0x200;
export const C2: u32 = 0x400;
export const C3: u32 = 0x4000;

// @ts-ignore: decorator
@inline export function top(): u32 {
  return (load<u16>(FSW) >> 11) & 7;
}

export function set_top(n: u32): void {
  store<u16>(FSW, <u16> ((<u32> load<u16>(FSW) & ~0x3800) | ((n & 7) << 11)));
}

// @ts-ignore: decorator
@inline export function physical(i: u32): u32 {
  return (top() + i) & 7;
}

/** Address of ST(i). */
// @ts-ignore: decorator
@inline export function st(i: u32): usize {
  return ST + <usize> (physical(i) << 4);
}

export function is_empty(i: u32): bool {
  return !((load<u8>(FTW) >> physical(i)) & 1);
}

export function set_empty(i: u32): void {
  store<u8>(FTW, load<u8>(FTW) & ~<u8> ((<u32> 1) << physical(i)));
}

/** Replaces ST(i), which is no longer empty. */
export function put(i: u32, sig: u64, se: u32): void {
  const p = st(i);
  store<u64>(p, sig);
  store<u16>(p + 8, <u16> se);
  store<u8>(FTW, load<u8>(FTW) | <u8> ((<u32> 1) << physical(i)));
}

/** Replaces ST(i) by the library's last result. */
export function put_result(i: u32): void {
  put(i, X.sig, X.se);
}

export function put_indefinite(i: u32): void {
  put(i, 0xc000000000000000, 0xffff);
}

export function get(x: Unpacked, i: u32): void {
  const p = st(i);
  unpack80(x, load<u64>(p), load<u16>(p + 8));
}

export function operand_a(i: u32): void {
  get(A, i);
}

export function operand_b(i: u32): void {
  get(B, i);
}

export function pop(): void {
  set_empty(0);
  set_top(top() + 1);
}

/** Moves TOP down: the new ST(0) is to be put. */
export function push(): void {
  set_top(top() - 1);
}

/** Bits of the significand that precision control leaves: 24, 53 or 64. */
export function precision(): i32 {
  const pc = (load<u16>(FCW) >> 8) & 3;
  return pc == 0 ? 24 : pc == 2 ? 53 : 64;
}

/** Replaces the condition codes in `mask` by those in `codes`. */
export function set_codes(mask: u32, codes: u32): void {
  store<u16>(FSW, <u16> ((load<u16>(FSW) & ~mask) | codes));
}

/** C1 as most instructions leave it: whether the last rounding went up. */
export function rounding_code(): void {
  set_codes(C1, R.up ? C1 : 0);
}

// ---- exceptions --------------------------------------------------------------------------------

/** An unmasked exception is waiting: the next waiting instruction gets #MF. */
export function error_pending(): bool {
  return (load<u16>(FSW) & ~load<u16>(FCW) & 0x3f) != 0;
}

/** Recomputes FSW.ES and B after the control or status word changed. */
export function update_summary(): void {
  const s: u16 = load<u16>(FSW) & 0x7f7f;
  store<u16>(FSW, error_pending() ? s | 0x8080 : s);
}

/** Adds the library's flags to the status word; true if one of `which` is unmasked. */
export function signal(which: u32): bool {
  if (!float.flags) return false; // nothing new, and nothing was pending when the instruction began
  store<u16>(FSW, <u16> (load<u16>(FSW) | float.flags));
  update_summary();
  return (float.flags & ~float.masks & which) != 0;
}

/**
 * A stack fault: IE and SF, C1 telling overflow (a push onto a full register) from underflow.
 *
 * @returns true if it is masked, so that a result is due
 */
export function stack_fault(overflow: bool): bool {
  store<u16>(FSW, load<u16>(FSW) | <u16> SF);
  set_codes(C1, overflow ? C1 : 0);
  float.flags = IE;
  return !signal(IE);
}

// ---- the start of an instruction ---------------------------------------------------------------

/** Low three bits of the opcode byte and the ModRM byte, as FOP has them and the decoder keeps them. */
// @ts-ignore: decorator
@inline export function opcode_of(rec: u32): u32 {
  return load<u32>(rec + REC_IMM) & 0x7ff;
}

/** #NM while virtual CR0.TS is set, #MF if an unmasked exception is waiting; false if so. */
export function begin(): bool {
  if (!fpu_usable()) return false;
  if (error_pending()) return fault(MF, 0);
  float_begin_x87(load<u16>(FCW));
  R.up = false;
  return true;
}

/** Notes where the last non-control instruction was. */
export function note_instruction(rec: u32): void {
  store<u16>(FOP, <u16> opcode_of(rec));
  store<u32>(FIP, load<u32>(CPU + C_EIP) + load<u16>(rec + REC_DELTA));
  store<u16>(FCS, load<u16>(CPU + C_SEG + CS * SEG_SIZE + SEG_SEL));
}

/** Notes the last memory operand, by its offset in the record's segment. */
export function note_operand(rec: u32, offset: u32): void {
  store<u32>(FDP, offset);
  store<u16>(FDS, load<u16>(CPU + C_SEG + <usize> load<u8>(rec + REC_SEG) * SEG_SIZE + SEG_SEL));
}
