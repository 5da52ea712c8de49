/** The 2-level ABI: a bit for each port, and a word of bits that says where to look. §9.2. */
import type { Domain } from "./domain.ts";

/** Sets a port pending. Nothing more happens if it was; else those that poll it go on, masked or not. */
export function setPending(d: Domain, port: number): void {
  if (d.pending.has(port)) return;
  d.pending.add(port);
  if (!d.masked.has(port)) select(d, port);
  wakePollers(d, port);
}

function select(d: Domain, port: number): void {
  const vcpu = d.vcpus[d.ports[port].vcpu];
  const bit = 1 << (port >> 5);
  if (vcpu.selector & bit) return;
  vcpu.selector |= bit;
  vcpu.mark();
}

export function unmask(d: Domain, port: number): void {
  if (d.masked.delete(port) && d.pending.has(port)) select(d, port);
}

export function wakePollers(d: Domain, port: number): void {
  for (const v of d.vcpus) {
    if (v.waiting === "polling" && (v.polled === 0 || v.polled === port)) v.waiting = "no";
  }
}
