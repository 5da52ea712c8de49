// The host's end of event channels. To guests the Deno host is domain 0: a port that a guest leaves
// unbound for domain 0 can be bound by the host, which is then told of sends and can notify.
import { in_mailbox } from "../abi";
import { request_stop } from "../cpu/state";
import { current, current_domain, DOM_DEAD, Domain, domain_by_id, vcpu_of } from "../domains/domain";
import { EFAULT, EINVAL, ENOENT, ESRCH } from "../errno";
import { alloc_unbound } from "./bind";
import { raise_virq, send_event, virq_per_vcpu, VIRQS } from "./channels";
import { charge } from "./clock";
import {
  event_state,
  EventState,
  port_at,
  PORT_INTERDOMAIN,
  PORT_RESERVED,
  PORT_UNBOUND,
  port_valid,
  PORTS,
} from "./ports";

/**
 * ns that the host's turn is taken to last, charged to who called it: else a guest that does nothing
 * but call would have the processor's time, though not its instructions, to itself.
 */
const HOST_COST: u32 = 5000;

/** 1 when a guest signalled the host, or a domain changed state, since the last slice ended. */
export let host_attention: bool = false;
export function set_host_attention(on: bool): void {
  host_attention = on;
}

/** The domains that signalled the host or ended since it last asked: a bit each. */
const calling = memory.data(16);

/** A domain has something for the host. */
export function call_host(d: Domain): void {
  const word = calling + (<usize> (d.id >> 5) << 2);
  store<u32>(word, load<u32>(word) | 1 << (d.id & 31));
  host_attention = true;
}

/** The next domain that has called the host, which it then has not any more; 0 when there is none. */
export function host_next_caller(): u32 {
  for (let n: u32 = 0; n < 4; n++) {
    const word = calling + (<usize> n << 2);
    const bits = load<u32>(word);
    if (!bits) continue;
    store<u32>(word, bits & (bits - 1));
    return n << 5 | <u32> ctz(bits);
  }
  return 0;
}

let host_ports: u32 = 0; // the host's own port numbers: shown in EVTCHNOP_status, otherwise without meaning

function live(domid: u32): Domain {
  const d = domain_by_id(domid);
  return changetype<usize>(d) && d.state != DOM_DEAD ? d : changetype<Domain>(0);
}

/** Notes that a guest sent to a port whose other end is the host. */
export function host_signal(d: Domain, port: u32): void {
  const e = event_state(d);
  const p = e.signals + (port >> 3);
  store<u8>(p, load<u8>(p) | (<u8> 1 << <u8> (port & 7)));
  e.signalled = 1;
  call_host(d);
  // On Xen the other end runs meanwhile; here it runs when the slice ends, so that is now.
  if (!changetype<usize>(current) || current_domain != d) return;
  charge(HOST_COST);
  request_stop();
}

/** A new port of the domain, unbound for domain 0. @returns the port, -ESRCH or -ENOSPC */
export function host_evtchn_alloc(domid: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  return alloc_unbound(d, 0);
}

/**
 * Binds a port that the guest left unbound for domain 0. As for any binder, the host's end is
 * signalled at once, because an earlier send may have been dropped.
 *
 * @returns 0, -ESRCH, or -EINVAL if the port is not waiting for domain 0
 */
export function host_evtchn_bind(domid: u32, port: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (!port_valid(d, port)) return -EINVAL;
  const p = port_at(d, port);
  if (p.state != PORT_UNBOUND || p.remote != 0) return -EINVAL;
  p.state = PORT_INTERDOMAIN;
  p.host = 1;
  p.remote_port = ++host_ports;
  host_signal(d, port);
  return 0;
}

/** Makes a port pending whose other end is the host; any other port is left alone. */
export function host_evtchn_notify(domid: u32, port: u32): void {
  const d = live(domid);
  if (!changetype<usize>(d) || !port_valid(d, port)) return;
  const p = port_at(d, port);
  if (p.state == PORT_INTERDOMAIN && p.host) send_event(d, port);
}

/**
 * Makes any port of a domain's pending, as if its other end had sent: for whoever tests a guest.
 *
 * @returns 0, -ESRCH, or -EINVAL for a port that is not in use
 */
export function host_evtchn_inject(domid: u32, port: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (!port_valid(d, port) || port_at(d, port).state <= PORT_RESERVED) return -EINVAL;
  send_event(d, port);
  return 0;
}

/**
 * Raises a virtual interrupt on a vCPU; one that the guest has not bound is lost, as ever.
 *
 * @returns 0, -ESRCH, -ENOENT for no such vCPU, or -EINVAL: no such interrupt, or one for vCPU 0 only
 */
export function host_virq(domid: u32, vcpu: u32, virq: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (virq >= VIRQS || (vcpu != 0 && !virq_per_vcpu(virq))) return -EINVAL;
  const v = vcpu_of(d, vcpu);
  if (!changetype<usize>(v)) return -ENOENT;
  raise_virq(v, virq);
  return 0;
}

/** Closes the host's end: the port is again unbound for domain 0. @returns 0, -ESRCH or -EINVAL */
export function host_evtchn_close(domid: u32, port: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (!port_valid(d, port)) return -EINVAL;
  const p = port_at(d, port);
  if (p.state != PORT_INTERDOMAIN || !p.host) return -EINVAL;
  p.state = PORT_UNBOUND;
  p.host = 0;
  return 0;
}

/**
 * Ports of the domain that its guest signalled since they were last fetched.
 *
 * @param out where in the mailbox the port numbers go, u32 each
 * @param max room, in ports; what does not fit stays for the next call
 * @returns number of ports written, or -EFAULT when so many have no room there
 */
export function host_evtchn_poll(domid: u32, out: usize, max: u32): i32 {
  if (!in_mailbox(out, <u64> max << 2)) return -EFAULT;
  const d = live(domid);
  if (!changetype<usize>(d)) return 0;
  const e: EventState = event_state(d);
  if (!e.signalled) return 0;
  let n: u32 = 0;
  for (let at: u32 = 0; at < PORTS; at += 32) {
    const p = e.signals + (at >> 3);
    let word = load<u32>(p);
    while (word) {
      if (n == max) {
        store<u32>(p, word);
        return n;
      }
      store<u32>(out + (n++ << 2), at + <u32> ctz(word));
      word &= word - 1;
    }
    store<u32>(p, 0);
  }
  e.signalled = 0;
  return n;
}
