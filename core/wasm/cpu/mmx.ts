// Around MMX instructions: whether they may run, and the change between x87 and MMX registers.
//
// MMX register n is the mantissa of the x87's physical register n, whose place in the area at C_FX is
// fixed; MMX instructions bring TOP to 0 and mark all registers as in use. Source: SDM volume 1, 9.5.
import { C_FX, CPU, PREFIX_ADDR16, REC_PREFIX, REC_SEG } from "../layout";
import { guest_write_linear } from "../pagetables/guest_copy";
import { NOT_EMULATED, tlb_fill, WRITE } from "../pagetables/walk";
import { segment_address } from "../segments/address";
import { fpu_usable } from "../traps/fpu";
import { cpl, fault, long_mode, MF } from "./state";

const FCW: usize = CPU + C_FX;
const FSW: usize = FCW + 2;
const FTW: usize = FCW + 4;
const TOP: u16 = 7 << 11;

/** Before an MMX instruction: 0 with #NM, or #MF of an unmasked x87 exception, pending. */
export function cpu_mmx_ready(): u32 {
  if (!fpu_usable()) return 0;
  if (load<u16>(FSW) & ~load<u16>(FCW) & 0x3f) {
    fault(MF, 0);
    return 0;
  }
  return 1;
}

/** An MMX instruction ran: TOP 0, all registers in use. */
export function cpu_mmx_enter(): void {
  store<u16>(FSW, load<u16>(FSW) & ~TOP);
  store<u8>(FTW, 0xff);
}

/** EMMS: all registers empty. */
export function cpu_mmx_leave(): void {
  cpu_mmx_enter();
  store<u8>(FTW, 0);
}

/**
 * MASKMOVQ and MASKMOVDQU: bytes of `data` whose mask byte has its top bit set go to DS:EDI.
 *
 * The whole operand is probed before anything is written, as if all of it were, even with a mask of
 * zeroes: the manual leaves that open, and AMD's processors do it.
 *
 * @param size 8 or 16 bytes
 * @returns 0 if it faulted
 */
export function cpu_mask_move(rec: u32, di: u32, data: usize, mask: usize, size: u32): u32 {
  const offset = load<u16>(rec + REC_PREFIX) & PREFIX_ADDR16 ? di & 0xffff : di;
  const address = segment_address(load<u8>(rec + REC_SEG), offset, size, true);
  return address == ~0 ? 0 : mask_move(address, data, mask, size);
}

/** The same to a linear address. */
export function mask_move(address: u64, data: usize, mask: usize, size: u32): u32 {
  if (!tlb_fill(address, size, WRITE | NOT_EMULATED)) return 0;
  const user = cpl() == 3;
  for (let i: u32 = 0; i < size; i++) {
    if (!(load<u8>(mask + i) & 0x80)) continue;
    if (!guest_write_linear(byte_at(address, i), data + i, 1, user)) return 0;
  }
  return 1;
}

function byte_at(address: u64, n: u32): u64 {
  return long_mode() ? address + n : (address + n) & 0xffffffff;
}
