/**
 * Event channels as plain as can be: what the core is held against. Written from shared/pv-abi.md §9, the
 * goldens and the public header event_channel.h, not from the core.
 *
 * This file: what a domain has. Then two_level and fifo (how an event becomes visible), operations
 * (EVTCHNOP_*), waiting (poll and block).
 */
export const ENOENT = -2, EPERM = -1, ESRCH = -3, EBUSY = -16, EEXIST = -17, EINVAL = -22;
export const ENOSPC = -28, ENOSYS = -38, EOPNOTSUPP = -95;

/** Ports of a domain; they come to exist 64 at a time. */
export const PORTS = 1024, GROUP = 64;
export const DEFAULT_PRIORITY = 7, QUEUES = 16;

export type Kind = "free" | "reserved" | "unbound" | "interdomain" | "virq" | "ipi";

export class Port {
  kind: Kind = "free";
  /** Whom it notifies. */
  vcpu = 0;
  /** The other end: domain 0 is the host. */
  remote = 0;
  remotePort = 0;
  host = false;
  virq = 0;
  /** Whose virtual interrupt it is, wherever the port was moved. */
  virqVcpu = 0;

  // the FIFO ABI's
  priority = DEFAULT_PRIORITY;
  /** The queue it was put in last. */
  last = { vcpu: 0, priority: 0 };
  /** It came before it had a word. */
  missed = false;
}

export type Waiting = "no" | "blocked" | "polling";

export class Vcpu {
  /** evtchn_upcall_pending, _mask, and the selector of the 2-level ABI. */
  pending = false;
  masked = true;
  selector = 0;
  waiting: Waiting = "no";
  /** The one port it polls; 0: several, or none. */
  polled = 0;

  /** Its control block: page of the guest and offset; and where its queues end, 0 = nowhere. */
  control: { page: number; offset: number } | null = null;
  tails: number[] = Array(QUEUES).fill(0);

  /** Tells it that something is pending. Wakes it if that is news, whatever its mask. */
  mark(): void {
    if (!this.pending) this.waiting = "no";
    this.pending = true;
  }
}

export class Domain {
  readonly ports: Port[] = [];
  readonly vcpus: Vcpu[];
  fifo = false;
  /** Pages of the event array. */
  array: number[] = [];
  /** The 2-level ABI's bitmaps. */
  readonly pending = new Set<number>();
  readonly masked = new Set<number>();
  /** Pages that the guest may give for the FIFO ABI, by number, as words. They are its to write. */
  readonly memory = new Map<number, Uint32Array>();
  /** Ports the host has been signalled by. */
  readonly signals = new Set<number>();

  constructor(readonly id: number, vcpus: number, pages: number[]) {
    this.vcpus = Array.from({ length: vcpus }, () => new Vcpu());
    for (const page of pages) this.memory.set(page, new Uint32Array(1024));
    this.grow();
    this.ports[0].kind = "reserved";
  }

  grow(): void {
    for (let n = 0; n < GROUP; n++) this.ports.push(new Port());
  }

  /** The port, if it exists. */
  port(number: number): Port | undefined {
    return this.ports[number];
  }
}
