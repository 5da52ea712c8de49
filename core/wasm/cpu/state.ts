// The registers of the vCPU that runs now, by name. Everything outside the generated handlers
// reaches them through these functions.
import {
  C_BUDGET,
  C_CPL,
  C_EFLAGS,
  C_EIP,
  C_FAULT,
  C_FAULT_ADDRESS,
  C_FAULT_ERROR,
  C_INSN_EIP,
  C_JUMP_TAG,
  C_MODE,
  C_RETIRED_END,
  C_SEG,
  C_STEP_ARMED,
  C_STOP,
  C_TLB_TAG,
  CPU,
  CS,
  DS,
  ES,
  MODE_CODE32,
  MODE_CODE_FLAT,
  MODE_FLAT,
  MODE_LONG,
  MODE_STACK32,
  MODE_STEP,
  MODE_USER,
  NO_FAULT,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SEL,
  SEG_SIZE,
  SS,
  TLB_CHANGES,
} from "../layout";

import { LONG } from "./tables";

/** True while 64-bit code runs. A constant of the build where there is none. */
// @ts-ignore: decorator
@inline export function long_mode(): bool {
  return LONG ? (load<u32>(CPU + C_MODE) & MODE_LONG) != 0 : false;
}

// Register numbers, as encoded.
export const AX = 0;
export const CX = 1;
export const DX = 2;
export const BX = 3;
export const SP = 4;
export const BP = 5;
export const SI = 6;
export const DI = 7;

// Descriptor attributes as SEG_ATTR keeps them (the descriptor's high word, bits 8..23 in place).
export const ATTR_TYPE_A: u32 = 0x100; // accessed
export const ATTR_TYPE_W: u32 = 0x200; // data: writable; code: readable
export const ATTR_TYPE_E: u32 = 0x400; // data: expand-down; code: conforming
export const ATTR_TYPE_CODE: u32 = 0x800;
export const ATTR_S: u32 = 0x1000;
export const ATTR_DPL_SHIFT: u32 = 13;
export const ATTR_P: u32 = 0x8000;
export const ATTR_L: u32 = 0x200000;
export const ATTR_D: u32 = 0x400000;
export const ATTR_G: u32 = 0x800000;

// @ts-ignore: decorator
@inline export function gpr(n: u32): u32 {
  return load<u32>(CPU + (n << 3));
}

// @ts-ignore: decorator
@inline export function set_gpr(n: u32, v: u32): void {
  store<u64>(CPU + (n << 3), v);
}

/** A register's 64 bits. */
// @ts-ignore: decorator
@inline export function gpr64(n: u32): u64 {
  return load<u64>(CPU + (n << 3));
}

// @ts-ignore: decorator
@inline export function set_gpr64(n: u32, v: u64): void {
  store<u64>(CPU + (n << 3), v);
}

// @ts-ignore: decorator
@inline export function eip(): u64 {
  return load<u64>(CPU + C_EIP);
}

// @ts-ignore: decorator
@inline export function set_eip(v: u64): void {
  store<u64>(CPU + C_EIP, v);
}

/** EIP of the instruction that a slow helper works for or that faulted. */
// @ts-ignore: decorator
@inline export function insn_eip(): u64 {
  return load<u64>(CPU + C_INSN_EIP);
}
/** Puts the blame for a fault on another instruction. */
// @ts-ignore: decorator
@inline export function set_insn_eip(v: u64): void {
  store<u64>(CPU + C_INSN_EIP, v);
}

// @ts-ignore: decorator
@inline export function cpl(): u32 {
  return load<u32>(CPU + C_CPL);
}

// @ts-ignore: decorator
@inline export function seg_selector(s: u32): u32 {
  return load<u32>(CPU + C_SEG + s * SEG_SIZE + SEG_SEL);
}

// @ts-ignore: decorator
@inline export function seg_attr(s: u32): u32 {
  return load<u32>(CPU + C_SEG + s * SEG_SIZE + SEG_ATTR);
}

// @ts-ignore: decorator
@inline export function seg_base(s: u32): u64 {
  return load<u64>(CPU + C_SEG + s * SEG_SIZE + SEG_BASE);
}

// @ts-ignore: decorator
@inline export function seg_limit(s: u32): u32 {
  return load<u32>(CPU + C_SEG + s * SEG_SIZE + SEG_LIMIT);
}

/** Loads the hidden and visible parts of a segment register without any check; call update_mode() after. */
// @ts-ignore: decorator
@inline export function set_segment(s: u32, selector: u32, attr: u32, base: u64, limit: u32): void {
  const p: usize = CPU + C_SEG + s * SEG_SIZE;
  store<u32>(p + SEG_SEL, selector);
  store<u32>(p + SEG_ATTR, attr);
  store<u64>(p + SEG_BASE, base);
  store<u32>(p + SEG_LIMIT, limit);
}

/** Zero for a segment of base 0 that spans 4 GiB. */
// @ts-ignore: decorator
@inline function not_flat(s: u32): u64 {
  return seg_base(s) | ~seg_limit(s);
}

/** Zero for a flat segment of writable data. */
// @ts-ignore: decorator
@inline export function not_flat_data(s: u32): u64 {
  const wrong = (seg_attr(s) ^ (ATTR_P | ATTR_S | ATTR_TYPE_W)) &
    (ATTR_P | ATTR_S | ATTR_TYPE_CODE | ATTR_TYPE_E | ATTR_TYPE_W);
  return wrong | not_flat(s);
}

