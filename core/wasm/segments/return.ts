// Far returns: RET and IRET to the same ring or an outer one, and the checks they share with the
// hypervisor's own way back to a guest. Source: Intel SDM volume 2, RET and IRET.
import {
  ATTR_D,
  ATTR_P,
  ATTR_S,
  ATTR_TYPE_CODE,
  ATTR_TYPE_E,
  cpl,
  fault,
  GP,
  NP,
  seg_attr,
  seg_selector,
  set_eip,
  set_gpr,
  set_segment,
  SP,
  update_mode,
} from "../cpu/state";
import { C_CPL, CPU, CS, DS, ES, FS, GS, SS } from "../layout";
import {
  ATTR_MASK,
  desc_base,
  desc_dpl,
  desc_high,
  desc_limit,
  mark_accessed,
  read_descriptor,
  segment_from_descriptor,
} from "./descriptor";
import { known_attr, known_base, known_code, known_limit, remember } from "./known";
import { bad_selector, check_stack_selector } from "./load";
import { stack_move, stack_peek } from "./stack";

/** The code segment that check_return_code accepted, until commit_code puts it into CS. */
let code_selector: u32 = 0;
let code_attr: u32 = 0;
let code_base: u32 = 0;
export let code_limit: u32 = 0;

/** Keeps the descriptor read last as the code segment to come. */
export function hold_code(selector: u32): void {
  code_selector = selector;
  code_attr = desc_high & ATTR_MASK;
  code_base = desc_base();
  code_limit = desc_limit();
}

/**
 * Puts the held code segment into CS and its RPL into CPL. The accessed bit of a code segment is left
 * alone: on the machine the goldens come from, far transfers did not set it (desc.used1_after).
 */
export function commit_code(): void {
  set_segment(CS, code_selector, code_attr, code_base, code_limit);
  store<u32>(CPU + C_CPL, code_selector & 3);
}

/**
 * Checks and holds the code segment that a return goes to.
 *
 * @param from ring the return leaves: 1 or 3 for the guest's own, 0 for the hypervisor's
 * @returns false with #GP or #NP pending
 */
export function check_return_code(selector: u32, from: u32): bool {
  selector &= 0xffff;
  const rpl = selector & 3;
  if (rpl >= from && known_code(selector)) {
    code_selector = selector;
    code_attr = known_attr;
    code_base = known_base;
    code_limit = known_limit;
    return true;
  }
  if (!(selector & 0xfffc)) return fault(GP, 0);
  if (rpl < from || !read_descriptor(selector)) return bad_selector(selector);
  if ((desc_high & (ATTR_S | ATTR_TYPE_CODE)) != (ATTR_S | ATTR_TYPE_CODE)) {
    return bad_selector(selector);
  }
  if (desc_high & ATTR_TYPE_E ? desc_dpl() > rpl : desc_dpl() != rpl) return bad_selector(selector);
  if (!(desc_high & ATTR_P)) return fault(NP, selector & 0xfffc);
  hold_code(selector);
  remember(selector);
  return true;
}

// @ts-ignore: decorator
@inline function clear_if_inner(seg: u32, ring: u32): void {
  const attr = seg_attr(seg);
  if (((attr >> 13) & 3) >= ring || (attr | seg_selector(seg)) == 0) return;
  if ((attr & (ATTR_TYPE_CODE | ATTR_TYPE_E)) == (ATTR_TYPE_CODE | ATTR_TYPE_E)) return;
  set_segment(seg, 0, 0, 0, 0);
}

/** Nulls the data segments that a return to an outer ring may not take along. */
// @ts-ignore: decorator
@inline export function clear_inner_segments(ring: u32): void {
  clear_if_inner(ES, ring);
  clear_if_inner(DS, ring);
  clear_if_inner(FS, ring);
  clear_if_inner(GS, ring);
}

const words = memory.data(32);
/** Flags word that a three-word return popped. */
export let return_flags: u32 = 0;

function word(index: u32, size: u32): u32 {
  return size == 2
    ? load<u16>(words + (<usize> index << 1))
    : load<u32>(words + (<usize> index << 2));
}

/**
 * Returns to the code address on the stack: EIP and CS, for IRET also EFLAGS (left in return_flags),
 * and ESP and SS when the ring changes.
 *
 * @param count words that every such return pops: 2 or 3
 * @param size bytes of each word, 2 or 4
 * @param release bytes of parameters to drop from both stacks
 * @param absent vector for an outer stack segment that is not present
 * @returns false with the fault pending and nothing changed
 */
export function return_far(count: u32, size: u32, release: u32, absent: u32): bool {
  if (!stack_peek(words, 0, count, size)) return false;
  const target = word(0, size);
  const selector = word(1, size) & 0xffff;
  return_flags = word(2, size);
  if (!check_return_code(selector, cpl())) return false;
  const ring = selector & 3;
  if (ring == cpl()) {
    if (target > code_limit) return fault(GP, 0);
    stack_move(count * size + release);
    commit_code();
  } else {
    if (!stack_peek(words, count * size + release, 2, size)) return false;
    const stack_pointer = word(0, size);
    const stack_selector = word(1, size) & 0xffff;
    if (!check_stack_selector(stack_selector, ring, absent)) return false;
    if (target > code_limit) return fault(GP, 0);
    mark_accessed();
    segment_from_descriptor(SS, stack_selector);
    remember(stack_selector);
    if (seg_attr(SS) & ATTR_D) set_gpr(SP, stack_pointer);
    else store<u16>(CPU + (SP << 3), <u16> stack_pointer);
    stack_move(release);
    commit_code();
    clear_inner_segments(ring);
  }
  set_eip(target);
  update_mode();
  return true;
}
