// The hypercall page: 128 stubs of 32 bytes. Source: xen/arch/x86/pv/hypercall.c, pv-abi.md §3.1.
import { frame_written } from "../cpu/code";
import { current_domain } from "../domains/domain";
import { frame, mfn_valid, T_WRITABLE } from "../frames/page";
import { get_page_and_type, put_page_and_type } from "../frames/refs";

const SLOTS: u32 = 128;
const SLOT_SIZE: u32 = 32;
const HYPERCALL_IRET: u32 = 23;

/** Fills a page with stubs: MOV EAX, n; INT 0x82; RET. The one for iret pushes EAX and does not return. */
function fill_hypercall_page(to: usize): void {
  for (let n: u32 = 0; n < SLOTS; n++) {
    let p = to + <usize> (n * SLOT_SIZE);
    if (n == HYPERCALL_IRET) store<u8>(p++, 0x50); // PUSH EAX
    store<u8>(p, 0xb8);
    store<u32>(p, n, 1);
    store<u16>(p, 0x82cd, 5);
    if (n != HYPERCALL_IRET) store<u8>(p, 0xc3, 7);
  }
}

/**
 * A write to MSR 0x40000000: machine address of the page, its index (0) in the low bits.
 *
 * @returns false for another index or a frame that the domain may not write
 */
export function write_hypercall_page(value: u64): bool {
  const mfn64 = value >> 12;
  if (value & 0xfff || !mfn_valid(mfn64)) return false;
  const mfn = <u32> mfn64;
  if (get_page_and_type(mfn, current_domain.id, T_WRITABLE) != 0) return false;
  fill_hypercall_page(frame(mfn));
  frame_written(mfn, 0, SLOTS * SLOT_SIZE);
  put_page_and_type(mfn);
  return true;
}
