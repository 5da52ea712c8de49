// The walker: from a linear address to a frame through the guest's own tables.
//
// The tables were checked when they became tables, so the walk trusts what they say; it sets accessed
// and dirty bits straight in memory, as a CPU does. What it finds goes into the TLB, and nothing else
// puts anything there: here, too, is the last test of who may write to what.
import { breakpoints_armed, cpl, fault, GP, long_mode, note_tlb_change, page_fault, SS_ } from "../cpu/state";
import { LONG } from "../cpu/tables";
import { all_canonical } from "../long/address";
import { frame_written } from "../cpu/code";
import { current, current_domain } from "../domains/domain";
import {
  C_SPLIT_ADDRESS,
  C_SPLIT_KIND,
  C_SPLIT_SIZE,
  C_TLB_TAG,
  CPU,
  SPLIT,
  TLB_ADDEND,
  TLB_NEVER,
  TLB_PROBE_FAULTS,
  TLB_READ,
  TLB_WRITE,
} from "../layout";
import { m2p_is_block } from "../frames/m2p";
import { frame, machine_frames, page, PG_GRANTED, T_WRITABLE } from "../frames/page";
import { debug_data_access } from "../traps/debug_registers";
import { page_executed } from "./address_space";
import { SPLIT_CROSSING, split_first, split_second } from "./commit";
import { A, D, entry_mfn, entry_write, NX, P, PSE, RW, US } from "./pte";
import { tlb_entry, tlb_note_writer } from "./tlb";
import { emulated_store } from "./writable";

export const READ: u32 = 0;
export const WRITE: u32 = 1;
export const EXECUTE: u32 = 2;
export const MODIFY: u32 = 3; // read, then write
/** With one of these: by the stack pointer, so that what is no address is #SS. */
const STACK: u32 = 4;
// With a write: what the emulation of stores into page tables goes by.
export const NOT_EMULATED: u32 = 8; // of the FPU, of a vector, of a selector: a fault there
export const LOCKED: u32 = 16;
/** With one of these: an offset in a flat segment that nobody checked. Only over 4 GiB is it beyond the limit. */
export const FLAT: u32 = 32;

/**
 * The last access refused was over the end of a flat segment, or in 64-bit code to what is no address: #GP(0),
 * or #SS(0) where that segment was SS.
 */
export let over_the_end: bool = false;
export function forget_over_the_end(): void {
  over_the_end = false;
}

// Bits of a page fault's error code.
export const PF_P: u32 = 1;
export const PF_W: u32 = 2;
export const PF_U: u32 = 4;
export const PF_I: u32 = 16;

/** The address space's number in a TLB tag. */
const SPACE: u32 = 0xffe;

/** Levels of a 32-bit guest's tables. */
export const LEVELS_PAE: u32 = 3;

/** After a failed translate: the page fault's error code. */
export let walk_error: u32 = 0;
/** After a translate: the frame reached. After one that failed for want of RW: the frame all the same. */
export let walk_mfn: u32 = 0;

const path: usize = memory.data(5 * 4); // host address of the entry used, by level

/** Host address of the level-1 entry that the last walk came to; 0 if it did not get so far. */
export function walk_leaf(): usize {
  return load<usize>(path + 4);
}

/**
 * Finds the level-1 entry for an address without touching anything.
 *
 * @param root top-level table
 * @param levels 3 for PAE, 4 for 64 bit
 * @returns host address of the entry, 0 if a level above is not present (or a superpage)
 */
export function find_leaf(root: u32, levels: u32, address: u64): usize {
  let table = root;
  for (let level = levels; level > 1; level--) {
    const e = load<u64>(frame(table) + (<usize> (address >> (9 * level + 3) & 511) << 3));
    if ((e & (P | PSE)) != P || entry_mfn(e) >= machine_frames) return 0;
    table = <u32> entry_mfn(e);
  }
  return frame(table) + (<usize> (address >> 12 & 511) << 3);
}

/**
 * Translates an address of the running vCPU.
 *
 * @param access READ, WRITE, EXECUTE or MODIFY
 * @param user with the rights of CPL 3; else of a supervisor (rings 0 to 2 are alike)
 * @returns host address of the byte; 0 with walk_error set, and no bit of a table changed
 */
