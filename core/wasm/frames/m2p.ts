// The machine-to-phys table: one u32 for each frame of the machine, its pfn in its owner's eyes.
//
// It lies in machine memory, because guests read it: as 2 MiB superpages that the slot-3 L2 of each
// 32-bit guest maps at 0xF5800000 (pagetables/xen_entries.ts). A block of 512 frames holds the
// entries of 2 GiB of machine. The first block is frames 512..1023, so that no block is frame 0.
// Rules: shared/pv-abi.md §2.3.
import { DOMID_XEN } from "../domains/domain";
import { frame, machine_frames, page, PG_ALLOCATED } from "./page";

export const M2P_INVALID: u32 = 0xffffffff;
export const M2P_FIRST_BLOCK: u32 = 512;
/** Frames whose entries one block holds, as a shift. */
export const M2P_BLOCK_SHIFT: u32 = 19;

let block0: u32 = 0;
let block1: u32 = 0;

/** First frame of the block with the entries of frames n * 2^19 and up; 0 = the machine has none there. */
export function m2p_block(n: u32): u32 {
  return n == 0 ? block0 : n == 1 ? block1 : 0;
}

export function m2p_blocks(): u32 {
  return block1 ? 2 : 1;
}

/** True if a frame is part of the table. */
export function m2p_is_block(mfn: u32): bool {
  const base = mfn & ~511;
  return base != 0 && (base == block0 || base == block1);
}

/** Makes 512 free frames the table's next block, all entries invalid. */
export function m2p_add_block(base: u32): void {
  if (!block0) block0 = base;
  else block1 = base;
  for (let i: u32 = 0; i < 512; i++) {
    const p = page(base + i);
    p.count = 1;
    p.owner = DOMID_XEN;
    p.type = PG_ALLOCATED;
  }
  memory.fill(frame(base), 0xff, 512 << 12);
}

// @ts-ignore: decorator
@inline

function entry(mfn: u32): usize {
  return frame(mfn >> M2P_BLOCK_SHIFT ? block1 : block0) +
    (<usize> (mfn & ((1 << M2P_BLOCK_SHIFT) - 1)) << 2);
}

/** Says which pfn a frame is; for the frame's owner to see. */
export function m2p_set(mfn: u32, pfn: u32): void {
  if (mfn < machine_frames) store<u32>(entry(mfn), pfn);
}

export function m2p_get(mfn: u32): u32 {
  return mfn < machine_frames ? load<u32>(entry(mfn)) : M2P_INVALID;
}
