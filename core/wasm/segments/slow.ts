// Slow instructions about segments. The interpreter has evaluated the operands already.
import { fault_pending } from "../cpu/state";
import { C_SHADOW, CPU, SS } from "../layout";
import { load_known, load_segment } from "./load";

export { insn_far_call, insn_far_jmp, insn_far_ret } from "./far";
export {
  insn_lar,
  insn_lsl,
  insn_sgdt,
  insn_sldt,
  insn_smsw,
  insn_str,
  insn_verr,
  insn_verw,
} from "./inspect";

/**
 * For translated code of flat mode: ES, DS, FS or GS, where it is so common a load that nothing else changes.
 *
 * @returns 0 with nothing changed
 */
export function cpu_segment_known(seg: u32, selector: u32): u32 {
  return seg != SS && load_known(seg, selector & 0xffff) ? 1 : 0;
}

/**
 * MOV Sreg and POP Sreg (the handler moves ESP when no fault is pending afterwards). A load of SS
 * holds back #DB and events for one instruction.
 */
export function insn_mov_sreg(seg: u32, selector: u32): void {
  load_segment(seg, selector);
  if (seg == SS && !fault_pending()) store<u32>(CPU + C_SHADOW, 1);
}
