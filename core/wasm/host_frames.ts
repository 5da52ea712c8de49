// Frames of a guest that the host reads and writes: the console and xenstore rings. As on Xen, where
// the backends have them mapped, they stay the guest's ordinary memory as long as the host uses them:
// they can become neither a page table nor free.
import { T_WRITABLE } from "./frames/page";
import { get_page_and_type, put_page_and_type } from "./frames/refs";

/**
 * Takes a reference on a frame for the host.
 *
 * @returns 0, or a negative errno when it is not the domain's or not plain memory
 */
export function host_hold_frame(domid: u32, mfn: u32): i32 {
  return get_page_and_type(mfn, domid, T_WRITABLE);
}

/** Gives a reference of host_hold_frame back. */
export function host_release_frame(mfn: u32): void {
  put_page_and_type(mfn);
}
