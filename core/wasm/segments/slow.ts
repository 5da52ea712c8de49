// Slow instructions about segments. The interpreter has evaluated the operands already.
import { fault_pending } from "../cpu/state";
import { C_SHADOW, CPU, SS } from "../layout";
import { load_segment } from "./load";

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
 * MOV Sreg and POP Sreg (the handler moves ESP when no fault is pending afterwards). A load of SS
 * holds back #DB and events for one instruction.
 */
export function insn_mov_sreg(seg: u32, selector: u32): void {
  load_segment(seg, selector);
  if (seg == SS && !fault_pending()) store<u32>(CPU + C_SHADOW, 1);
}
