// Instructions whose memory operand the core finds itself, with 64-bit addresses.
import {
  C_TLB_TAG,
  CPU,
  FS,
  PREFIX_ADDR16,
  REC_BASE,
  REC_DISP,
  REC_IMM,
  REC_INDEX,
  REC_PREFIX,
  REC_SCALE,
  REC_SEG,
  SS,
  TLB_ADDEND,
  TLB_READ,
  TLB_WRITE,
} from "../layout";
import { fpu_block, fpu_block_bytes, fpu_block_ready, fpu_block_stores } from "../cpu/fpu";
import { mask_move } from "../cpu/mmx";
import { BP, cpl, fault, GP, gpr64, seg_base, set_gpr64, SP } from "../cpu/state";
import { cpu_x87_begin, store_wide } from "../cpu/x87/dispatch";
import { guest_probe_write, guest_read_linear, guest_write_linear } from "../pagetables/guest_copy";
import { tlb_entry } from "../pagetables/tlb";
import { tlb_fill } from "../pagetables/walk";
import { cpu_long_segment_address } from "./address";

/** An offset or a count cut to the record's address size. */
// @ts-ignore: decorator
@inline export function narrowed(rec: usize, v: u64): u64 {
  return load<u16>(rec + REC_PREFIX) & PREFIX_ADDR16 ? v & 0xffffffff : v;
}

/**
 * Host address of a record's memory operand, as cpu_vector_address.
 *
 * @param access as for tlb_fill
 * @param mask bits that must be clear in the linear address, else #GP(0): 15 or 0
 * @returns 0 if it faulted
 */
export function cpu_long_vector_address(rec: usize, size: u32, access: u32, mask: u32): u32 {
  const offset = narrowed(
    rec,
    load<u64>(CPU + load<u8>(rec + REC_BASE)) + load<u64>(rec + REC_DISP) +
      (load<u64>(CPU + load<u8>(rec + REC_INDEX)) << load<u8>(rec + REC_SCALE)),
  );
  const segment: u32 = load<u8>(rec + REC_SEG);
  const linear = segment >= <u32> FS ? offset + seg_base(segment) : offset;
  if (<u32> linear & mask) { // whether it is canonical comes second
    fault(GP, 0);
    return 0;
  }
  const a = cpu_long_segment_address(segment, offset, size, access & 1);
  if (a == ~0) return 0;
  const entry = tlb_entry(a);
  const tag = ((a + size - 1) & ~0xfff) | load<u32>(CPU + C_TLB_TAG);
  if (load<u64>(entry + (access ? TLB_WRITE : TLB_READ)) == tag) {
    return <u32> a + load<u32>(entry + TLB_ADDEND);
  }
  return <u32> tlb_fill(a, size, access);
}

/** FLDENV FNSTENV FRSTOR FNSAVE FXSAVE FXRSTOR, as cpu_fpu_block. */
export function cpu_long_fpu_block(which: u32, rec: u32, size: u32, offset: u64): u32 {
  if (!fpu_block_ready(which)) return 0;
  const bytes = fpu_block_bytes(which, rec);
  const stores = fpu_block_stores(which);
  const address = cpu_long_segment_address(load<u8>(rec + REC_SEG), offset, bytes, stores ? 1 : 0);
  return address == ~0 ? 0 : fpu_block(which, rec, address);
}

/** FSTP m80 and FBSTP, as cpu_x87_store_wide. */
export function cpu_long_x87_store_wide(rec: u32, offset: u64): u32 {
  if (!cpu_x87_begin()) return 0;
  const address = cpu_long_segment_address(load<u8>(rec + REC_SEG), offset, 10, 1);
  return address == ~0 ? 0 : store_wide(rec, <u32> offset, address);
}

/** MASKMOVQ and MASKMOVDQU, as cpu_mask_move. */
export function cpu_long_mask_move(rec: u32, di: u64, data: usize, mask: usize, size: u32): u32 {
  const segment = load<u8>(rec + REC_SEG);
  const address = cpu_long_segment_address(segment, narrowed(rec, di), size, 1);
  return address == ~0 ? 0 : mask_move(address, data, mask, size);
}

const BUFFER: usize = memory.data(8, 8);

/** Writes `size` bytes of BUFFER at a stack address. */
function push_at(sp: u64, size: u32): bool {
  const a = cpu_long_segment_address(SS, sp, size, 1);
  return a != ~0 && guest_write_linear(a, BUFFER, size, cpl() == 3);
}

/** ENTER size, level. Returns 0 if it faulted. */
export function cpu_long_enter(rec: u32, size: u32): u32 {
  const bytes = load<u32>(rec + REC_IMM) & 0xffff;
  const level = load<u32>(rec + REC_IMM + 4) & 31;
  let sp = gpr64(SP) - size;
  let bp = gpr64(BP);
  store<u64>(BUFFER, bp);
  if (!push_at(sp, size)) return 0;
  const frame = sp;
  for (let i: u32 = 1; i < level; i++) {
    bp -= size;
    sp -= size;
    const a = cpu_long_segment_address(SS, bp, size, 0);
    if (a == ~0 || !guest_read_linear(BUFFER, a, size, cpl() == 3)) return 0;
    if (!push_at(sp, size)) return 0;
  }
  if (level) {
    sp -= size;
    store<u64>(BUFFER, frame);
    if (!push_at(sp, size)) return 0;
  }
  sp -= bytes;
  const a = cpu_long_segment_address(SS, sp, size, 1);
  if (a == ~0 || !guest_probe_write(a, size, cpl() == 3)) return 0;
  if (size == 8) set_gpr64(BP, frame);
  else store<u16>(CPU + (BP << 3), <u16> frame);
  set_gpr64(SP, sp);
  return 1;
}