/** Misaligned accesses raise #AC. */
export let alignment_checked: bool = false;

/**
 * Recomputes C_CPL's, C_MODE's and C_JUMP_TAG's dependants. To be called after any change of a
 * segment register, CPL, TF, or the address space number (C_TLB_TAG).
 */
export function update_mode(): void {
  let m: u32 = 0;
  // CR0.AM is always set: ring 3 needs only EFLAGS.AC
  alignment_checked = cpl() == 3 && (load<u32>(CPU + C_EFLAGS) & 0x40000) != 0;
  if (LONG && seg_attr(CS) & ATTR_L) {
    // bases and limits count for nothing, but for the bases of FS and GS
    m = MODE_LONG | MODE_CODE32 | MODE_STACK32 | MODE_CODE_FLAT;
    if (!alignment_checked) m |= MODE_FLAT;
    finish_mode(m);
    return;
  }
  if (seg_attr(CS) & ATTR_D) m |= MODE_CODE32;
  if (seg_attr(SS) & ATTR_D) m |= MODE_STACK32;
  if (!not_flat(CS)) {
    m |= MODE_CODE_FLAT;
    // where alignment is checked, every access takes the checked way
    if (
      m == (MODE_CODE32 | MODE_STACK32 | MODE_CODE_FLAT) && !alignment_checked &&
      !(not_flat_data(SS) | not_flat_data(DS) | not_flat_data(ES))
    ) m |= MODE_FLAT;
  }
  finish_mode(m);
}

// @ts-ignore: decorator
@inline function finish_mode(m: u32): void {
  if ((load<u32>(CPU + C_EFLAGS) & 0x100) || load<u32>(CPU + C_STEP_ARMED) || breakpoints_armed || host_steps) {
    m |= MODE_STEP;
  }
  const user = cpl() == 3;
  if (user) m |= MODE_USER;
  store<u32>(CPU + C_MODE, m);
  const tag = (load<u32>(CPU + C_TLB_TAG) & ~1) | (user ? 1 : 0);
  store<u32>(CPU + C_TLB_TAG, tag);
  store<u32>(CPU + C_JUMP_TAG, tag | (m << 12));
}

/** As update_mode, where C_TLB_TAG alone has changed. */
// @ts-ignore: decorator
@inline export function tag_changed(): void {
  store<u32>(CPU + C_JUMP_TAG, load<u32>(CPU + C_TLB_TAG) | (load<u32>(CPU + C_MODE) << 12));
}

let host_steps: bool = false;

/**
 * The host wants instructions one by one: from now on each is a block of its own, so that a slice of one
 * instruction ends after it. The guest sees nothing of that.
 */
export function machine_step_mode(on: u32): void {
  host_steps = on != 0;
  update_mode();
}

/**
 * Translated code keeps addresses that the TLB gave it across calls of the core, for as long as nothing
 * is taken from the TLB or replaced in it and the address space stays: all that says so here.
 * Ring 3 has places of its own for what it keeps (MODE_USER).
 */
// @ts-ignore: decorator
@inline export function note_tlb_change(): void {
  store<u32>(TLB_CHANGES, load<u32>(TLB_CHANGES) + 1);
}

/** Set while DR7 of the running vCPU enables an execution or data breakpoint. */
export let breakpoints_armed: bool = false;
export function set_breakpoints_armed(on: bool): void {
  breakpoints_armed = on;
  update_mode();
}

// ---- faults ----------------------------------------------------------------------------------
export const DE: u32 = 0;
export const DB: u32 = 1;
export const NMI: u32 = 2;
export const BP_: u32 = 3;
export const OF_: u32 = 4;
export const BR: u32 = 5;
export const UD: u32 = 6;
export const NM: u32 = 7;
export const DF_: u32 = 8;
export const TS: u32 = 10;
export const NP: u32 = 11;
export const SS_: u32 = 12;
export const GP: u32 = 13;
export const PF_: u32 = 14;
export const MF: u32 = 16;
export const AC_: u32 = 17;
export const XM: u32 = 19;

/**
 * Notes that the instruction at work faults. Nothing else of the guest's state may change after it;
 * the run loop delivers the fault at insn_eip. Returns false, so that callers can `return fault(…)`.
 */
export function fault(vector: u32, error: u32): bool {
  store<u32>(CPU + C_FAULT, vector);
  store<u32>(CPU + C_FAULT_ERROR, error);
  return false;
}

/** Notes a page fault: linear address and the error code's P, W, U, I/D bits. */
export function page_fault(address: u64, error: u32): bool {
  store<u64>(CPU + C_FAULT_ADDRESS, address);
  return fault(PF_, error);
}

// @ts-ignore: decorator
@inline export function fault_pending(): bool {
  return load<u32>(CPU + C_FAULT) != NO_FAULT;
}

// @ts-ignore: decorator
@inline export function clear_fault(): void {
  store<u32>(CPU + C_FAULT, NO_FAULT);
}

/** Makes the run loop return to the host before the next guest instruction. */
export function request_stop(): void {
  store<u32>(CPU + C_STOP, 1);
}

/** Instructions retired by this machine: the virtual clock's source. Exact at block ends and in slow helpers. */
export function retired(): u64 {
  return load<u64>(CPU + C_RETIRED_END) - <u64> <i64> load<i32>(CPU + C_BUDGET);
}
