// Bounce frames: how an exception or event enters a 32-bit PV guest.
// Source: xen/arch/x86/x86_64/compat/entry.S, pv-abi.md §4.3.
import { IF, IOPL, NT, RF, TF, VM } from "../cpu/flags";
import {
  ATTR_P,
  ATTR_S,
  ATTR_TYPE_CODE,
  ATTR_TYPE_W,
  clear_fault,
  eip,
  seg_attr,
  seg_base,
  seg_limit,
  seg_selector,
} from "../cpu/state";
import { current, current_domain } from "../domains/domain";
import { domain_crash } from "../domains/crash";
import { C_FAULT, C_FAULT_ERROR, CPU, SS } from "../layout";
import { guest_write_linear } from "../pagetables/guest_copy";
import { within_limit } from "../segments/address";
import {
  ATTR_MASK,
  desc_base,
  desc_dpl,
  desc_high,
  desc_limit,
  mark_accessed,
  read_descriptor,
} from "../segments/descriptor";
import {
  context_load,
  context_set,
  context_take,
  ctx_cs,
  ctx_eip,
  ctx_esp,
  ctx_flags,
  ctx_ss,
  forget_code_and_stack,
} from "./frame_context";
import {
  null_data_segments,
  reload_data_segments,
  reload_due,
  take_intended,
} from "../segments/reload";
import { limits_2007 } from "../segments/limits_2007";
import { store_intended } from "./failsafe";
import { debug_take_data_hits } from "./debug_registers";
import { trap_cs, trap_eip, trap_flags, TRAP_MASKS_EVENTS } from "./table";

const VMASST_ARCHITECTURAL_IOPL: u32 = 1 << 4;
/** More faults in a row while entering handlers than this end the domain. */
const MAX_NESTED: u32 = 64;

const buffer = memory.data(64);
let stack_attr: u32 = 0;
let stack_base: u32 = 0;
let stack_limit: u32 = 0;

function crash(reason: string): bool {
  clear_fault();
  domain_crash(current_domain, reason);
  return false;
}

/**
 * Finds the segment that a frame is written through. Xen loads it into FS in ring 0, so a null or
 * read-only one is no use, but its ring need only be at least its RPL.
 */
function open_stack(selector: u32): bool {
  if (selector == seg_selector(SS) && seg_attr(SS) != 0) {
    stack_attr = seg_attr(SS);
    stack_base = <u32> seg_base(SS);
    stack_limit = seg_limit(SS);
    return true;
  }
  if (!(selector & 0xfffc) || !read_descriptor(selector)) return false;
  const wanted = ATTR_P | ATTR_S | ATTR_TYPE_W;
  if ((desc_high & (wanted | ATTR_TYPE_CODE)) != wanted || desc_dpl() < (selector & 3)) {
    return false;
  }
  mark_accessed();
  stack_attr = desc_high & ATTR_MASK;
  stack_base = desc_base();
  stack_limit = desc_limit();
  return true;
}

/** Writes bytes below offset esp; word by word where the offset wraps at 4 GiB. */
function write_frame(esp: u32, size: u32): bool {
  const low = esp - size;
  const step: u32 = low < esp || esp == 0 ? size : 4;
  for (let done: u32 = 0; done < size; done += step) {
    if (!within_limit(stack_attr, stack_limit, low + done, step)) return false;
    if (!guest_write_linear(<u64> (stack_base + low + done), buffer + done, step, false)) {
      return false;
    }
  }
  return true;
}

/** IOPL as frames show it: none, unless the domain asked for the architectural one. */
export function shown_iopl(): u32 {
  return current_domain.vm_assist & VMASST_ARCHITECTURAL_IOPL ? current.virtual_iopl << 12 : 0;
}

/**
 * Builds a frame for the context and moves the context to the handler. Nothing is loaded into the CPU.
 *
 * @param cs handler's code selector; a null one ends the domain, after the frame was written
 * @param failsafe the frame begins with the data selectors as they were meant to be
 * @returns false when the domain was crashed
 */
