// Call gates, which 64-bit Xen emulates for 32-bit guests: each use raises #GP with the gate's
// selector, and the transfer is done here. Source: xen/arch/x86/pv/emul-gate-op.c, pv-abi.md §8.5;
// golden lines gate.*.
import {
  ATTR_P,
  ATTR_S,
  ATTR_TYPE_CODE,
  ATTR_TYPE_E,
  ATTR_TYPE_W,
  clear_fault,
  cpl,
  eip,
  fault,
  GP,
  gpr,
  NP,
  page_fault,
  seg_selector,
  set_eip,
  set_gpr,
  SP,
  SS_,
  TS,
  update_mode,
} from "../cpu/state";
import { current } from "../domains/domain";
import { CS, SS } from "../layout";
import { guest_read_linear, guest_write_linear } from "../pagetables/guest_copy";
import {
  desc_base,
  desc_dpl,
  desc_high,
  desc_limit,
  desc_low,
  mark_accessed,
  read_descriptor,
  segment_from_descriptor,
} from "./descriptor";
import { limits_2007 } from "./limits_2007";
import { bad_selector, check_stack_selector } from "./load";
import { check_return_code, commit_code } from "./return";

const HOLE: u64 = 0xf5800000;
/**
 * Xen computes CR2 of a stack fault here as the word's end minus the result of its access, which is
 * the error number 14, negative: so CR2 lies 18 bytes above the word (golden gate.p1_bad_ustack).
 */
const CR2_SKEW: u32 = 18;

/**
 * The page fault of an access that failed, as the emulation tells it. What a processor, which goes through gates by
 * itself under the rules of 2007, would tell is pending already.
 */
function stack_fault(address: u32, access: u32): bool {
  return limits_2007() ? false : page_fault(address + CR2_SKEW, access | user_bit());
}

/**
 * Reads a descriptor as Xen's emulation does: a page of the LDT that cannot be used is no page fault here.
 * A processor does fault.
 */
function look_up(selector: u32): bool {
  if (read_descriptor(selector)) return true;
  if (!limits_2007()) clear_fault();
  return false;
}

const word = memory.data(4);
/** Offset (from the stack's base) and linear base of the stack the emulation pushes on. */
let stack_offset: u32 = 0;
let stack_base: u32 = 0;
/** Whether the pushes have ring 3's rights only: a processor's, when it stays there. Xen's have the kernel's. */
let by_user: bool = false;

function user_bit(): u32 {
  return cpl() == 1 ? 0 : 4;
}

function push(value: u32): bool {
  stack_offset -= 4;
  const address = stack_base + stack_offset;
  store<u32>(word, value);
  if (guest_write_linear(address, word, 4, by_user)) return true;
  return stack_fault(address, 2);
}

/** Room for `size` bytes below offset `top` of the stack segment read last. */
function stack_room(top: u32, size: u32): bool {
  const low = top - size;
  if (low >= top - 1) return false;
  return desc_high & ATTR_TYPE_E ? low > desc_limit() : top - 1 <= desc_limit();
}

function below_hole(address: u32, size: u32): bool {
  return <u64> address + size <= HOLE;
}

function writable_data(): bool {
  return (desc_high & (ATTR_S | ATTR_TYPE_CODE | ATTR_TYPE_W)) == (ATTR_S | ATTR_TYPE_W);
}

/** Copies the caller's parameters, last one first, to the new stack. */
function copy_parameters(gate: u32, count: u32): bool {
  if (!look_up(seg_selector(SS)) || desc_dpl() != cpl() || !writable_data()) {
    return bad_selector(gate);
  }
  // Xen holds the new stack's offset against the old stack's limit; a processor would not.
  const top = limits_2007() ? gpr(SP) : stack_offset;
  if (!stack_room(top + (count << 2), count << 2)) return fault(GP, gate & 0xfffc);
  const first = desc_base() + gpr(SP);
  if (!below_hole(first, count << 2)) return fault(GP, gate & 0xfffc);
  for (let i = count; i > 0; i--) {
    const address = first + ((i - 1) << 2);
    if (!guest_read_linear(word, address, 4, false)) return stack_fault(address, 0);
    if (!push(load<u32>(word))) return false;
  }
  return true;
}

