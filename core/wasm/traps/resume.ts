// The hypervisor's way back to the guest: what waits is put on the context first, then the context is
// loaded, which can itself fault. Source: test_all_events and what follows it in
// xen/arch/x86/x86_64/compat/entry.S; pv-abi.md §4.6 to §4.8.
import { clear_fault } from "../cpu/state";
import { current, current_domain, DOM_RUNNING } from "../domains/domain";
import { upcall_due } from "../events/bits";
import { C_FAULT, C_FAULT_ERROR, CPU } from "../layout";
import { limits_2007 } from "../segments/limits_2007";
import {
  null_data_segments,
  reload_data_segments,
  reload_due,
  take_intended,
} from "../segments/reload";
import { EVENT_NMI, EVENT_UPCALL, trace_event } from "../trace";
import { crash_nested, push_exception, push_failsafe, push_nmi, push_upcall } from "./bounce";
import { context_load, forget_code_and_stack } from "./frame_context";
import { trap_present } from "./table";

/** More faults in a row while entering handlers than this end the domain. */
const MAX_NESTED: u32 = 64;
const VECTOR_NMI: u32 = 2;

/** Whether an NMI waits and the guest is not within the handler of one. */
// @ts-ignore: decorator
@inline export function nmi_due(): bool {
  return current.nmi_pending != 0 && current.nmi_in_progress == 0;
}

/** The NMI handler's frame; an NMI without a handler is forgotten. */
function take_nmi(): bool {
  current.nmi_pending = 0;
  if (!trap_present(VECTOR_NMI)) return true;
  current.nmi_in_progress = 1; // until the iret hypercall
  trace_event(EVENT_NMI, current_domain.id, current.id, 0);
  return push_nmi();
}

/**
 * Frames of what waits, upon the context: an NMI, then an event unless that masked them. The callback's
 * entry masks further upcalls, so there is one of each; Xen never clears the pending byte.
 *
 * @returns false when the domain was crashed
 */
function push_waiting(): bool {
  if (current_domain.state != DOM_RUNNING) return true;
  if (nmi_due() && !take_nmi()) return false;
  if (!upcall_due(current)) return true;
  trace_event(EVENT_UPCALL, current_domain.id, current.id, 0);
  return push_upcall();
}

/**
 * The way back of 2007 (pv-abi.md §4.8): data segments are loaded first, then CS and SS by IRET. What
 * does not load is told to the failsafe callback, at the CS that was registered, and the guest's four
 * data segments are null there.
 */
function resume_2007(): void {
  for (let n: u32 = 0; n < MAX_NESTED; n++) {
    if (!push_waiting()) return;
    const due = reload_due(current);
    if (due) forget_code_and_stack();
    else take_intended();
    if ((!due || reload_data_segments(current)) && context_load()) return;
    clear_fault();
    null_data_segments();
    if (!push_failsafe()) return;
  }
  crash_nested();
}

/**
 * Resumes the guest at the context, or at the handler of what waits. When its segments are bad the
 * resulting fault is delivered as if the context's first instruction had raised it, so a bad handler CS
 * is no crash (pv-abi.md §16).
 */
export function resume(): void {
  if (limits_2007()) return resume_2007();
  for (let n: u32 = 0; n < MAX_NESTED; n++) {
    if (!push_waiting()) return;
    if (context_load()) return;
    const vector = load<u32>(CPU + C_FAULT);
    const error = load<u32>(CPU + C_FAULT_ERROR);
    clear_fault();
    if (!push_exception(vector, true, error)) return;
  }
  crash_nested();
}
