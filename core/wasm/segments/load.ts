// Loading a segment register, with every check of the architecture.
// Source: Intel SDM volume 2, MOV and POP; volume 3, 5.7 (privilege checks).
import {
  ATTR_P,
  ATTR_S,
  ATTR_TYPE_CODE,
  ATTR_TYPE_E,
  ATTR_TYPE_W,
  clear_fault,
  cpl,
  fault,
  fault_pending,
  GP,
  NP,
  seg_selector,
  set_segment,
  SS_,
  update_mode,
} from "../cpu/state";
import { C_MODE, CPU, FS, MODE_FLAT, SS } from "../layout";
import {
  desc_dpl,
  desc_high,
  mark_accessed,
  read_descriptor,
  segment_from_descriptor,
} from "./descriptor";
import { known_attr, known_base, known_data, known_flat_data, known_limit, known_stack, remember } from "./known";

/** #GP with a selector, unless reading its descriptor already left a fault (an LDT page). */
export function bad_selector(selector: u32): bool {
  return fault_pending() ? false : fault(GP, selector & 0xfffc);
}

/**
 * Reads and checks a descriptor for use as the stack of a ring: writable data of exactly that ring.
 *
 * @param absent vector for a segment that is not present: #SS for loads, #NP for IRET
 * @returns false with the fault pending; else the descriptor is the one read last
 */
export function check_stack_selector(selector: u32, ring: u32, absent: u32): bool {
  if (!(selector & 0xfffc)) return fault(GP, 0);
  if (!read_descriptor(selector)) return bad_selector(selector);
  const kind = desc_high & (ATTR_S | ATTR_TYPE_CODE | ATTR_TYPE_W);
  if ((selector & 3) != ring || desc_dpl() != ring || kind != (ATTR_S | ATTR_TYPE_W)) {
    return bad_selector(selector);
  }
  if (!(desc_high & ATTR_P)) return fault(absent, selector & 0xfffc);
  return true;
}

function check_data_selector(selector: u32, ring: u32): bool {
  if (!read_descriptor(selector)) return bad_selector(selector);
  const high = desc_high;
  if (!(high & ATTR_S) || (high & (ATTR_TYPE_CODE | ATTR_TYPE_W)) == ATTR_TYPE_CODE) {
    return bad_selector(selector);
  }
  const conforming = (high & (ATTR_TYPE_CODE | ATTR_TYPE_E)) == (ATTR_TYPE_CODE | ATTR_TYPE_E);
  if (!conforming && (desc_dpl() < ring || desc_dpl() < (selector & 3))) {
    return bad_selector(selector);
  }
  if (!(high & ATTR_P)) return fault(NP, selector & 0xfffc);
  return true;
}

/**
 * Loads ES, DS, FS or GS where no mode changes: a segment known already, for ES and DS a flat one of data that may
 * be written in place of another; for FS and GS also none.
 *
 * @returns false with nothing changed
 */
// @ts-ignore: decorator
@inline export function load_known(seg: u32, selector: u32): bool {
  if (seg >= <u32> FS && !(selector & 0xfffc)) {
    set_segment(seg, selector, 0, 0, 0);
    return true;
  }
  if (seg < <u32> FS) {
    if (!(load<u32>(CPU + C_MODE) & MODE_FLAT)) return false;
    const attr = known_flat_data(selector, cpl());
    if (!attr) return false;
    set_segment(seg, selector, attr, 0, 0xffffffff);
    return true;
  }
  if (!known_data(selector, cpl())) return false;
  set_segment(seg, selector, known_attr, known_base, known_limit);
  return true;
}

/**
 * Loads ES, SS, DS, FS or GS as MOV and POP do.
 *
 * @returns false with the fault pending and the register unchanged
 */
export function load_segment(seg: u32, selector: u32): bool {
  selector &= 0xffff;
  if (seg == SS ? known_stack(selector) && (selector & 3) == cpl() : known_data(selector, cpl())) {
    set_segment(seg, selector, known_attr, known_base, known_limit);
    if (seg < <u32> FS) update_mode();
    return true;
  }
  if (seg == SS) {
    if (!check_stack_selector(selector, cpl(), SS_)) return false;
  } else if (!(selector & 0xfffc)) {
    set_segment(seg, selector, 0, 0, 0);
    update_mode();
    return true;
  } else if (!check_data_selector(selector, cpl())) return false;
  mark_accessed();
  segment_from_descriptor(seg, selector);
  remember(selector);
  update_mode();
  return true;
}

/**
 * Loads a data segment register once more with the selector it holds, as the hypervisor in ring 0
 * does: what its descriptor says now is what it gets.
 *
 * @returns false when it no longer loads: the register is null then, and no fault is left pending
 */
export function reload_segment(seg: u32): bool {
  const selector = seg_selector(seg);
  if (!(selector & 0xfffc)) return true;
  if (check_data_selector(selector, 0)) {
    mark_accessed();
    segment_from_descriptor(seg, selector);
    return true;
  }
  clear_fault();
  set_segment(seg, 0, 0, 0, 0);
  return false;
}
