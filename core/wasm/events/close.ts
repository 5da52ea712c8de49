// Ending, sending to and looking at event channels (xen/common/event_channel.c).
import { Domain, domain_by_id, vcpu_of } from "../domains/domain";
import { EINVAL } from "../errno";
import { clear_pending } from "./bits";
import { send_event, set_virq_port } from "./channels";
import { fifo_clear_pending, fifo_end, uses_fifo } from "./fifo";
import { host_signal } from "./host";
import {
  event_state,
  Port,
  port_at,
  PORT_FREE,
  PORT_INTERDOMAIN,
  PORT_IPI,
  PORT_RESERVED,
  PORT_UNBOUND,
  port_valid,
  PORT_VIRQ,
} from "./ports";

// EVTCHNSTAT_*
const STATUS_CLOSED: u32 = 0;
const STATUS_UNBOUND: u32 = 1;
const STATUS_INTERDOMAIN: u32 = 2;
const STATUS_VIRQ: u32 = 4;
const STATUS_IPI: u32 = 5;

/**
 * EVTCHNOP_close. The other end of an interdomain channel falls back to "unbound, for this domain".
 * The port's pending bit is cleared, its mask bit, selector and upcall flag are left (§9.2).
 *
 * @returns 0, or -EINVAL for a port that is free, reserved or not valid
 */
export function close_port(d: Domain, port: u32): i32 {
  if (!port_valid(d, port)) return -EINVAL;
  const p = port_at(d, port);
  if (p.state <= PORT_RESERVED) return -EINVAL;
  if (p.state == PORT_VIRQ) set_virq_port(vcpu_of(d, p.virq_vcpu), p.virq, 0);
  else if (p.state == PORT_INTERDOMAIN && !p.host) {
    const other = domain_by_id(p.remote);
    if (changetype<usize>(other)) {
      const far = port_at(other, p.remote_port);
      far.state = PORT_UNBOUND;
      far.remote = d.id;
    }
  }
  p.state = PORT_FREE;
  p.vcpu = 0;
  p.host = 0;
  if (uses_fifo(d)) fifo_clear_pending(d, port);
  else clear_pending(d, port);
  return 0;
}

/** EVTCHNOP_reset of one's own domain, and the end of a domain: every port is closed, the console's included, and the ABI is the 2-level one again. */
export function close_all(d: Domain): void {
  const valid = event_state(d).valid;
  for (let port: u32 = 1; port < valid; port++) close_port(d, port);
  fifo_end(d);
}

/**
 * EVTCHNOP_send. What is sent to a port whose other end is not bound is dropped in silence.
 *
 * @returns 0, or -EINVAL for a port that cannot be sent to (free, reserved, VIRQ)
 */
export function send_port(d: Domain, port: u32): i32 {
  if (!port_valid(d, port)) return -EINVAL;
  const p = port_at(d, port);
  if (p.state == PORT_IPI) send_event(d, port);
  else if (p.state == PORT_INTERDOMAIN) {
    if (p.host) host_signal(d, port);
    else {
      const other = domain_by_id(p.remote);
      if (changetype<usize>(other)) send_event(other, p.remote_port);
    }
  } else if (p.state != PORT_UNBOUND) return -EINVAL;
  return 0;
}

/**
 * EVTCHNOP_status: fills struct evtchn_status from its third word on (status, vcpu, and the union).
 *
 * @param out host address of the 24-byte structure
 * @returns 0, or -EINVAL for a port that is not valid
 */
export function port_status(d: Domain, port: u32, out: usize): i32 {
  if (!port_valid(d, port)) return -EINVAL;
  const p: Port = port_at(d, port);
  let status = STATUS_CLOSED;
  if (p.state == PORT_UNBOUND) {
    status = STATUS_UNBOUND;
    store<u16>(out, <u16> p.remote, 16);
  } else if (p.state == PORT_INTERDOMAIN) {
    status = STATUS_INTERDOMAIN;
    store<u16>(out, <u16> p.remote, 16);
    store<u32>(out, p.remote_port, 20);
  } else if (p.state == PORT_VIRQ) {
    status = STATUS_VIRQ;
    store<u32>(out, p.virq, 16);
  } else if (p.state == PORT_IPI) status = STATUS_IPI;
  store<u32>(out, status, 8);
  store<u32>(out, p.vcpu, 12);
  return 0;
}
