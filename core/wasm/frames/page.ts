// page_info: what the hypervisor knows of each frame of machine memory.
//
// A frame has an owner, a count of references of any kind, and a type with its own count. The rule
// everything rests on (shared/pv-abi.md §7.1): a type changes only while its count is zero, and a
// mapping that can write takes a reference of the type "writable".
import { MACHINE, PAGE_INFO, PAGE_INFO_SIZE } from "../layout";

export const T_NONE: u32 = 0;
export const T_L1: u32 = 1;
export const T_L2: u32 = 2;
export const T_L3: u32 = 3;
export const T_L4: u32 = 4;
export const T_SEG_DESC: u32 = 5;
export const T_SHARED: u32 = 6;
export const T_WRITABLE: u32 = 7;

export const PG_PINNED: u32 = 0x100;
export const PG_VALIDATED: u32 = 0x200;
export const PG_PAE_XEN_L2: u32 = 0x400;
export const PG_ALLOCATED: u32 = 0x800;
export const PG_XEN_HEAP: u32 = 0x1000; // shared_info, grant frames: owner set, but no pfn
export const PG_GRANTED: u32 = 0x2000; // other domains may map it through grants
export const PG_HELD: u32 = 0x4000; // an L1 of a domain that ends, kept a table for a while (frames/relinquish.ts)

/** What two uses of a frame must agree on: its type, and whether it is the L2 that Xen has entries in. */
export const TYPE_IDENTITY: u32 = 0xff | PG_PAE_XEN_L2;
/** Bits 16..31 of `type`: where TLB entries that can write to the frame may be (pagetables/tlb.ts). */
export const WRITERS_SHIFT: u32 = 16;

@unmanaged
export class PageInfo {
  count: u32; // references of any kind, the allocation's own included; 0 = free
  type: u32; // T_* in the low byte, PG_* flags above, TLB writers in the high half
  type_count: u32;
  owner: u32; // domain number, or DOMID_XEN; means nothing while the frame is free
  next: u32; // list links (mfn), 0 ends
  prev: u32;
  code: u32; // cpu/: descriptor of the blocks decoded from this frame, 0 = none
  linear: u32; // as i32: > 0 linear entries in this table, < 0 linear uses of it elsewhere (XSA-240)
}

/** Number of frames the machine has; mfn 0 is never handed out. */
export let machine_frames: u32 = 0;
export function set_machine_frames(n: u32): void {
  machine_frames = n;
}

/** The page_info of a frame; `mfn` must be below machine_frames. */
// @ts-ignore: decorator
@inline

export function page(mfn: u32): PageInfo {
  return changetype<PageInfo>(PAGE_INFO + mfn * PAGE_INFO_SIZE);
}

/** Host address of a frame's first byte. */
// @ts-ignore: decorator
@inline

export function frame(mfn: u32): usize {
  return MACHINE + (<usize> mfn << 12);
}

/** True for a frame of RAM. Frame 0 never is one: it stands for "none", and guests see it as such. */
// @ts-ignore: decorator
@inline

export function mfn_valid(mfn: u64): bool {
  return (mfn < <u64> machine_frames) & (mfn != 0);
}

/** The T_* a frame has at this moment (whether or not anyone uses it as that). */
// @ts-ignore: decorator
@inline

export function page_type(mfn: u32): u32 {
  return page(mfn).type & 0xff;
}