export function translate(address: u64, access: u32, user: bool): usize {
  return walk(current.cr3_mfn, LEVELS_PAE, address, access, user);
}

/** As translate, from any top-level table of so many levels; what it finds goes under the running tag. */
function walk(root: u32, levels: u32, address: u64, access: u32, user: bool): usize {
  const write = (access & 1) != 0;
  let error: u32 = (write ? PF_W : 0) | (user ? PF_U : 0) | (access == EXECUTE ? PF_I : 0);
  store<usize>(path + 4, 0);
  if (LONG && levels == LEVELS_PAE && address >> 32) return failed(error);
  let table = root;
  let rights: u64 = RW | US;
  let any: u64 = 0;
  let level = levels;
  let e: u64;
  while (true) {
    if (table == 0 || table >= machine_frames) return failed(error);
    const at = frame(table) + (<usize> (address >> (9 * level + 3) & 511) << 3);
    e = load<u64>(at);
    if (!(e & P)) return failed(error);
    store<usize>(path + (<usize> level << 2), at);
    rights &= e;
    any |= e;
    if (level == 1 || (e & PSE)) break;
    table = <u32> entry_mfn(e);
    level--;
  }
  error |= PF_P;
  // a superpage is the hypervisor's own (the machine-to-phys table), never one of the guest's
  const mfn: u32 = <u32> entry_mfn(e) + (level == 1 ? 0 : <u32> (address >> 12) & 511);
  if (mfn >= machine_frames) return failed(error);
  walk_mfn = mfn;
  if (user && !(rights & US)) return failed(error);
  if (access == EXECUTE && any & NX) return failed(error);
  const p = page(mfn);
  const writable = (rights & RW) != 0 && (p.type & 0xff) == T_WRITABLE && p.type_count != 0;
  if (write && !writable) return failed(error);
  if (level == 1 && p.owner != current_domain.id && !foreign_allowed(mfn)) return failed(error);

  for (let l = levels; l > level; l--) set_bits(l, A);
  if (level == 1) set_bits(1, write ? A | D : A);
  const host = frame(mfn) + (<usize> address & 0xfff);
  if (access == EXECUTE || breakpoints_armed) return host;

  const entry = tlb_entry(address);
  const tag = (address & ~0xfff) | (load<u32>(CPU + C_TLB_TAG) & ~1) | (user ? 1 : 0);
  const addend = <u32> host - <u32> address;
  note_replaced(entry, tag, addend);
  store<u64>(entry + TLB_READ, tag);
  store<u32>(entry + TLB_ADDEND, addend);
  if (writable && !p.code && (write || e & D)) {
    store<u64>(entry + TLB_WRITE, tag);
    tlb_note_writer(mfn, address);
  } else store<u64>(entry + TLB_WRITE, TLB_NEVER);
  return host;
}

/**
 * An entry is about to be made. Where it takes the place of one of the running address space that says something
 * else, translated code must not go on by that either; a page that was not in the TLB takes nothing from it.
 */
// @ts-ignore: decorator
@inline function note_replaced(entry: usize, tag: u64, addend: u32): void {
  const old = load<u64>(entry + TLB_READ);
  if (old == TLB_NEVER || (<u32> old ^ <u32> tag) & SPACE) return;
  if (old != tag || load<u32>(entry + TLB_ADDEND) != addend) note_tlb_change();
}

/**
 * True for another's frame that an L1 entry may lead to: a granted one; or the machine-to-phys table,
 * which the slot-3 L2 leads to where a linear entry makes it serve as an L1.
 */
function foreign_allowed(mfn: u32): bool {
  return (page(mfn).type & PG_GRANTED) != 0 || m2p_is_block(mfn);
}

function failed(error: u32): usize {
  walk_error = error;
  return 0;
}

/** Sets accessed and dirty bits in the entry that the walk used at a level. */
// @ts-ignore: decorator
@inline

function set_bits(level: u32, bits: u64): void {
  const at = load<usize>(path + (<usize> level << 2));
  const e = load<u64>(at);
  if ((e & bits) != bits) entry_write(at, e | bits);
}

