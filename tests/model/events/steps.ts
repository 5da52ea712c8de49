/** Random sequences on event channels: three domains of two vCPUs, and the host. */
import type { Random } from "../../random.ts";

export const SLOTS = 3, VCPUS = 2;
/** Pages of the guest that it gives for control blocks and the event array. */
export const PAGES = [40, 41, 42];

/** A domain: by its place, or a number as such. */
export type Who = { slot: number } | { domid: number };

export type Act =
  | { op: "alloc"; who: Who; remote: Who }
  | { op: "interdomain"; who: Who; port: number }
  | { op: "virq"; virq: number; vcpu: number }
  | { op: "ipi"; vcpu: number }
  | { op: "close" | "send" | "unmask" | "mask"; port: number }
  | { op: "status"; who: Who; port: number }
  | { op: "bind_vcpu"; port: number; vcpu: number }
  | { op: "reset"; who: Who; continued: boolean }
  | { op: "init_control"; page: number; offset: number; vcpu: number }
  | { op: "expand"; page: number }
  | { op: "priority"; port: number; priority: number }
  | { op: "host"; what: "bind" | "close" | "notify"; port: number }
  | { op: "drain"; vcpu: number; most: number }
  | { op: "scribble"; page: number; index: number; value: number }
  | { op: "block"; vcpu: number }
  | { op: "poll"; vcpu: number; ports: number[]; unmasked: boolean }
  | { op: "destroy" };
export type Step = { slot: number } & Act;

const WORDS = [0, 1, 3, 2 ** 17 - 1, 2 ** 28, 2 ** 29, 2 ** 29 + 5, 2 ** 30, 2 ** 31, 2 ** 32 - 1];
const ONE = ["close", "send", "send", "send", "unmask", "unmask", "mask", "mask"] as const;

class Maker {
  constructor(readonly r: Random, readonly slot: number) {}

  /** One below 0 counts back from the port that the domain was given last (-1). */
  port(): number {
    const { r } = this;
    if (r.oneIn(2)) return -1 - r.below(5);
    if (!r.oneIn(12)) return 1 + r.below(10);
    return r.pick([0, 63, 64, 127, 1023, 1024, 4096, 0x7fffffff, 0xffffffff, r.below(1100)]);
  }
  vcpu(): number {
    return this.r.oneIn(20)
      ? this.r.pick([2, 31, 32, 0x80000000, 0xffffffff])
      : this.r.below(VCPUS);
  }
  who(): Who {
    const n = this.r.below(12);
    if (n === 0) return { domid: this.r.pick([0x7ff1, 0x7ff2, 0x7fff, 0xffff, 1234]) };
    if (n < 3) return { domid: 0 };
    return n < 7 ? { domid: 0x7ff0 } : { slot: this.r.below(SLOTS) };
  }
  page(): number {
    return this.r.oneIn(8) ? 0 : this.r.pick(PAGES);
  }

  act(): Act {
    const { r } = this;
    const n = r.below(100);
    if (n < 34) return { op: r.pick(ONE), port: this.port() };
    if (n < 41) {
      return { op: "alloc", who: r.oneIn(8) ? this.who() : { domid: 0x7ff0 }, remote: this.who() };
    }
    if (n < 48) return { op: "interdomain", who: this.who(), port: this.port() };
    if (n < 52) {
      return {
        op: "virq",
        virq: r.oneIn(12) ? r.pick([24, 2 ** 32 - 1]) : r.below(24),
        vcpu: this.vcpu(),
      };
    }
    if (n < 57) return { op: "ipi", vcpu: this.vcpu() };
    if (n < 60) return { op: "status", who: this.who(), port: this.port() };
    if (n < 64) return { op: "bind_vcpu", port: this.port(), vcpu: this.vcpu() };
    if (n < 68) {
      const offset = r.pick([0x100, 0x100, 0x180, 0x180, 0x108, 4024, 4032, 4, 4096, 2 ** 32 - 8]);
      return { op: "init_control", page: this.page(), offset, vcpu: this.vcpu() };
    }
    if (n < 70) return { op: "expand", page: this.page() };
    if (n < 73) return { op: "priority", port: this.port(), priority: r.below(17) };
    if (n < 79) {
      return { op: "host", what: r.pick(["bind", "close", "notify", "notify"]), port: this.port() };
    }
    if (n < 88) return { op: "drain", vcpu: r.below(VCPUS), most: r.below(5) };
    if (n < 91) {
      const index = r.oneIn(2) ? r.below(12) : r.pick([64, 66, 73, 74, 96, 98, 105]);
      return { op: "scribble", page: r.pick(PAGES), index, value: r.pick(WORDS) };
    }
    if (n < 93) return { op: "block", vcpu: 1 };
    if (n < 96) {
      const ports = Array.from({ length: r.pick([0, 1, 1, 1, 2, 3]) }, () => this.port());
      return { op: "poll", vcpu: 1, ports, unmasked: r.oneIn(3) };
    }
    if (n < 99) return { op: "send", port: this.port() };
    if (r.oneIn(3)) return { op: "destroy" };
    return { op: "reset", who: r.oneIn(3) ? this.who() : { domid: 0x7ff0 }, continued: r.oneIn(4) };
  }
}

/** Two domains, or one with itself, are joined. */
function connect(from: number, to: number): Step[] {
  return [
    { slot: from, op: "alloc", who: { domid: 0x7ff0 }, remote: { slot: to } },
    { slot: to, op: "interdomain", who: { slot: from }, port: -1 },
  ];
}

/** A domain chooses the FIFO ABI. */
function choose(slot: number): Step[] {
  return [
    { slot, op: "init_control", page: PAGES[0], offset: 0x100, vcpu: 0 },
    { slot, op: "init_control", page: PAGES[0], offset: 0x180, vcpu: 1 },
    { slot, op: "expand", page: PAGES[1] },
  ];
}

export function sequence(r: Random, length: number): Step[] {
  const steps: Step[] = [];
  for (let slot = 0; slot < SLOTS; slot++) if (r.oneIn(2)) steps.push(...choose(slot));
  let slot = 0;
  while (steps.length < length) {
    if (r.oneIn(4)) slot = r.below(SLOTS);
    if (r.oneIn(20)) steps.push(...connect(r.below(SLOTS), slot));
    else if (r.oneIn(60)) steps.push(...choose(slot));
    else steps.push({ slot, ...new Maker(r, slot).act() });
  }
  return steps;
}
