/** EVTCHNOP_*: what each answers and does. §9.3, §16. */
import {
  type Domain,
  EBUSY,
  EEXIST,
  EINVAL,
  ENOENT,
  ENOSPC,
  ENOSYS,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  type Kind,
  Port,
  PORTS,
  QUEUES,
} from "./domain.ts";
import * as fifo from "./fifo.ts";
import * as twoLevel from "./two_level.ts";

const SELF = 0x7ff0;
/** Virtual interrupts that each vCPU has its own of. */
const PER_VCPU = [0, 1, 7, 13];
const STATUS = { free: 0, reserved: 0, unbound: 1, interdomain: 2, virq: 4, ipi: 5 };
const CONTROL_BYTES = 72, ARRAY_PAGES = 128;

export class Machine {
  readonly domains = new Map<number, Domain>();

  raise(d: Domain, port: number): void {
    (d.fifo ? fifo : twoLevel).setPending(d, port);
  }

  /** An unprivileged domain speaks for itself only. */
  private itself(d: Domain, domid: number): number {
    if (domid === SELF || domid === d.id) return 0;
    return domid === 0 || this.domains.has(domid) ? EPERM : ESRCH;
  }

  private lowestFree(d: Domain): number {
    for (let n = 1; n < PORTS; n++) {
      if (n === d.ports.length) d.grow();
      if (d.ports[n].kind === "free" && !(d.fifo && fifo.isQueued(d, n))) return n;
    }
    return ENOSPC;
  }

  /** What the FIFO ABI remembers of a queue outlives the port. */
  private take(d: Domain, kind: Kind, rest: Partial<Port>): number {
    const n = this.lowestFree(d);
    if (n < 0) return n;
    const { last, missed } = d.ports[n];
    d.ports[n] = Object.assign(new Port(), { kind, last, missed }, rest);
    return n;
  }

  allocUnbound(d: Domain, domid: number, remote: number): number {
    const error = this.itself(d, domid);
    return error || this.take(d, "unbound", { remote: remote === SELF ? d.id : remote });
  }

  bindInterdomain(d: Domain, domid: number, remotePort: number): number {
    const other = domid === SELF ? d : this.domains.get(domid);
    if (!other && domid !== 0) return ESRCH;
    const local = this.lowestFree(d);
    if (local < 0) return local;
    const far = other?.port(remotePort);
    if (!other || !far || far.kind !== "unbound" || far.remote !== d.id) return EINVAL;
    this.take(d, "interdomain", { remote: other.id, remotePort });
    Object.assign(far, { kind: "interdomain", remote: d.id, remotePort: local });
    this.raise(d, local); // one may have been lost before
    return local;
  }

  bindVirq(d: Domain, virq: number, vcpu: number): number {
    if (virq >= 24 || (!PER_VCPU.includes(virq) && vcpu !== 0)) return EINVAL;
    if (!d.vcpus[vcpu]) return ENOENT;
    const bound = d.ports.some((p) => p.kind === "virq" && p.virq === virq && p.virqVcpu === vcpu);
    return bound ? EEXIST : this.take(d, "virq", { virq, vcpu, virqVcpu: vcpu });
  }

  bindIpi(d: Domain, vcpu: number): number {
    return d.vcpus[vcpu] ? this.take(d, "ipi", { vcpu }) : ENOENT;
  }

  /** The port's pending bit goes; its mask bit, and what the bit has set off, stay. */
  close(d: Domain, port: number): number {
    const p = d.port(port);
    if (!p || p.kind === "free" || p.kind === "reserved") return EINVAL;
    if (p.kind === "interdomain" && !p.host) {
      Object.assign(this.domains.get(p.remote)!.ports[p.remotePort], {
        kind: "unbound",
        remote: d.id,
      });
    }
    p.kind = "free";
    p.host = false;
    p.vcpu = 0;
    p.missed = false;
    if (!d.fifo) d.pending.delete(port);
    else {
      const word = fifo.wordOf(d, port);
      if (word) word.value &= ~fifo.PENDING;
    }
    return 0;
  }

