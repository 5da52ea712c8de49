/** SCHEDOP_block and SCHEDOP_poll: when a vCPU sleeps, and what it is woken by (timeouts apart). §9.5. */
import { type Domain, EINVAL, type Vcpu } from "./domain.ts";
import { isPending } from "./fifo.ts";

const MOST = 128;

const due = (v: Vcpu) => v.pending && !v.masked;

/** Unmasks upcalls, and sleeps unless one is due. */
export function block(v: Vcpu): number {
  v.masked = false;
  if (!due(v)) v.waiting = "blocked";
  return 0;
}

/** Sleeps until a port is pending, masked or not; not at all if one is, or an upcall is due. */
export function poll(d: Domain, v: Vcpu, ports: number[]): number {
  if (ports.length > MOST) return EINVAL;
  if (due(v)) return 0;
  for (const port of ports) {
    const p = d.port(port);
    if (!p || p.kind === "free" || p.kind === "reserved") return EINVAL;
    if (d.fifo ? isPending(d, port) : d.pending.has(port)) return 0;
  }
  v.waiting = "polling";
  v.polled = ports.length === 1 ? ports[0] : 0;
  return 0;
}
