// The 4gb_segments assist of 2007 (pv-abi.md §8.6): user code reaches its thread's data by negative
// offsets from GS, which a segment that ends below the hypervisor refuses with #GP. The hypervisor
// then turns the segment round and lets the instruction try again.
import { ATTR_D, clear_fault, cpl, fault, GP, insn_eip, seg_attr, seg_selector, set_eip } from "../cpu/state";
import { decode_one, decoded_in_memory } from "../cpu/decode";
import { current_domain } from "../domains/domain";
import {
  C_MODE,
  CPU,
  CS,
  GS,
  PREFIX_ADDR16,
  PREFIX_SEGMENT,
  REC_BASE,
  REC_DISP,
  REC_INDEX,
  REC_PREFIX,
  REC_SCALE,
  REC_SEG,
} from "../layout";
import { limits_2007, turn_segment } from "../segments/limits_2007";
import { reload_segment } from "../segments/load";
import { code_byte, fetch_start } from "./fetch";

const ASSIST_4GB_SEGMENTS: u32 = 1 << 0;
const ASSIST_NOTIFY: u32 = 1 << 1;

const bytes = memory.data(16);
const record = memory.data(32, 8);

/** Bytes of the instruction that was mended last. */
export let fixed_length: u32 = 0;

function address_register(part: usize): u32 {
  return load<u32>(CPU + <usize> load<u8>(record + part));
}

/** Decodes the instruction at C_INSN_EIP: its length, or 0 if it is none that goes through GS. */
function decode_gs_access(): u32 {
  fetch_start();
  let n: u32 = 0;
  while (code_byte(bytes + n)) n++;
  clear_fault();
  const length = decode_one(bytes, bytes + n, record, 0, load<u32>(CPU + C_MODE));
  if (!length || !decoded_in_memory || load<u8>(record + REC_SEG) != GS) return 0;
  const prefix = load<u16>(record + REC_PREFIX);
  return (prefix & (PREFIX_SEGMENT | PREFIX_ADDR16)) == PREFIX_SEGMENT ? length : 0;
}

/**
 * Looks whether a #GP(0) of user mode is such an access, and mends its segment.
 *
 * @returns true when the instruction is to be tried again, with C_EIP at it and no fault pending; the
 *   fault is pending as it was otherwise
 */
export function fix_gs_access(): bool {
  if (!(current_domain.vm_assist & ASSIST_4GB_SEGMENTS) || !limits_2007() || cpl() != 3) return false;
  const length = (seg_attr(CS) & ATTR_D) ? decode_gs_access() : 0;
  if (length) {
    const offset = address_register(REC_BASE) +
      (address_register(REC_INDEX) << load<u8>(record + REC_SCALE)) + load<u32>(record + REC_DISP);
    if (turn_segment(seg_selector(GS), <i32> offset)) {
      reload_segment(GS);
      set_eip(insn_eip());
      fixed_length = length;
      return true;
    }
    clear_fault();
  }
  fault(GP, 0);
  return false;
}

/** Whether the guest wants to hear of each (vector 15). */
export function notifies_fixup(): bool {
  return (current_domain.vm_assist & ASSIST_NOTIFY) != 0;
}
