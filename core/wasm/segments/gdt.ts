// The guest's GDT: up to 14 of its own frames, typed seg_desc while they are in use.
// Source: xen/arch/x86/pv/descriptor-tables.c, pv-abi.md §8.2 and §8.4.
import { frame_written } from "../cpu/code";
import { current, current_domain, Domain, Vcpu } from "../domains/domain";
import { EFAULT, EINVAL } from "../errno";
import { frame, mfn_valid, page, T_SEG_DESC, T_WRITABLE } from "../frames/page";
import {
  get_page,
  get_page_and_type,
  get_page_type,
  put_page,
  put_page_and_type,
  put_page_type,
} from "../frames/refs";
import { copy_from_guest } from "../pagetables/guest_copy";
import { check_descriptor, checked_high, checked_low } from "./check";
import { forget_known } from "./known";
import { limits_2007 } from "./limits_2007";
import { FIRST_RESERVED_ENTRY } from "./reserved";

const MAX_FRAMES: u32 = 14;
const frame_list = memory.data(64);
const taken = memory.data(64);

function owner_of(v: Vcpu): u32 {
  return load<u32>(v.domain); // Domain.id is its first field
}

function release(frames: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const mfn = load<u32>(frames + (<usize> i << 2));
    if (mfn) put_page_and_type(mfn);
  }
}

/**
 * Gives a vCPU another GDT. Whole frames are validated, not only the entries named.
 *
 * @param frames host address of ceil(entries / 512) mfns (u32)
 * @param entries descriptors in use, at most 7168; 0 leaves only Xen's own page
 * @returns 0, or -EINVAL with the old table still in force
 */
export function set_gdt(v: Vcpu, frames: usize, entries: u32): i32 {
  if (entries > FIRST_RESERVED_ENTRY) return -EINVAL;
  const count = (entries + 511) >> 9;
  for (let i: u32 = 0; i < count; i++) {
    const mfn = load<u32>(frames + (<usize> i << 2));
    if (!mfn || !mfn_valid(mfn) || get_page_and_type(mfn, owner_of(v), T_SEG_DESC) != 0) {
      release(taken, i);
      return -EINVAL;
    }
    store<u32>(taken + (<usize> i << 2), mfn);
  }
  release(v.gdt_frames, MAX_FRAMES);
  memory.fill(v.gdt_frames, 0, MAX_FRAMES << 2);
  memory.copy(v.gdt_frames, taken, <usize> count << 2);
  v.gdt_entries = entries;
  forget_known();
  changetype<Domain>(v.domain).descriptor_changes++;
  return 0;
}

/**
 * Hypercall set_gdt.
 *
 * @param frames guest address of the mfns (u32)
 * @returns 0, -EINVAL (too many entries, a frame that cannot be a descriptor table), -EFAULT
 */
export function do_set_gdt(frames: u64, entries: u32): i32 {
  if (entries > FIRST_RESERVED_ENTRY) return -EINVAL;
  const count = (entries + 511) >> 9;
  if (count && copy_from_guest(frame_list, frames, count << 2) != 0) return -EFAULT;
  return set_gdt(current, frame_list, entries);
}

// @ts-ignore: decorator
@inline function write_descriptor(mfn: u32, offset: u32, low: u32, high: u32): void {
  store<u32>(frame(mfn) + offset, low);
  store<u32>(frame(mfn) + offset + 4, high);
  if (page(mfn).code) frame_written(mfn, offset, 8);
}

/**
 * Hypercall update_descriptor: writes one descriptor, checked, into a table or a plain page.
 *
 * @param address machine address, 8-aligned
 * @returns 0, or -EINVAL (unaligned, refused descriptor, foreign frame or page table)
 */
export function do_update_descriptor(address: u64, low: u32, high: u32): i32 {
  const mfn64 = address >> 12;
  if (address & 7 || !mfn_valid(mfn64) || !check_descriptor(low, high, limits_2007())) {
    return -EINVAL;
  }
  const mfn = <u32> mfn64;
  const new_low = checked_low;
  const new_high = checked_high;
  const info = page(mfn);
  const offset = <u32> address & 0xfff;
  if (info.owner == current_domain.id && (info.type & 0xff) == T_SEG_DESC && info.type_count) {
    // a table in use, and nothing here can end that
    write_descriptor(mfn, offset, new_low, new_high);
    current_domain.descriptor_changes++;
    return 0;
  }
  if (!get_page(mfn, current_domain.id)) return -EINVAL;
  if (get_page_type(mfn, T_WRITABLE) != 0) {
    put_page(mfn);
    return -EINVAL;
  }
  write_descriptor(mfn, offset, new_low, new_high);
  put_page_type(mfn);
  put_page(mfn);
  return 0;
}
