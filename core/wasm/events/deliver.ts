// The one place that interrupts a guest: the tests Xen makes on its way back to the guest
// (test_all_events in xen/arch/x86/x86_64/compat/entry.S; shared/pv-abi.md §4.6).
import { current, current_domain, DOM_RUNNING } from "../domains/domain";
import { EVENT_NMI, EVENT_UPCALL, trace_event } from "../trace";
import { eip } from "../cpu/state";
import { limits_2007 } from "../segments/limits_2007";
import { reload_due } from "../segments/reload";
import { create_bounce, resume } from "../traps/bounce";
import { code_reload_due, context_take } from "../traps/frame_context";
import { upcall_due } from "./bits";

const NMI_ENTRY: usize = 2 * 8; // in the trap table: address u32, cs u16

// @ts-ignore: decorator
@inline function nmi_due(): bool {
  return current.nmi_pending != 0 && current.nmi_in_progress == 0;
}

let entered: bool = false;

/**
 * Notes that the guest is in the hypervisor: a hypercall, an exception, an emulated instruction. Only
 * on the way back from there are events looked at; an instruction that is merely rare here, such as
 * a segment load, delivers none, as on a real processor.
 */
export function hypervisor_entered(): void {
  entered = true;
}

/**
 * Asked between instructions: whether the guest is on its way back from the hypervisor and
 * deliver_events would change it.
 */
export function events_deliverable(): bool {
  if (!entered) return false;
  entered = false;
  return upcall_due(current) || nmi_due() || segments_due();
}

/** Each way back loads CS and SS again, if their tables changed; under the rules of 2007 all segments. */
// @ts-ignore: decorator
@inline function segments_due(): bool {
  return code_reload_due(current) || (limits_2007() && reload_due(current));
}

/**
 * Enters the guest's NMI handler, or else its event callback, if one is due. The callback's entry
 * masks further upcalls, so one frame is built at a time; Xen never clears the pending byte.
 *
 * @returns whether anything of the running vCPU changed (the domain may have crashed on its stack)
 */
export function deliver_events(): bool {
  entered = false;
  if (current_domain.state != DOM_RUNNING) return false;
  const v = current;
  if (nmi_due()) {
    v.nmi_pending = 0;
    v.nmi_in_progress = 1; // until the iret hypercall
    trace_event(EVENT_NMI, current_domain.id, v.id, 0);
    const entry = v.trap_table + NMI_ENTRY;
    create_bounce(load<u16>(entry, 4), load<u32>(entry), false, 0, true);
    return true;
  }
  if (!upcall_due(v)) {
    if (!segments_due()) return false;
    context_take(eip());
    resume();
    return true;
  }
  trace_event(EVENT_UPCALL, current_domain.id, v.id, 0);
  create_bounce(v.event_cs, v.event_eip, false, 0, true);
  return true;
}