/** Moves to the kernel's stack and pushes the outer SS, ESP and the parameters. */
function enter_kernel_stack(gate: u32, ring: u32, parameters: u32): bool {
  if (ring != 1) return fault(GP, gate & 0xfffc); // the stacks of rings 0 and 2 are not known
  const ss = current.kernel_ss;
  if (
    (ss & 3) != ring || !(ss & 0xfffc) || !look_up(ss) || desc_dpl() != ring ||
    !writable_data()
  ) {
    return fault(TS, ss & 0xfffc);
  }
  by_user = false;
  stack_offset = <u32> current.kernel_sp;
  stack_base = desc_base();
  const size = (4 + parameters) << 2;
  if (!(desc_high & ATTR_P) || !stack_room(stack_offset, size)) return fault(SS_, ss & 0xfffc);
  if (!below_hole(stack_base + stack_offset - size, size)) return fault(GP, gate & 0xfffc);
  if (!push(seg_selector(SS)) || !push(gpr(SP))) return false;
  return parameters == 0 || copy_parameters(gate, parameters);
}

function stay_on_stack(gate: u32): bool {
  if (!look_up(seg_selector(SS)) || desc_dpl() != cpl()) return bad_selector(gate);
  if (!stack_room(gpr(SP), 8)) return fault(SS_, 0);
  by_user = limits_2007() && cpl() == 3;
  stack_offset = gpr(SP);
  stack_base = desc_base();
  return below_hole(stack_base + stack_offset - 8, 8) || fault(GP, gate & 0xfffc);
}

/**
 * A far CALL or JMP through the call gate that was read last.
 *
 * The gate's own DPL stands in the RPL of its target selector, but for the rules of 2007. Words on the stack are four bytes
 * whatever the operand size, and the offset given in the instruction plays no part.
 *
 * @returns false with the fault pending: #GP, #NP, #TS, #SS or #PF
 */
export function call_gate(selector: u32, jump: bool): bool {
  const by_processor = limits_2007();
  const gate_dpl = by_processor ? desc_dpl() : (desc_low >> 16) & 3;
  let target = (desc_low >> 16) & 0xfffc;
  const offset = (desc_low & 0xffff) | (desc_high & 0xffff0000);
  const parameters = desc_high & 0x1f;
  if (!by_processor && desc_dpl()) return bad_selector(selector); // absent, so never checked
  const by_rpl = gate_dpl < (selector & 3);
  if (gate_dpl < cpl() || (by_processor && by_rpl)) return bad_selector(selector);
  if (!(desc_high & ATTR_P)) return fault(NP, selector & 0xfffc);
  if (by_rpl) return bad_selector(selector); // Xen finds the RPL in the instruction, last

  if (!target) return fault(GP, 0);
  if (!look_up(target)) return bad_selector(target);
  if ((desc_high & (ATTR_S | ATTR_TYPE_CODE)) != (ATTR_S | ATTR_TYPE_CODE)) {
    return bad_selector(target);
  }
  const ring = desc_dpl();
  const conforming = (desc_high & ATTR_TYPE_E) != 0;
  if (!jump || conforming ? ring > cpl() : ring != cpl()) return bad_selector(target);
  if (!(desc_high & ATTR_P)) return fault(NP, target);
  if (offset > desc_limit()) return fault(GP, 0);

  const inner = !jump && ring < cpl();
  target |= inner ? ring : cpl();
  if (!jump) {
    if (!(inner ? enter_kernel_stack(selector, ring, parameters) : stay_on_stack(selector))) {
      return false;
    }
    if (!push(seg_selector(CS)) || !push(<u32> eip())) return false;
  }
  return arrive(target, offset, jump, inner);
}

/** Loads CS, and SS where the ring changed, as the hypervisor's return to the guest does. */
function arrive(target: u32, offset: u32, jump: bool, inner: bool): bool {
  if (!check_return_code(target, 0)) return false;
  if (inner) {
    const ss = current.kernel_ss;
    if (!check_stack_selector(ss, target & 3, SS_)) return false;
    mark_accessed();
    segment_from_descriptor(SS, ss);
  }
  commit_code();
  if (!jump) set_gpr(SP, stack_offset);
  set_eip(offset);
  update_mode();
  return true;
}
