// Making and moving event channels: the rules of xen/common/event_channel.c for an unprivileged
// domain. Each function returns a new port (> 0), 0, or a negative errno; none reads guest memory.
import { DOM_DEAD, Domain, domain_by_id, DOMID_SELF, Vcpu, vcpu_of } from "../domains/domain";
import { EEXIST, EINVAL, ENOENT, ENOSPC, EPERM, ESRCH } from "../errno";
import { send_event, set_virq_port, virq_per_vcpu, virq_port, VIRQS } from "./channels";
import {
  DEFAULT_PRIORITY,
  Port,
  port_allocate,
  port_at,
  PORT_INTERDOMAIN,
  PORT_IPI,
  PORT_UNBOUND,
  port_valid,
  PORT_VIRQ,
} from "./ports";

/** Interrupt lines a domain could be given; none ever is, so every one of them is refused. */
export const PIRQS: u32 = 56;

/**
 * What an unprivileged domain may do to the domain called `domid`: 0 for itself (by SELF or by its
 * number), -EPERM for another that exists (0 included: the host plays it), else -ESRCH.
 */
export function target_self(d: Domain, domid: u32): i32 {
  if (domid == DOMID_SELF || domid == d.id) return 0;
  if (domid == 0) return -EPERM;
  const other = domain_by_id(domid);
  return changetype<usize>(other) && other.state != DOM_DEAD ? -EPERM : -ESRCH;
}

function take(d: Domain, state: u32, vcpu: u32): u32 {
  const port = port_allocate(d);
  if (!port) return 0;
  const p = port_at(d, port);
  p.state = state;
  p.vcpu = vcpu;
  p.host = 0;
  p.priority = DEFAULT_PRIORITY;
  return port;
}

/** EVTCHNOP_alloc_unbound for one's own domain: a port that `remote` may bind. -ENOSPC. */
export function alloc_unbound(d: Domain, remote: u32): i32 {
  const port = take(d, PORT_UNBOUND, 0);
  if (!port) return -ENOSPC;
  port_at(d, port).remote = remote == DOMID_SELF ? d.id : remote;
  return port;
}

/**
 * EVTCHNOP_bind_interdomain: joins a new local port to a remote one that was left unbound for us.
 * The new port is made pending at once, since a notification may have been lost before.
 * Errors: -ESRCH no such domain, -ENOSPC, -EINVAL the remote port is not waiting for us.
 */
export function bind_interdomain(d: Domain, remote_dom: u32, remote_port: u32): i32 {
  const remote_id = remote_dom == DOMID_SELF ? d.id : remote_dom;
  const other = domain_by_id(remote_id);
  if (remote_id != 0 && (!changetype<usize>(other) || other.state == DOM_DEAD)) return -ESRCH;
  const port = port_allocate(d);
  if (!port) return -ENOSPC;
  if (remote_id == 0) return -EINVAL; // the host offers no ports of its own
  if (!port_valid(other, remote_port)) return -EINVAL;
  const far = port_at(other, remote_port);
  if (far.state != PORT_UNBOUND || far.remote != d.id) return -EINVAL;
  take(d, PORT_INTERDOMAIN, 0);
  const near = port_at(d, port);
  near.remote = remote_id;
  near.remote_port = remote_port;
  far.state = PORT_INTERDOMAIN;
  far.remote = d.id;
  far.remote_port = port;
  send_event(d, port);
  return port;
}

/** EVTCHNOP_bind_virq. Errors: -EINVAL bad virq, or a domain-wide one for a vCPU but 0; -ENOENT; -EEXIST; -ENOSPC. */
export function bind_virq(d: Domain, virq: u32, vcpu: u32): i32 {
  if (virq >= VIRQS) return -EINVAL;
  if (!virq_per_vcpu(virq) && vcpu != 0) return -EINVAL;
  const v = vcpu_of(d, vcpu);
  if (!changetype<usize>(v)) return -ENOENT;
  if (virq_port(v, virq)) return -EEXIST;
  const port = take(d, PORT_VIRQ, vcpu);
  if (!port) return -ENOSPC;
  port_at(d, port).virq = virq;
  port_at(d, port).virq_vcpu = vcpu;
  set_virq_port(v, virq, port);
  return port;
}

/** EVTCHNOP_bind_ipi. Errors: -ENOENT, -ENOSPC. */
export function bind_ipi(d: Domain, vcpu: u32): i32 {
  if (!changetype<usize>(vcpu_of(d, vcpu))) return -ENOENT;
  const port = take(d, PORT_IPI, vcpu);
  return port ? <i32> port : -ENOSPC;
}

/** EVTCHNOP_bind_pirq: -EINVAL for a line that cannot exist, else -EPERM: no domain owns hardware. */
export function bind_pirq(pirq: u32): i32 {
  return pirq >= PIRQS ? -EINVAL : -EPERM;
}

function may_move(p: Port): bool {
  if (p.state == PORT_VIRQ) return !virq_per_vcpu(p.virq);
  return p.state == PORT_UNBOUND || p.state == PORT_INTERDOMAIN;
}

/** EVTCHNOP_bind_vcpu: the vCPU a port notifies from now on. Errors: -ENOENT no such vCPU, -EINVAL. */
export function bind_vcpu(d: Domain, port: u32, vcpu: u32): i32 {
  const v: Vcpu = vcpu_of(d, vcpu);
  if (!changetype<usize>(v)) return -ENOENT;
  if (!port_valid(d, port)) return -EINVAL;
  const p = port_at(d, port);
  if (!may_move(p)) return -EINVAL;
  p.vcpu = vcpu;
  return 0;
}
