// Bounce frames: how an exception or event enters a 32-bit PV guest.
// Source: xen/arch/x86/x86_64/compat/entry.S, pv-abi.md §4.3.
import { IF, IOPL, NT, RF, TF, VM } from "../cpu/flags";
import {
  ATTR_P,
  ATTR_S,
  ATTR_TYPE_CODE,
  ATTR_TYPE_E,
  ATTR_TYPE_W,
  clear_fault,
  seg_attr,
  seg_base,
  seg_limit,
  seg_selector,
} from "../cpu/state";
import { current, current_domain } from "../domains/domain";
import { domain_crash } from "../domains/crash";
import { SS } from "../layout";
import { guest_write_linear, write_hit } from "../pagetables/guest_copy";
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
import { known_attr, known_base, known_limit, known_stack, remember } from "../segments/known";
import { code_reload_due, context_set, ctx_cs, ctx_eip, ctx_esp, ctx_flags, ctx_ss } from "./frame_context";
import { store_intended } from "./failsafe";
import { debug_take_data_hits } from "./debug_registers";
import { trap_cs, trap_eip, trap_flags, TRAP_MASKS_EVENTS } from "./table";
import { architectural_iopl } from "./iopl";

const VECTOR_NMI: u32 = 2;

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
 * read-only one is no use, but its ring need only be at least its RPL. It is what its table says now.
 */
function open_stack(selector: u32): bool {
  if (selector == seg_selector(SS) && seg_attr(SS) != 0 && !code_reload_due(current)) {
    stack_attr = seg_attr(SS);
    stack_base = <u32> seg_base(SS);
    stack_limit = seg_limit(SS);
    return true;
  }
  if (known_stack(selector)) {
    stack_attr = known_attr;
    stack_base = known_base;
    stack_limit = known_limit;
    return true;
  }
  if (!(selector & 0xfffc) || !read_descriptor(selector)) return false;
  const wanted = ATTR_P | ATTR_S | ATTR_TYPE_W;
  if ((desc_high & (wanted | ATTR_TYPE_CODE)) != wanted || desc_dpl() < (selector & 3)) {
    return false;
  }
  mark_accessed();
  remember(selector);
  stack_attr = desc_high & ATTR_MASK;
  stack_base = desc_base();
  stack_limit = desc_limit();
  return true;
}

/** Writes bytes below offset esp; word by word where the offset wraps at 4 GiB. */
function write_frame(esp: u32, size: u32): bool {
  const low = esp - size;
  if ((stack_base | ~stack_limit) == 0 && !(stack_attr & ATTR_TYPE_E)) {
    const host = low < esp ? write_hit(low, size) : 0;
    if (host) {
      for (let n: u32 = 0; n < size; n += 4) store<u32>(host + n, load<u32>(buffer + n));
      return true;
    }
  }
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
// @ts-ignore: decorator
@inline export function shown_iopl(): u32 {
  return architectural_iopl() ? current.virtual_iopl << 12 : 0;
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

/** Whether an exception of the processor's has an error code. */
export function has_error_code(vector: u32): bool {
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

/** Frame for the NMI handler: an entry of the trap table like others. */
export function push_nmi(): bool {
  return push_exception(VECTOR_NMI, false, 0);
}

/** Frame for the event callback, which masks events. */
export function push_upcall(): bool {
  return push_frame(current.event_cs, <u32> current.event_eip, false, 0, true);
}

/** Frame for the failsafe callback at the CS that was registered, as the Xen of 2007 enters it. */
export function push_failsafe(): bool {
  const masks = current.failsafe_flags != 0;
  return push_frame(current.failsafe_cs, <u32> current.failsafe_eip, false, 0, masks, true);
}

/** Ends a domain whose handlers all fault as they are entered. */
export function crash_nested(): void {
  crash("handlers fault on entry, without end");
}
