// Memory operands of vector instructions.
import {
  C_MODE,
  C_TLB_TAG,
  CPU,
  CS,
  FS,
  MODE_FLAT,
  PREFIX_ADDR16,
  REC_BASE,
  REC_DISP,
  REC_INDEX,
  REC_PREFIX,
  REC_SCALE,
  REC_SEG,
  TLB_ADDEND,
  TLB_READ,
  TLB_WRITE,
} from "../layout";
import { tlb_entry } from "../pagetables/tlb";
import { FLAT, NOT_EMULATED, READ, tlb_fill } from "../pagetables/walk";
import { segment_address } from "../segments/address";
import { fault, GP } from "./state";

/**
 * Host address of a record's memory operand.
 *
 * @param size in bytes, at most 16
 * @param write 0 or 1; a write to SPLIT must be followed by cpu_commit, as with tlb_fill
 * @param mask bits that must be clear in the linear address, else #GP(0): 15 or 0
 * @returns 0 if it faulted
 */
export function cpu_vector_address(rec: usize, size: u32, write: u32, mask: u32): u32 {
  let a = load<u32>(CPU + load<u8>(rec + REC_BASE)) + load<u32>(rec + REC_DISP) +
    (load<u32>(CPU + load<u8>(rec + REC_INDEX)) << load<u8>(rec + REC_SCALE));
  const narrow = (load<u16>(rec + REC_PREFIX) & PREFIX_ADDR16) != 0;
  if (narrow) a &= 0xffff;
  const segment: u32 = load<u8>(rec + REC_SEG);
  let how = write ? write | NOT_EMULATED : READ;
  if ((load<u32>(CPU + C_MODE) & MODE_FLAT) && segment != CS && segment < <u32> FS) how |= FLAT;
  else {
    const checked = segment_address(segment, a, size, write != 0);
    if (checked == ~0) return 0;
    a = <u32> checked;
  }
  if (a & mask) {
    fault(GP, 0);
    return 0;
  }
  const entry = tlb_entry(a);
  const tag = ((a + size - 1) & ~0xfff) | load<u32>(CPU + C_TLB_TAG);
  if (load<u64>(entry + (write ? TLB_WRITE : TLB_READ)) == <u64> tag) {
    return a + load<u32>(entry + TLB_ADDEND);
  }
  return <u32> tlb_fill(a, size, how);
}
