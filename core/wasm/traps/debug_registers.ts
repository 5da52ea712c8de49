// Debug registers: hypercalls, MOV DR, and what is due when a breakpoint or a step hits.
// Source: xen/arch/x86/traps.c, pv-abi.md §5.6 and §16; golden lines dbg.*.
import { breakpoints_armed, DB, fault, set_breakpoints_armed } from "../cpu/state";
import { current } from "../domains/domain";
import { EINVAL, ENODEV, EPERM } from "../errno";
import { C_DATA_HITS, C_DR, CPU } from "../layout";
import { tlb_flush_page } from "../pagetables/tlb";
import { CR4_DE } from "./cpu_features";

export const DR6_INITIAL: u32 = 0xffff0ff0;
export const DR7_INITIAL: u32 = 0x400;
export const DR6_BS: u32 = 0x4000;
const DR6_ALWAYS_ZERO: u32 = 0x1000;
const DR7_ALWAYS_ZERO: u32 = 0xd800;
const DR7_GD: u32 = 0x2000;
const DR7_ENABLES: u32 = 0xff;
const KIND_EXECUTE: u32 = 0;
const KIND_WRITE: u32 = 1;
const KIND_IO: u32 = 2;

function dr(n: u32): u32 {
  return load<u32>(<usize> (CPU + C_DR) + (<usize> n << 3));
}
function set_dr(n: u32, value: u32): void {
  store<u64>(<usize> (CPU + C_DR) + (<usize> n << 3), value);
}

/** Fills the debug registers of a saved or live CPU state with what a vCPU starts with. */
export function debug_initial_state(cpu: usize): void {
  memory.fill(cpu + C_DR, 0, 64);
  store<u32>(cpu + C_DR + 48, DR6_INITIAL);
  store<u32>(cpu + C_DR + 56, DR7_INITIAL);
}

/** DR4 and DR5 are DR6 and DR7 unless CR4.DE is set; ~0 for a register that does not exist. */
function resolve(reg: u32): u32 {
  if (reg == 4 || reg == 5) return current.cr4 & CR4_DE ? ~0 : reg + 2;
  return reg < 8 ? reg : ~0;
}

/** Drops translations of a breakpoint's bytes that were made before it was armed. */
function forget_page(n: u32): void {
  tlb_flush_page(dr(n));
  tlb_flush_page((<u64> dr(n) + 7) & 0xffffffff);
}

/** To be called after DR7 changed or another vCPU's registers became live; recomputes the mode too. */
export function debug_rearm(): void {
  const armed = (dr(7) & DR7_ENABLES) != 0;
  set_breakpoints_armed(armed);
  if (!armed) return;
  for (let n: u32 = 0; n < 4; n++) forget_page(n);
}

function set_dr7(value: u32): i32 {
  if (value & DR7_GD) return -EPERM;
  value = (value & ~DR7_ALWAYS_ZERO) | DR7_INITIAL;
  let io: u32 = 0;
  if (value & DR7_ENABLES) {
    for (let n: u32 = 0; n < 4; n++) {
      if (((value >> (16 + 4 * n)) & 3) != KIND_IO) continue;
      if (!(current.cr4 & CR4_DE)) return -EPERM;
      io |= value & (3 << (2 * n));
    }
  }
  // Breakpoints on I/O ports never reach the processor: their enable bits are kept apart.
  current.dr7_io = io;
  set_dr(7, value & ~io);
  debug_rearm();
  return 0;
}

/**
 * Hypercall set_debugreg, and MOV to DR.
 *
 * @returns 0, -ENODEV (no such register), -EINVAL (beyond 32 bits), -EPERM (DR7.GD, or an I/O
 *   breakpoint without CR4.DE)
 */
export function do_set_debugreg(reg: u32, value: u64): i32 {
  const n = resolve(reg);
  if (n == ~0) return -ENODEV;
  if (value >> 32) return -EINVAL;
  const low = <u32> value;
  if (n == 7) return set_dr7(low);
  set_dr(n, n == 6 ? (low & ~DR6_ALWAYS_ZERO) | DR6_INITIAL : low);
  if (n < 4 && breakpoints_armed) forget_page(n);
  return 0;
}

/** Hypercall get_debugreg: the register's value, or -ENODEV. */
export function do_get_debugreg(reg: u32): i32 {
  const n = resolve(reg);
  if (n == ~0) return -ENODEV;
  return <i32> (n == 7 ? dr(7) | current.dr7_io : dr(n));
}

/** Adds causes to DR6, as a #DB about to be delivered does. */
export function debug_note(bits: u32): void {
  set_dr(6, dr(6) | bits);
}

function enabled(n: u32): bool {
  return ((dr(7) >> (2 * n)) & 3) != 0;
}

/** Raises #DB if an execution breakpoint is at a linear address; false if there is none. */
export function debug_execution(address: u32): bool {
  if (!breakpoints_armed) return false;
  let hits: u32 = 0;
  for (let n: u32 = 0; n < 4; n++) {
    if (enabled(n) && ((dr(7) >> (16 + 4 * n)) & 3) == KIND_EXECUTE && dr(n) == address) {
      hits |= 1 << n;
    }
  }
  if (!hits) return false;
  debug_note(hits);
  fault(DB, 0);
  return true;
}

/** Notes breakpoints, of data or ports, that the instruction at work has touched. */
function note_hits(bits: u32): void {
  store<u32>(CPU + C_DATA_HITS, load<u32>(CPU + C_DATA_HITS) | bits);
}

/**
 * Takes the noted data breakpoints, for the #DB after the instruction. What the hypervisor touches itself on a guest's
 * behalf is no access of the guest's: it takes that, and forgets it.
 */
export function debug_take_data_hits(): u32 {
  const hits = load<u32>(CPU + C_DATA_HITS);
  store<u32>(CPU + C_DATA_HITS, 0);
  return hits;
}

/** Bytes that breakpoint n covers: its length code 0 1 3 2 is one, two, four, eight. */
function span_of(n: u32): u32 {
  const code = (dr(7) >> (18 + 4 * n)) & 3;
  return code == 2 ? 8 : code + 1;
}

/**
 * Notes the I/O breakpoints that an emulated access to ports touches; they need CR4.DE.
 *
 * @returns whether there was one, so that a repeated instruction stops behind this element
 */
export function debug_port_access(port: u32, bytes: u32): bool {
  const enables = current.dr7_io;
  if (!enables || !(current.cr4 & CR4_DE)) return false;
  let hits: u32 = 0;
  for (let n: u32 = 0; n < 4; n++) {
    if (!((enables >> (2 * n)) & 3)) continue;
    const start = <u64> dr(n);
    if (start < <u64> port + bytes && start + span_of(n) > port) hits |= 1 << n;
  }
  note_hits(hits);
  return hits != 0;
}

/**
 * Notes the data breakpoints that an access touches. While any breakpoint is armed no translation is
 * kept in the TLB, so that every access comes by here.
 */
export function debug_data_access(address: u32, size: u32, write: bool): void {
  for (let n: u32 = 0; n < 4; n++) {
    const control = dr(7) >> (16 + 4 * n);
    const kind = control & 3;
    // those on ports are never enabled here
    if (!enabled(n) || kind == KIND_EXECUTE || (kind == KIND_WRITE && !write)) continue;
    const span = span_of(n);
    const start = dr(n) & ~(span - 1);
    if (<u64> address < <u64> start + span && <u64> start < <u64> address + size) note_hits(1 << n);
  }
}