/**
 * The one door from a guest's access to memory when the TLB has no answer.
 *
 * @param address linear address
 * @param size bytes, at most 32
 * @param access READ, WRITE or MODIFY; with it STACK, NOT_EMULATED, LOCKED, FLAT
 * @returns host address for the bytes; CPU + SPLIT if they must go through the buffer there (holding
 *   what is read now; after storing, the caller commits); 0 after a page fault was noted
 */
export function tlb_fill(address: u64, size: u32, access: u32): usize {
  const user = cpl() == 3;
  const offset = <u32> address & 0xfff;
  const beyond = LONG && long_mode()
    ? !all_canonical(address, size)
    : (access & FLAT) != 0 && address + size > <u64> 1 << 32;
  if (beyond) {
    over_the_end = true;
    fault(access & STACK ? SS_ : GP, 0);
    return 0;
  }
  if (breakpoints_armed) debug_data_access(<u32> address, size, (access & 1) != 0);
  if (offset + size > 4096) return crossing(address, size, access, user);
  const host = translate(address, access, user);
  if (!host) {
    const error = walk_error;
    if (error == (PF_P | PF_W)) {
      const split = emulated_store(address, size, access);
      if (split) return split;
    }
    page_fault(address, error);
    return 0;
  }
  if (access & 1 && page(walk_mfn).code) frame_written(walk_mfn, offset, size);
  return host;
}

/**
 * For translated code: the host address of a plain access within a page, when the TLB has it or can have it.
 *
 * @param access READ, WRITE or MODIFY; with TLB_PROBE_FAULTS where this would be the interpreter's first access, too, of
 *   those that fail
 * @returns 0 with a page fault noted, or else for the interpreter, which does the instruction and finds out why
 */
export function tlb_probe(address: u32, size: u32, access: u32): usize {
  if ((address & 0xfff) + size > 4096) return 0;
  const found = tlb_hit(address, access);
  if (found || breakpoints_armed) return found;
  if (!translate(address, access & ~TLB_PROBE_FAULTS, cpl() == 3)) {
    if (access & TLB_PROBE_FAULTS && !(walk_error & PF_P)) page_fault(address, walk_error);
    return 0;
  }
  return tlb_hit(address, access);
}

/** For translated code: tlb_hit, which walks nothing and so changes nothing. */
export function tlb_known(address: u32, access: u32): usize {
  return tlb_hit(address, access);
}

/** Host address of a byte if the TLB has its page for an access, else 0. */
// @ts-ignore: decorator
@inline

export function tlb_hit(address: u32, access: u32): usize {
  const e = tlb_entry(address);
  const tag: u64 = (address & ~0xfff) | load<u32>(CPU + C_TLB_TAG);
  if (load<u64>(e + (access & 1 ? TLB_WRITE : TLB_READ)) != tag) return 0;
  return address + load<u32>(e + TLB_ADDEND);
}

/** An access over a page's end: both pages are probed, then the bytes are gathered in SPLIT. */
function crossing(address: u64, size: u32, access: u32, user: bool): usize {
  const n: u32 = 4096 - (<u32> address & 0xfff);
  const first = translate(address, access, user);
  if (!first) {
    page_fault(address, walk_error);
    return 0;
  }
  const next = long_mode() ? address + n : (address + n) & 0xffffffff;
  const second = translate(next, access, user);
  if (!second) {
    page_fault(next, walk_error);
    return 0;
  }
  if (access & 1) {
    split_first(first);
    split_second(second);
    store<u64>(CPU + C_SPLIT_ADDRESS, address);
    store<u32>(CPU + C_SPLIT_SIZE, size);
    store<u32>(CPU + C_SPLIT_KIND, SPLIT_CROSSING);
  }
  if ((access & MODIFY) != WRITE) {
    memory.copy(CPU + SPLIT, first, n);
    memory.copy(CPU + SPLIT + n, second, size - n);
  }
  return CPU + SPLIT;
}

/**
 * Machine address of the byte of code at an address, for the decoder.
 *
 * @returns ~0 after a page fault was noted
 */
export function translate_exec(address: u64): u64 {
  const host = translate(address, EXECUTE, cpl() == 3);
  if (!host) {
    page_fault(address, walk_error);
    return ~0;
  }
  page_executed(address);
  return (<u64> walk_mfn << 12) | (address & 0xfff);
}
