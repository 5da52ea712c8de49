// When a guest is interrupted: only on its way back from the hypervisor are NMIs and events looked at
// (test_all_events in xen/arch/x86/x86_64/compat/entry.S; shared/pv-abi.md §4.6). What is done then
// stands in traps/resume.ts.
import { current, current_domain, DOM_RUNNING } from "../domains/domain";
import { eflags } from "../cpu/flags";
import { eip } from "../cpu/state";
import { limits_2007 } from "../segments/limits_2007";
import { reload_due } from "../segments/reload";
import { enter_at_once } from "../traps/at_once";
import { code_reload_due, context_take } from "../traps/frame_context";
import { nmi_due, resume } from "../traps/resume";
import { EVENT_UPCALL, trace_event } from "../trace";
import { INFO_MASK, upcall_due } from "./bits";

let entered: bool = false;

/**
 * Notes that the guest is in the hypervisor: a hypercall, an exception, an emulated instruction. Only
 * on the way back from there are events looked at; an instruction that is merely rare here, such as
 * a segment load, delivers none, as on a real processor.
 */
// @ts-ignore: decorator
@inline export function hypervisor_entered(): void {
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

/** As events_deliverable, for who goes on by itself if it says no; nothing has changed if it says yes. */
// @ts-ignore: decorator
@inline export function events_settled(): bool {
  if (entered && (upcall_due(current) || nmi_due() || segments_due())) return false;
  entered = false;
  return true;
}

/** Each way back loads CS and SS again, if their tables changed; under the rules of 2007 all segments. */
// @ts-ignore: decorator
@inline function segments_due(): bool {
  return code_reload_due(current) || (limits_2007() && reload_due(current));
}

/**
 * Enters the guest's NMI handler or its event callback, if one is due, and loads again what a change of
 * the descriptor tables asks for.
 *
 * @returns whether anything of the running vCPU changed (the domain may have crashed on its stack)
 */
export function deliver_events(): bool {
  entered = false;
  if (current_domain.state != DOM_RUNNING) return false;
  if (!upcall_due(current) && !nmi_due() && !segments_due()) return false;
  const masks = load<u8>(current.vcpu_info + INFO_MASK);
  if (!masks && enter_at_once(current.event_cs, <u32> current.event_eip, <u32> eip(), eflags(), false, 0, true)) {
    trace_event(EVENT_UPCALL, current_domain.id, current.id, 0);
    return true;
  }
  context_take(eip());
  resume();
  return true;
}
