// Page-table entries: their bits, and the one way to write one.
//
// PAE and 64-bit entries are alike: 8 bytes, 512 to a table. What each level forbids is
// shared/pv-abi.md §7.2 (Xen: L1_DISALLOW_MASK and its kin, xen/include/asm-x86/guest_pt.h, mm.h).
import { frame_written } from "../cpu/code";
import { MACHINE } from "../layout";
import { page } from "../frames/page";

export const P: u64 = 1;
export const RW: u64 = 2;
export const US: u64 = 4;
export const PWT: u64 = 8;
export const PCD: u64 = 0x10;
export const A: u64 = 0x20;
export const D: u64 = 0x40;
export const PSE: u64 = 0x80; // PAT at L1
export const G: u64 = 0x100;
export const AVL: u64 = 0xe00;
export const AVL_HIGH: u64 = 0x7ff0000000000000;
export const NX: u64 = 0x8000000000000000;
export const FRAME: u64 = 0x000ffffffffff000;

/** What a present entry must not have, by level. Index 3 is the PAE L3's, stricter than a 64-bit one's. */
export const L1_FORBIDDEN: u64 = PWT | PCD | PSE;
export const L2_FORBIDDEN: u64 = PWT | PCD | PSE | G;
export const PAE_L3_FORBIDDEN: u64 = L2_FORBIDDEN | AVL_HIGH | NX;
/** An entry that differs only in these needs no new check (FASTPATH_FLAG_WHITELIST). */
export const FAST_PATH: u64 = NX | AVL_HIGH | AVL | G | D | A | US;

/** First entry of the slot-3 L2 that is the hypervisor's: 0xF5800000 and up. */
export const FIRST_XEN_SLOT: u32 = 428;
/** Start of the range a 32-bit guest cannot use. */
export const HOLE32: u64 = 0xf5800000;

/** Frame number in an entry; may be far above the machine's. */
// @ts-ignore: decorator
@inline

export function entry_mfn(e: u64): u64 {
  return (e & FRAME) >> 12;
}

/** Writes an entry at a host address in machine memory. */
// @ts-ignore: decorator
@inline

export function entry_write(at: usize, e: u64): void {
  store<u64>(at, e);
  const mfn = <u32> ((at - MACHINE) >> 12);
  if (page(mfn).code) frame_written(mfn, <u32> at & 0xfff, 8);
}