function push_frame(
  cs: u32,
  handler: u32,
  has_error: bool,
  error: u32,
  mask_events: bool,
  failsafe: bool = false,
): bool {
  const from_user = (ctx_cs & 2) != 0;
  const ss = from_user ? current.kernel_ss : ctx_ss;
  const top = from_user ? <u32> current.kernel_sp : ctx_esp;
  const saved = load<u16>(current.vcpu_info + 1); // the mask byte, and the padding after it
  const saved_mask = saved & 0xff;

  let p = buffer;
  if (failsafe) {
    store_intended(p);
    p += 16;
  }
  if (has_error) {
    store<u32>(p, error);
    p += 4;
  }
  store<u32>(p, ctx_eip);
  store<u32>(p + 4, ctx_cs | (<u32> saved << 16));
  store<u32>(p + 8, (ctx_flags & ~(IF | IOPL)) | (saved_mask ? 0 : IF) | shown_iopl());
  p += 12;
  if (from_user) {
    store<u32>(p, ctx_esp);
    store<u32>(p + 4, ctx_ss);
    p += 8;
  }
  const size = <u32> (p - buffer);
  const written = open_stack(ss) && write_frame(top, size);
  debug_take_data_hits(); // the hypervisor's writes, not the guest's
  if (!written) return crash("bad stack for a bounce frame");
  if (mask_events) store<u8>(current.vcpu_info + 1, <u8> (saved_mask | 1));
  if (!(cs & 0xfffc)) return crash("no handler for an exception or event");
  context_set(cs, handler, ctx_flags & ~(VM | RF | NT | TF), ss, top - size);
  return true;
}

function has_error_code(vector: u32): bool {
  return vector < 32 && ((1 << vector) & 0x00027d00) != 0; // 8 10 11 12 13 14 17
}

/** Frame for a trap table entry on the context; false when the domain was crashed. */
export function push_exception(vector: u32, hardware: bool, error: u32): bool {
  const masks = (trap_flags(vector) & TRAP_MASKS_EVENTS) != 0;
  return push_frame(
    trap_cs(vector),
    trap_eip(vector),
    hardware && has_error_code(vector),
    error,
    masks,
  );
}

/** As push_exception, for a vector that has an error code only here. */
export function push_with_error(vector: u32, error: u32): bool {
  const masks = (trap_flags(vector) & TRAP_MASKS_EVENTS) != 0;
  return push_frame(trap_cs(vector), trap_eip(vector), true, error, masks);
}

/**
 * The way back of 2007 (pv-abi.md §4.8): data segments are loaded first, then CS and SS by IRET. What
 * does not load is told to the failsafe callback, at the CS that was registered, and the guest's four
 * data segments are null there.
 */
function resume_2007(): void {
  for (let n: u32 = 0; n < MAX_NESTED; n++) {
    const due = reload_due(current);
    if (due) forget_code_and_stack();
    else take_intended();
    if ((!due || reload_data_segments(current)) && context_load()) return;
    clear_fault();
    null_data_segments();
    const masks = current.failsafe_flags != 0;
    if (!push_frame(current.failsafe_cs, <u32> current.failsafe_eip, false, 0, masks, true)) return;
  }
  crash("handlers fault on entry, without end");
}

/**
 * Resumes the guest at the context. When its segments are bad the resulting fault is delivered as if
 * the context's first instruction had raised it, so a bad handler CS is no crash (pv-abi.md §16).
 */
export function resume(): void {
  if (limits_2007()) return resume_2007();
  for (let n: u32 = 0; n < MAX_NESTED; n++) {
    if (context_load()) return;
    const vector = load<u32>(CPU + C_FAULT);
    const error = load<u32>(CPU + C_FAULT_ERROR);
    clear_fault();
    if (!push_exception(vector, true, error)) return;
  }
  crash("handlers fault on entry, without end");
}

/**
 * Enters a guest handler from where the guest stands (C_EIP).
 *
 * @param has_error whether `error` is pushed
 * @param mask_events sets the upcall mask on entry
 * @returns false when the domain was crashed
 */
export function create_bounce(
  cs: u32,
  handler: u64,
  has_error: bool,
  error: u32,
  mask_events: bool,
): bool {
  context_take(eip());
  if (!push_frame(cs, <u32> handler, has_error, error, mask_events)) return false;
  resume();
  return true;
}
