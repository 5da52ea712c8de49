// Far JMP, CALL and RET. Source: Intel SDM volume 2.
import {
  ATTR_P,
  ATTR_S,
  ATTR_TYPE_CODE,
  ATTR_TYPE_E,
  cpl,
  eip,
  fault,
  GP,
  NP,
  seg_selector,
  set_eip,
  SS_,
  update_mode,
} from "../cpu/state";
import { hypervisor_entered } from "../events/deliver";
import { CS } from "../layout";
import { debug_take_data_hits } from "../traps/debug_registers";
import { desc_dpl, desc_high, read_descriptor } from "./descriptor";
import { call_gate } from "./gate";
import { limits_2007 } from "./limits_2007";
import { bad_selector } from "./load";
import { code_limit, commit_code, hold_code, return_far } from "./return";
import { stack_push } from "./stack";

const TYPE: u32 = 0xf00;
const CALL_GATE: u32 = 0xc00;

/** Checks a code segment as target of a direct JMP or CALL and holds it; its RPL becomes CPL. */
function check_target(selector: u32, offset: u32): bool {
  const conforming = (desc_high & ATTR_TYPE_E) != 0;
  if (conforming ? desc_dpl() > cpl() : desc_dpl() != cpl() || (selector & 3) > cpl()) {
    return bad_selector(selector);
  }
  if (!(desc_high & ATTR_P)) return fault(NP, selector & 0xfffc);
  hold_code((selector & 0xfffc) | cpl());
  if (offset > code_limit) return fault(GP, 0);
  return true;
}

/**
 * The descriptor is not a segment: a call gate goes to its emulation. One that is present always has
 * DPL 0 (check.ts), so the processor would raise #GP(selector), which Xen takes for a gate in use. By
 * the rules of 2007 it is the processor that goes through.
 */
function through_gate(selector: u32, jump: bool): bool {
  if (desc_high & ATTR_S || (desc_high & TYPE) != CALL_GATE) return bad_selector(selector);
  if (limits_2007()) return call_gate(selector, jump);
  if (desc_dpl() < cpl() || desc_dpl() < (selector & 3)) {
    hypervisor_entered();
    const through = call_gate(selector, jump);
    debug_take_data_hits(); // the hypervisor's accesses, not the guest's
    return through;
  }
  return fault(desc_high & ATTR_P ? GP : NP, selector & 0xfffc);
}

function is_code(): bool {
  return (desc_high & (ATTR_S | ATTR_TYPE_CODE)) == (ATTR_S | ATTR_TYPE_CODE);
}

function find_target(selector: u32): bool {
  if (!(selector & 0xfffc)) return fault(GP, 0);
  return read_descriptor(selector) || bad_selector(selector);
}

/** Far JMP to selector:offset, the offset already cut to the operand size. */
export function insn_far_jmp(selector: u32, offset: u32): void {
  selector &= 0xffff;
  if (!find_target(selector)) return;
  if (!is_code()) {
    through_gate(selector, true);
    return;
  }
  if (!check_target(selector, offset)) return;
  commit_code();
  set_eip(offset);
  update_mode();
}

const return_words = memory.data(8);

/**
 * Far CALL; CS and the next EIP are pushed.
 *
 * @param opsize bytes of each pushed word, 2 or 4
 */
export function insn_far_call(selector: u32, offset: u32, opsize: u32): void {
  selector &= 0xffff;
  if (!find_target(selector)) return;
  if (!is_code()) {
    through_gate(selector, false);
    return;
  }
  if (!check_target(selector, offset)) return;
  if (opsize == 2) store<u32>(return_words, (<u32> eip() & 0xffff) | (seg_selector(CS) << 16));
  else {
    store<u32>(return_words, <u32> eip());
    store<u32>(return_words + 4, seg_selector(CS));
  }
  if (!stack_push(return_words, 2, opsize)) return;
  commit_code();
  set_eip(offset);
  update_mode();
}

/** Far RET, dropping `release` bytes of parameters. */
export function insn_far_ret(opsize: u32, release: u32): void {
  return_far(2, opsize, release, SS_);
}
