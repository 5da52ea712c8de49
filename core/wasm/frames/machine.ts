// The machine's memory: how much there is, and making it more.
import { EBUSY, EINVAL, ENOMEM } from "../errno";
import { drop_all_code } from "../cpu/code";
import { DOMID_XEN } from "../domains/domain";
import { MACHINE, MAX_FRAMES } from "../layout";
import { tlb_reset } from "../pagetables/address_space";
import { xen_entries_refresh } from "../pagetables/xen_entries";
import { m2p_add_block, m2p_block, M2P_BLOCK_SHIFT, M2P_FIRST_BLOCK } from "./m2p";
import { machine_frames, page, PG_ALLOCATED, set_machine_frames } from "./page";

/** Frames that are not there for guests: frame 0 and the first block of the machine-to-phys table. */
const RESERVED: u32 = 1 + 512;

/**
 * Sets the machine up, once.
 *
 * @param frames frames of 4 KiB that guests may have; the hypervisor's own come on top
 * @returns 0; -EBUSY the second time; -EINVAL, -ENOMEM if the memory cannot be had
 */
export function machine_init(frames: u32): i32 {
  if (machine_frames) return -EBUSY;
  if (frames > <u32> MAX_FRAMES) return -EINVAL;
  let total = frames + RESERVED;
  if (total < M2P_FIRST_BLOCK + 512) total = M2P_FIRST_BLOCK + 512;
  if (total > 1 << M2P_BLOCK_SHIFT) total += 512; // the second block, for frames above 2 GiB
  const result = extend(total);
  if (result != 0) return result;
  const p = page(0);
  p.count = 1;
  p.owner = DOMID_XEN;
  p.type = PG_ALLOCATED;
  m2p_add_block(M2P_FIRST_BLOCK);
  if (machine_frames > 1 << M2P_BLOCK_SHIFT) m2p_add_block(M2P_FIRST_BLOCK + 512);
  tlb_reset();
  drop_all_code(); // the first instruction may be one that is not kept, and leaves by EXIT_RECORD all the same
  return 0;
}

/**
 * Adds frames for guests.
 *
 * @returns 0, or -EINVAL, -ENOMEM with the machine as it was
 */
export function machine_grow(frames: u32): i32 {
  if (!machine_frames) return machine_init(frames);
  if (frames > <u32> MAX_FRAMES) return -EINVAL;
  const end = machine_frames;
  let total = end + frames;
  // entries of frames above 2 GiB need the second block, at the next multiple of 2 MiB: at 2 GiB at most
  const block = (end + 511) & ~511;
  const more = total > 1 << M2P_BLOCK_SHIFT && !m2p_block(1);
  if (more) total += 512;
  const result = extend(total);
  if (result != 0) return result;
  if (more) {
    m2p_add_block(block);
    xen_entries_refresh();
  }
  return 0;
}

function extend(total: u32): i32 {
  if (total > <u32> MAX_FRAMES) return -ENOMEM;
  const end = <u64> MACHINE + (<u64> total << 12);
  const pages = <i32> ((end + 0xffff) >> 16) - memory.size();
  if (pages > 0 && memory.grow(pages) < 0) return -ENOMEM;
  set_machine_frames(total);
  return 0;
}

/** Frames in the machine, the hypervisor's own included. */
export function machine_size(): u32 {
  return machine_frames;
}
