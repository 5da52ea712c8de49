// Frames of a guest that the host reads and writes: the console and xenstore rings. As on Xen, where
// the backends have them mapped, they stay the guest's ordinary memory as long as the host uses them:
// they can become neither a page table nor free.
import { ENOSPC } from "./errno";
import { T_WRITABLE } from "./frames/page";
import { get_page_and_type, put_page_and_type } from "./frames/refs";

/** Frames the host may hold at a time: two rings of each domain. */
const MOST: u32 = 256;
const frames = memory.data(256 * 4);

/** How many it holds. */
export let host_held: u32 = 0;

/** The n-th of them. */
export function host_held_frame(n: u32): u32 {
  return load<u32>(frames + (<usize> n << 2));
}

/**
 * Takes a reference on a frame for the host.
 *
 * @returns 0, -ENOSPC, or -EINVAL when it is not the domain's or not plain memory
 */
export function host_hold_frame(domid: u32, mfn: u32): i32 {
  if (host_held == MOST) return -ENOSPC;
  const result = get_page_and_type(mfn, domid, T_WRITABLE);
  if (result) return result;
  store<u32>(frames + (<usize> host_held << 2), mfn);
  host_held++;
  return 0;
}

/** Gives a reference of host_hold_frame back. */
export function host_release_frame(mfn: u32): void {
  for (let n: u32 = 0; n < host_held; n++) {
    if (host_held_frame(n) != mfn) continue;
    host_held--;
    store<u32>(frames + (<usize> n << 2), host_held_frame(host_held));
    put_page_and_type(mfn);
    return;
  }
}
