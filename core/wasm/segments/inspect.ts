// Instructions that look at descriptors and tables without loading them: LAR LSL VERR VERW, and the
// ones that show the hypervisor's own state, which Xen 4.17 lets through (pv-abi.md §5.4).
import { ATTR_S, ATTR_TYPE_CODE, ATTR_TYPE_E, ATTR_TYPE_W, cpl } from "../cpu/state";
import { current } from "../domains/domain";
import { task_switched } from "../traps/fpu";
import { desc_dpl, desc_high, desc_limit, read_descriptor } from "./descriptor";
import { GDT_LIMIT, LDT_SELECTOR, TSS_SELECTOR } from "./reserved";

// System types, as bit masks over the type nibble: LDT, TSS and call gate for LAR; those with a limit
// for LSL. The hypervisor's processor is in IA-32e mode, where 16-bit TSSs and task gates are no types.
// Source: Intel SDM volume 2, LAR and LSL tables.
const LAR_TYPES: u32 = 0x1a04;
const LSL_TYPES: u32 = 0x0a04;

/** Reads a descriptor that ring and RPL may see: any conforming code, else DPL at least both. */
function visible(selector: u32): bool {
  selector &= 0xffff;
  if (!(selector & 0xfffc) || !read_descriptor(selector)) return false;
  const conforming = ATTR_S | ATTR_TYPE_CODE | ATTR_TYPE_E;
  if ((desc_high & conforming) == conforming) return true;
  return desc_dpl() >= cpl() && desc_dpl() >= (selector & 3);
}

function allowed_type(system: u32): bool {
  return (desc_high & ATTR_S) != 0 || ((system >> ((desc_high >> 8) & 15)) & 1) != 0;
}

/**
 * LAR: the descriptor's attributes, or -1 for ZF clear (or a #PF pending on an LDT page).
 * Bits 19:16 are undefined; they read zero here as in the goldens.
 */
export function insn_lar(selector: u32): i64 {
  return visible(selector) && allowed_type(LAR_TYPES) ? desc_high & 0x00f0ff00 : -1;
}

/** LSL: the limit in bytes, or -1 for ZF clear. */
export function insn_lsl(selector: u32): i64 {
  return visible(selector) && allowed_type(LSL_TYPES) ? <i64> desc_limit() : -1;
}

/** VERR: whether the segment may be read from here. */
export function insn_verr(selector: u32): bool {
  if (!visible(selector) || !(desc_high & ATTR_S)) return false;
  return (desc_high & (ATTR_TYPE_CODE | ATTR_TYPE_W)) != ATTR_TYPE_CODE;
}

/** VERW: whether the segment may be written from here. */
export function insn_verw(selector: u32): bool {
  if (!visible(selector)) return false;
  return (desc_high & (ATTR_S | ATTR_TYPE_CODE | ATTR_TYPE_W)) == (ATTR_S | ATTR_TYPE_W);
}

/** SLDT: Xen's LDT selector while the guest has an LDT. */
export function insn_sldt(): u32 {
  return current.ldt_entries ? LDT_SELECTOR : 0;
}

export function insn_str(): u32 {
  return TSS_SELECTOR;
}

/** SMSW: CR0 as MOV would show it. */
export function insn_smsw(): u32 {
  return 0x80050033 | (task_switched() ? 8 : 0);
}

// Where the tables seem to lie: in the part of the hole that no guest can map.
const GDT_ADDRESS: u32 = 0xffef0000;
const IDT_ADDRESS: u32 = 0xffee0000;
const IDT_LIMIT: u32 = 0xfff;

/** Six bytes of SGDT (which = 0) or SIDT (1) into `to`. */
export function insn_sgdt(which: u32, to: usize): void {
  store<u16>(to, <u16> (which ? IDT_LIMIT : GDT_LIMIT));
  store<u32>(to + 2, which ? IDT_ADDRESS : GDT_ADDRESS);
}
