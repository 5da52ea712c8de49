// The guest's LDT: a linear address and a length. Its pages become descriptor tables one by one, at
// the first use of a selector in them. Source: xen/arch/x86/pv/mm.c, pv-abi.md §7.6 and §8.5.
import { cpl, page_fault } from "../cpu/state";
import { current, Domain, Vcpu } from "../domains/domain";
import { EINVAL } from "../errno";
import { hypervisor_entered } from "../events/deliver";
import { frame, mfn_valid, T_SEG_DESC } from "../frames/page";
import { get_page_and_type, put_page_and_type } from "../frames/refs";

const MAX_PAGES: u32 = 16;
const MAX_ENTRIES: u32 = 8192;
const PRESENT: u64 = 1;
const SUPERPAGE: u64 = 0x80;

/**
 * Sets a vCPU's LDT (mmuext_op SET_LDT). Nothing is looked up until a selector needs it, so any
 * aligned address is accepted, the hypervisor's hole included.
 *
 * @returns 0, or -EINVAL (more than 8192 entries, unaligned base)
 */
export function set_ldt(v: Vcpu, base: u64, entries: u32): i32 {
  if (entries > MAX_ENTRIES || base & 0xfff) return -EINVAL;
  if (v.ldt_base == base && v.ldt_entries == entries) return 0;
  drop_ldt(v);
  v.ldt_base = base;
  v.ldt_entries = entries;
  return 0;
}

/** Gives back the LDT page references (CR3 change); the LDT itself stays set. */
export function drop_ldt(v: Vcpu): void {
  if (!v.ldt_entries) return;
  for (let i: u32 = 0; i < MAX_PAGES; i++) {
    const slot = v.ldt_frames + (<usize> i << 2);
    const mfn = load<u32>(slot);
    if (mfn) {
      store<u32>(slot, 0);
      put_page_and_type(mfn);
      changetype<Domain>(v.domain).descriptor_changes++;
    }
  }
}

/** The frame mapped at a linear address, whatever its permissions; 0 where no small page is present. */
function mapped_frame(address: u32): u32 {
  let mfn: u64 = current.cr3_mfn;
  if (!mfn) return 0;
  for (let level: u32 = 3; level >= 1; level--) {
    const index = (address >> (12 + 9 * (level - 1))) & (level == 3 ? 3 : 511);
    const entry = load<u64>(frame(<u32> mfn) + (<usize> index << 3));
    if (!(entry & PRESENT) || (level == 2 && entry & SUPERPAGE)) return 0;
    mfn = (entry >> 12) & 0xffffffffff;
    if (!mfn_valid(mfn)) return 0;
  }
  return <u32> mfn;
}

/**
 * Host address of an LDT entry of the running vCPU.
 *
 * @returns 0 beyond the limit; 0 with #PF pending (CR2 = base + offset) when the page is not mapped
 *   or cannot be a descriptor table
 */
export function ldt_descriptor(index: u32): usize {
  const v = current;
  if (index >= v.ldt_entries) return 0;
  const slot = v.ldt_frames + (<usize> (index >> 9) << 2);
  let mfn = load<u32>(slot);
  if (!mfn) {
    const address = <u32> v.ldt_base + (index << 3);
    mfn = mapped_frame(address);
    if (!mfn || get_page_and_type(mfn, load<u32>(v.domain), T_SEG_DESC) != 0) {
      page_fault(address, cpl() == 3 ? 4 : 0);
      return 0;
    }
    store<u32>(slot, mfn);
    hypervisor_entered(); // the processor raised #PF, which Xen has dealt with
  }
  return frame(mfn) + (<usize> (index & 511) << 3);
}
