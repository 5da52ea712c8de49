// The port table of a domain: what each event channel is bound to.
//
// The guest sees ports through the bitmaps of shared_info (bits.ts) or its event array (fifo.ts);
// what a port means is kept here, out of its reach. Port 0 is reserved, so that 0 can mean "none" everywhere.
import { Domain, heap_alloc } from "../domains/domain";
import { fifo_is_busy, FIFO_SIZE } from "./fifo";

// Port.state
export const PORT_FREE: u32 = 0;
export const PORT_RESERVED: u32 = 1;
export const PORT_UNBOUND: u32 = 2; // waits for `remote` to bind the other end
export const PORT_INTERDOMAIN: u32 = 3;
export const PORT_VIRQ: u32 = 5;
export const PORT_IPI: u32 = 6;

/** Ports a 32-bit guest's bitmaps have room for (32 words of 32 bits). */
export const PORTS: u32 = 1024;
/**
 * Ports become valid in groups: one that lies in a group never used yet is -EINVAL, a free one in a
 * group in use is merely closed (seen on Xen 4.17: status of port 50 works, of port 77 does not).
 */
const GROUP: u32 = 64;
/** Of a port that nobody gave another (EVTCHN_FIFO_PRIORITY_DEFAULT). */
export const DEFAULT_PRIORITY: u32 = 7;

@unmanaged
export class Port {
  state: u32;
  vcpu: u32; // whom it notifies
  remote: u32; // domain at the other end
  remote_port: u32;
  virq: u32;
  virq_vcpu: u32; // whose virtual interrupt it is, even after the port was moved
  host: u32; // 1: the other end is the Deno host, which plays domain 0
  // fifo.ts
  priority: u32;
  last_vcpu: u32; // the queue it was in last
  last_priority: u32;
  missed: u32; // it became pending before it had a word
}

@unmanaged
export class EventState {
  valid: u32; // ports below this exist
  signals: usize; // bitmap of ports that the guest signalled and the host has not yet fetched
  signalled: u32; // 1 while any bit of it may be set
  ports: usize; // PORTS entries of Port
  fifo_on: u32; // the domain chose the FIFO ABI
  fifo_pages: u32; // pages of its event array
  fifo: usize; // FIFO_SIZE bytes
}

// @ts-ignore: decorator
@inline export function event_state(d: Domain): EventState {
  return changetype<EventState>(d.events);
}

/** Gives a new domain its empty port table; false when the core's heap is used up. */
export function ports_create(d: Domain): bool {
  let e = event_state(d);
  if (!d.events) {
    const own: usize = (offsetof<EventState>() + 15) & ~15;
    const p = heap_alloc(own + PORTS * offsetof<Port>() + PORTS / 8 + FIFO_SIZE);
    if (!p) return false;
    d.events = p;
    e = event_state(d);
    e.ports = p + own;
    e.signals = e.ports + PORTS * offsetof<Port>();
    e.fifo = e.signals + PORTS / 8;
  } else {
    memory.fill(e.ports, 0, PORTS * offsetof<Port>());
    memory.fill(e.signals, 0, PORTS / 8);
  }
  e.valid = GROUP;
  e.fifo_on = 0;
  e.fifo_pages = 0;
  e.signalled = 0;
  port_at(d, 0).state = PORT_RESERVED;
  return true;
}

// @ts-ignore: decorator
@inline export function port_valid(d: Domain, port: u32): bool {
  return port < event_state(d).valid;
}

/** Port `port`, which must be valid. */
// @ts-ignore: decorator
@inline export function port_at(d: Domain, port: u32): Port {
  return changetype<Port>(event_state(d).ports + <usize> port * offsetof<Port>());
}

/** Whether a port is bound or waiting to be: the ones that may be polled. */
export function port_usable(d: Domain, port: u32): bool {
  return port_valid(d, port) && port_at(d, port).state > PORT_RESERVED;
}

/** Lowest free port (its state is left to the caller to set), or 0 when all are taken (-ENOSPC). */
export function port_allocate(d: Domain): u32 {
  const e = event_state(d);
  for (let port: u32 = 1; port < d.max_ports; port++) {
    if (port == e.valid) e.valid += GROUP;
    if (port_at(d, port).state != PORT_FREE) continue;
    if (!e.fifo_on || !fifo_is_busy(d, port)) return port;
  }
  return 0;
}
