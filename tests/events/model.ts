/**
 * Event channels once more, as plain as can be: what the property test holds the core against.
 * Written from shared/pv-abi.md §9 and the goldens, not from the core.
 */

export const EPERM = -1, ENOENT = -2, ESRCH = -3, EEXIST = -17, EINVAL = -22, ENOSPC = -28;

type Kind = "free" | "reserved" | "unbound" | "interdomain" | "virq" | "ipi";

interface Port {
  kind: Kind;
  vcpu: number;
  remote: number;
  remotePort: number;
  virq: number;
  virqVcpu: number;
  host: boolean;
}

const free = (): Port => ({
  kind: "free",
  vcpu: 0,
  remote: 0,
  remotePort: 0,
  virq: 0,
  virqVcpu: 0,
  host: false,
});

const PER_VCPU = new Set([0, 1, 7, 13]);
const STATUS: Record<Kind, number> = {
  free: 0,
  reserved: 0,
  unbound: 1,
  interdomain: 2,
  virq: 4,
  ipi: 5,
};

export class ModelDomain {
  readonly ports: Port[] = Array.from({ length: 64 }, free);
  readonly pending = new Set<number>();
  readonly masked = new Set<number>();
  readonly sel: number[];
  readonly upcall: boolean[];
  readonly signals = new Set<number>();

  constructor(readonly id: number, readonly vcpus: number) {
    this.ports[0].kind = "reserved";
    this.sel = Array(vcpus).fill(0);
    this.upcall = Array(vcpus).fill(false);
  }

  valid(port: number): boolean {
    return port < this.ports.length;
  }

  /** The lowest free port; the table grows by 64 up to 1024. */
  lowest(): number {
    for (let n = 1; n < 1024; n++) {
      if (n === this.ports.length) this.ports.push(...Array.from({ length: 64 }, free));
      if (this.ports[n].kind === "free") return n;
    }
    return ENOSPC;
  }

  take(kind: Kind, rest: Partial<Port>): number {
    const port = this.lowest();
    if (port > 0) this.ports[port] = { ...free(), kind, ...rest };
    return port;
  }

  set(port: number): void {
    if (this.pending.has(port)) return;
    this.pending.add(port);
    if (!this.masked.has(port)) this.mark(port);
  }

  mark(port: number): void {
    const { vcpu } = this.ports[port];
    const bit = 1 << (port >> 5);
    if (this.sel[vcpu] & bit) return;
    this.sel[vcpu] |= bit;
    this.upcall[vcpu] = true;
  }
}

export class Model {
  constructor(readonly domains: Map<number, ModelDomain>) {}

  private target(d: ModelDomain, domid: number): number {
    if (domid === 0x7ff0 || domid === d.id) return 0;
    return domid === 0 || this.domains.has(domid) ? EPERM : ESRCH;
  }

  allocUnbound(d: ModelDomain, domid: number, remote: number): number {
    const error = this.target(d, domid);
    return error || d.take("unbound", { remote: remote === 0x7ff0 ? d.id : remote });
  }

  bindInterdomain(d: ModelDomain, domid: number, port: number): number {
    const other = domid === 0x7ff0 ? d : this.domains.get(domid);
    if (!other && domid !== 0) return ESRCH;
    const local = d.lowest();
    if (local < 0) return local;
    if (!other || !other.valid(port)) return EINVAL;
    const far = other.ports[port];
    if (far.kind !== "unbound" || far.remote !== d.id) return EINVAL;
    d.take("interdomain", { remote: other.id, remotePort: port });
    other.ports[port] = { ...far, kind: "interdomain", remote: d.id, remotePort: local };
    d.set(local);
    return local;
  }

  bindVirq(d: ModelDomain, virq: number, vcpu: number): number {
    if (virq >= 24 || (!PER_VCPU.has(virq) && vcpu !== 0)) return EINVAL;
    if (vcpu >= d.vcpus) return ENOENT;
    const bound = d.ports.some((p) => p.kind === "virq" && p.virq === virq && p.virqVcpu === vcpu);
    return bound ? EEXIST : d.take("virq", { virq, vcpu, virqVcpu: vcpu });
  }

  bindIpi(d: ModelDomain, vcpu: number): number {
    return vcpu < d.vcpus ? d.take("ipi", { vcpu }) : ENOENT;
  }

  close(d: ModelDomain, port: number): number {
    if (!d.valid(port) || ["free", "reserved"].includes(d.ports[port].kind)) return EINVAL;
    const p = d.ports[port];
    if (p.kind === "interdomain" && !p.host) {
      const far = this.domains.get(p.remote)!.ports[p.remotePort];
      far.kind = "unbound";
      far.remote = d.id;
    }
    d.ports[port] = free();
    d.pending.delete(port);
    return 0;
  }

  send(d: ModelDomain, port: number): number {
    if (!d.valid(port)) return EINVAL;
    const p = d.ports[port];
    if (p.kind === "ipi") d.set(port);
    else if (p.kind === "interdomain") {
      if (p.host) d.signals.add(port);
      else this.domains.get(p.remote)!.set(p.remotePort);
    } else if (p.kind !== "unbound") return EINVAL;
    return 0;
  }

  /** [result, status, vcpu] */
  status(d: ModelDomain, domid: number, port: number): number[] {
    const error = this.target(d, domid);
    if (error) return [error];
    if (!d.valid(port)) return [EINVAL];
    return [0, STATUS[d.ports[port].kind], d.ports[port].vcpu];
  }

  bindVcpu(d: ModelDomain, port: number, vcpu: number): number {
    if (vcpu >= d.vcpus) return ENOENT;
    if (!d.valid(port)) return EINVAL;
    const p = d.ports[port];
    const movable = p.kind === "virq"
      ? !PER_VCPU.has(p.virq)
      : p.kind === "unbound" || p.kind === "interdomain";
    if (!movable) return EINVAL;
    p.vcpu = vcpu;
    return 0;
  }

  unmask(d: ModelDomain, port: number): number {
    if (!d.valid(port)) return EINVAL;
    if (d.masked.delete(port) && d.pending.has(port)) d.mark(port);
    return 0;
  }

  hostBind(d: ModelDomain, port: number): number {
    if (!d.valid(port)) return EINVAL;
    const p = d.ports[port];
    if (p.kind !== "unbound" || p.remote !== 0) return EINVAL;
    p.kind = "interdomain";
    p.host = true;
    d.signals.add(port);
    return 0;
  }

  hostClose(d: ModelDomain, port: number): number {
    if (!d.valid(port) || !d.ports[port].host) return EINVAL;
    d.ports[port].kind = "unbound";
    d.ports[port].host = false;
    return 0;
  }

  hostNotify(d: ModelDomain, port: number): void {
    if (d.valid(port) && d.ports[port].host) d.set(port);
  }
}
