// Sending: from a port to an upcall, in exactly the order of Xen's 2-level ABI
// (xen/common/event_2l.c; shared/pv-abi.md §9.2), because a guest can watch each step. Domains that
// chose the other ABI go on in fifo.ts.
import { Domain, Vcpu, VCPU_DOWN, vcpu_of, VCPU_POLLING } from "../domains/domain";
import { vcpu_wake } from "../domains/schedule";
import { EVENT_SENT, trace_event } from "../trace";
import {
  INFO_PENDING,
  is_masked,
  is_pending,
  test_and_clear_mask,
  test_and_set_pending,
  test_and_set_sel,
} from "./bits";
import { fifo_is_pending, fifo_set_pending, fifo_unmask, uses_fifo } from "./fifo";
import { port_at } from "./ports";

/** Virtual interrupts with a port on each vCPU; every other one is the domain's. */
export const VIRQ_TIMER: u32 = 0;
export const VIRQ_DEBUG: u32 = 1;
export const VIRQ_XENOPROF: u32 = 7;
export const VIRQ_XENPMU: u32 = 13;
export const VIRQS: u32 = 24;

/** Tells a vCPU that something is pending; wakes it if that is news. */
export function mark_upcall(v: Vcpu): void {
  const flag = load<u8>(v.vcpu_info + INFO_PENDING);
  store<u8>(v.vcpu_info + INFO_PENDING, flag | 1);
  if (!(flag & 1)) vcpu_wake(v);
}

/** vCPUs that poll this port (or several: poll_port 0) go on, whether or not it is masked. */
export function wake_pollers(d: Domain, port: u32): void {
  for (let n: u32 = 0; n < d.max_vcpus; n++) {
    const v = vcpu_of(d, n);
    // one that was taken down while it polled comes up as it would be
    if ((v.state == VCPU_DOWN ? v.resume_state : v.state) != VCPU_POLLING) continue;
    if (v.poll_port == 0 || v.poll_port == port) vcpu_wake(v);
  }
}

/** Makes a port pending for a vCPU. Nothing more happens if it was pending already. */
export function set_pending(d: Domain, v: Vcpu, port: u32): void {
  trace_event(EVENT_SENT, d.id, v.id, port);
  if (uses_fifo(d)) return fifo_set_pending(d, v, port);
  if (test_and_set_pending(d, port)) return;
  if (!is_masked(d, port) && !test_and_set_sel(v, port)) mark_upcall(v);
  wake_pollers(d, port);
}

/** Whether a valid port is pending. */
export function port_pending(d: Domain, port: u32): bool {
  return uses_fifo(d) ? fifo_is_pending(d, port) : is_pending(d, port);
}

/** Makes a valid port pending for the vCPU it notifies. */
export function send_event(d: Domain, port: u32): void {
  set_pending(d, vcpu_of(d, port_at(d, port).vcpu), port);
}

/** Clears a valid port's mask bit; if it was masked and is pending, the upcall is made up for. */
export function unmask_port(d: Domain, port: u32): void {
  const v = vcpu_of(d, port_at(d, port).vcpu);
  if (uses_fifo(d)) return fifo_unmask(d, v, port);
  if (test_and_clear_mask(d, port) && is_pending(d, port) && !test_and_set_sel(v, port)) {
    mark_upcall(v);
  }
}

/** Port of a vCPU's virtual interrupt, 0 = not bound. */
// @ts-ignore: decorator
@inline export function virq_port(v: Vcpu, virq: u32): u32 {
  return load<u32>(v.virq_ports + (virq << 2));
}

// @ts-ignore: decorator
@inline export function set_virq_port(v: Vcpu, virq: u32, port: u32): void {
  store<u32>(v.virq_ports + (virq << 2), port);
}

/** Raises a virtual interrupt on a vCPU; nothing happens if it is not bound. */
export function raise_virq(v: Vcpu, virq: u32): void {
  const port = virq_port(v, virq);
  if (port) send_event(changetype<Domain>(v.domain), port);
}

/** Whether a virtual interrupt belongs to each vCPU rather than to the domain (public/xen.h). */
export function virq_per_vcpu(virq: u32): bool {
  return virq == VIRQ_TIMER || virq == VIRQ_DEBUG || virq == VIRQ_XENOPROF || virq == VIRQ_XENPMU;
}