  closeAll(d: Domain): void {
    for (let port = 1; port < d.ports.length; port++) this.close(d, port);
    if (d.fifo) fifo.end(d);
  }

  reset(d: Domain, domid: number): number {
    const error = this.itself(d, domid);
    if (!error) this.closeAll(d);
    return error;
  }

  /** Sub-operation 14, the other half of a reset that was interrupted; none ever is (§16: -EPERM for others). */
  resetContinued(d: Domain, domid: number): number {
    return this.itself(d, domid) || EBUSY;
  }

  send(d: Domain, port: number): number {
    const p = d.port(port);
    if (p?.kind === "unbound") return 0; // lost
    if (p?.kind === "ipi") this.raise(d, port);
    else if (p?.kind !== "interdomain") return EINVAL;
    else if (p.host) d.signals.add(port);
    else this.raise(this.domains.get(p.remote)!, p.remotePort);
    return 0;
  }

  /** The words of the structure from `status` on, or the error. What is in the union depends on the state. */
  status(d: Domain, domid: number, port: number): number[] | number {
    const error = this.itself(d, domid);
    if (error) return error;
    const p = d.port(port);
    if (!p) return EINVAL;
    const head = [STATUS[p.kind], p.vcpu];
    if (p.kind === "unbound") return [...head, p.remote];
    if (p.kind === "virq") return [...head, p.virq];
    return p.kind === "interdomain" && !p.host ? [...head, p.remote, p.remotePort] : head;
  }

  bindVcpu(d: Domain, port: number, vcpu: number): number {
    if (!d.vcpus[vcpu]) return ENOENT;
    const p = d.port(port);
    const movable = p?.kind === "virq"
      ? !PER_VCPU.includes(p.virq)
      : p?.kind === "unbound" || p?.kind === "interdomain";
    if (!p || !movable) return EINVAL;
    p.vcpu = vcpu;
    return 0;
  }

  unmask(d: Domain, port: number): number {
    if (!d.port(port)) return EINVAL;
    (d.fifo ? fifo : twoLevel).unmask(d, port);
    return 0;
  }

  /** @param page of the guest's own that it may write; 0: a frame it may not give */
  initControl(d: Domain, page: number, offset: number, vcpu: number): number {
    const v = d.vcpus[vcpu];
    if (!v) return ENOENT;
    if (offset > 4096 - CONTROL_BYTES || offset % 8 || (d.fifo && v.control)) return EINVAL;
    if (!page) return EINVAL;
    if (!d.fifo) fifo.begin(d);
    v.control = { page, offset };
    return 0;
  }

  expandArray(d: Domain, page: number): number {
    if (!d.fifo) return EOPNOTSUPP;
    if (d.array.length >= ARRAY_PAGES) return ENOSPC;
    if (!page) return EINVAL;
    fifo.expand(d, page);
    return 0;
  }

  setPriority(d: Domain, port: number, priority: number): number {
    const p = d.port(port);
    if (!p) return EINVAL;
    if (!d.fifo) return ENOSYS;
    if (priority >= QUEUES) return EINVAL;
    p.priority = priority;
    return 0;
  }

  // ---- the host, which is domain 0 to guests ----

  hostBind(d: Domain, port: number): number {
    const p = d.port(port);
    if (!p || p.kind !== "unbound" || p.remote !== 0) return EINVAL;
    p.kind = "interdomain";
    p.host = true;
    d.signals.add(port);
    return 0;
  }

  hostClose(d: Domain, port: number): number {
    const p = d.port(port);
    if (!p?.host) return EINVAL;
    p.kind = "unbound";
    p.host = false;
    return 0;
  }

  hostNotify(d: Domain, port: number): void {
    if (d.port(port)?.host) this.raise(d, port);
  }
}
