/** Random hostile sequences of what acts.ts lists. */
import type { Random } from "../../random.ts";
import {
  type Act,
  ARGS_SLOT,
  BASE,
  type ExtOp,
  FIRST,
  type Item,
  PAGES,
  type Place,
  SLOTS,
  type Special,
  type Step,
  type Target,
  type Update,
} from "./acts.ts";
import { A, AVL, D, G, NX, P, PCD, PSE, RW, US } from "./frame.ts";

const FLAGS = [
  P,
  P,
  P | RW,
  P | RW,
  P | RW | US,
  P | US,
  P | RW | A | D,
  P | A,
  0n,
  RW,
  P | NX,
  P | RW | NX,
  P | AVL,
  P | PCD,
  P | PSE,
  P | RW | G,
  P | (1n << 52n),
];
const DESCRIPTORS = [
  0n,
  0x00cf9b000000ffffn, // flat ring 0 code
  0x00cff3000000ffffn,
  0x00af9b000000ffffn, // 64-bit code: refused
  0x00cf93000000fffen,
  0x0000ec0000080000n, // call gate
  0x00008c00e0190000n,
  0x0000890000000000n, // TSS: refused
];
const SPECIALS: Special[] = ["shared", "grant", "zero", "m2p", "beyond", "ones", "last"];

class Maker {
  constructor(readonly r: Random, readonly slot: number) {}

  /** Never the argument page: a list must not change under the call that reads it. */
  pfn(): number {
    const n = this.r.below(16);
    if (n === 0) return this.r.below(4);
    return n < 10 ? FIRST + this.r.below(6) : FIRST + this.r.below(PAGES - FIRST);
  }
  /** Mostly an own page, else another's or what is nobody's to have. */
  target(): Target {
    const n = this.r.below(24);
    if (n === 0) return { slot: this.slot, what: this.r.pick(SPECIALS) };
    return { slot: n === 1 ? this.r.below(SLOTS) : this.slot, pfn: this.pfn() };
  }
  index(): number {
    return this.r.oneIn(8) ? this.r.pick([3, 4, 426, ARGS_SLOT, 428, 511]) : this.r.below(5);
  }
  va(): number {
    if (this.r.oneIn(2)) return BASE + this.pfn() * 4096;
    return this.r.below(4) * 0x40000000 + this.index() * 0x200000 + this.index() * 4096;
  }
  place(): Place {
    const n = this.r.below(6);
    if (n === 0) return { va: this.va() };
    return n === 1 ? { page: this.target(), index: this.index() } : { pfn: this.pfn() };
  }
  domid(): number {
    return this.r.oneIn(12) ? this.r.pick([0, 0x7ff1, 0x7ff2, 0x7fff, 1234, -1, -2]) : 0x7ff0;
  }

  update(): Update {
    const { r } = this;
    const command = r.oneIn(3) ? r.pick([0, 1, 2, 3, 4, 7]) : 0;
    return {
      page: this.target(),
      index: this.index(),
      target: this.target(),
      flags: r.pick(FLAGS),
      command,
    };
  }
  ext(): ExtOp {
    const { r } = this;
    const cmd = r.pick([0, 0, 1, 1, 2, 2, 3, 4, 4, 4, 5, 6, 7, 10, 11, 12, 13, 13, 15, 16, 17, 19]);
    return {
      cmd: r.oneIn(40) ? r.below(24) : cmd,
      target: this.target(),
      source: this.target(),
      va: this.va(),
      entries: r.pick([0, 1, 512, 513, 8192, 8193]),
    };
  }
  list<T>(make: () => T): T[] {
    const n = this.r.pick([0, 1, 1, 1, 1, 1, 1, 2, 2, 3]);
    return Array.from({ length: n }, make);
  }

  act(): Act {
    const { r } = this;
    const n = r.below(100);
    if (n < 20) {
      const tables = r.oneIn(40) ? r.pick([1, 2, 0x4d3]) * 0x10000 : 0;
      return {
        op: "mmu_update",
        list: this.list(() => this.update()),
        foreign: this.domid() | tables,
      };
    }
    if (n < 29) {
      const other = r.oneIn(6) ? this.domid() : undefined;
      const flush = r.pick([0, 0, 1, 2]);
      return {
        op: "va_mapping",
        va: this.va(),
        target: this.target(),
        flags: r.pick(FLAGS),
        flush,
        other,
      };
    }
    if (n < 39) return { op: "remap", pfn: this.pfn(), writable: r.oneIn(2) };
    if (n < 55) return { op: "mmuext", list: this.list(() => this.ext()), foreign: this.domid() };
    if (n < 57) {
      const targets = Array.from({ length: r.below(4) }, () => this.target());
      return {
        op: "set_gdt",
        targets,
        entries: r.oneIn(20) ? 7169 : Math.max(0, targets.length * 512 - r.below(2)),
      };
    }
    if (n < 59) {
      const offset = this.index() * 8 + (r.oneIn(12) ? 4 : 0);
      return { op: "update_descriptor", page: this.target(), offset, value: r.pick(DESCRIPTORS) };
    }
    if (n < 61) return { op: "selector", index: r.pick([0, 1, 511, 512, 600, 1024]) };
    if (n < 75) {
      return {
        op: "access",
        va: this.va() + this.index() * 8 % 4096 + (r.oneIn(3) ? 4 : 0),
        size: r.pick([1, 2, 4, 4, 8]),
        kind: r.pick(["read", "write", "write", "modify", "locked"] as const),
        user: r.oneIn(4),
        target: this.target(),
      };
    }
    if (n < 79) {
      const pages = this.list(() => this.target());
      return { op: "reserve", cmd: r.pick([0, 1, 1, 6]), pages, order: r.oneIn(6) ? 1 : 0 };
    }
    if (n < 80) return { op: "exchange", pages: this.list(() => this.target()) };
    if (n < 81) return { op: "assist", on: !r.oneIn(3), type: r.oneIn(3) ? r.below(8) : 2 };
    if (n < 85) {
      const flags = r.pick([0, 1, 1, 1, 5, 2, 3]);
      return { op: "grant", ref: 8 + r.below(6), flags, to: r.below(SLOTS), target: this.target() };
    }
    if (n < 90) {
      const flags = r.pick([2, 2, 2, 6, 10, 14, 0]);
      return { op: "map", from: r.below(SLOTS), ref: this.ref(), place: this.place(), flags };
    }
    if (n < 94) return { op: "unmap", handle: r.below(5), place: this.place() };
    if (n < 95) {
      return { op: "replace", handle: r.below(5), place: this.place(), from: this.place() };
    }
    if (n < 98) {
      return {
        op: "copy",
        source: this.target(),
        sourceRef: this.ref(),
        dest: this.target(),
        destRef: this.ref(),
        flags: r.below(4),
        offset: r.pick([0, 8, 4088, 4096]),
        length: r.pick([0, 8, 64, 4096]),
      };
    }
    if (n < 99 || !r.oneIn(3)) {
      return { op: "transfer", target: this.target(), to: r.below(SLOTS), ref: this.ref() };
    }
    return { op: "destroy" };
  }
  ref(): number {
    return this.r.oneIn(16) ? this.r.pick([0, 511, 512, 0xffffffff]) : 8 + this.r.below(6);
  }

  /** A page of another's, or its own, that it is allowed to map, and maps. */
  *share(from: number): Generator<Step> {
    const { r, slot } = this;
    const ref = 8 + r.below(6), flags = r.pick([1, 1, 5]);
    const target: Target = { slot: from, pfn: FIRST + r.below(PAGES - FIRST) };
    yield { slot: from, multi: false, op: "grant", ref, flags, to: slot, target };
    const how = r.pick([2, 6, 10, 14]);
    yield { slot, multi: false, op: "map", from, ref, place: this.place(), flags: how };
  }

  /** L2s that name each other. */
  *linear(): Generator<Act> {
    const first = FIRST + this.r.below(PAGES - FIRST - 4);
    const pages = [0, 1, 2].map((n): Target => ({ slot: this.slot, pfn: first + n }));
    for (const [n, target] of pages.entries()) {
      yield this.extOp(16, target);
      yield { op: "remap", pfn: first + n, writable: false };
      yield this.extOp(1, target);
    }
    for (let n = 0; n < 5; n++) {
      const update = { page: this.r.pick(pages), index: this.r.below(3), command: 0 };
      const flags = this.r.oneIn(4) ? 0n : P;
      const list = [{ ...update, target: this.r.pick(pages), flags }];
      yield { op: "mmu_update", list, foreign: 0x7ff0 };
    }
  }

  /** Uses a translation, changes it, flushes somehow or not, and uses it again. */
  *stale(): Generator<Act> {
    const { r } = this;
    const va = BASE + (FIRST + r.below(PAGES - FIRST)) * 4096;
    const target = this.target();
    const access = (): Act => {
      const kind = r.pick(["read", "write"] as const);
      return { op: "access", va: va + 8 * r.below(4), size: 4, kind, user: r.oneIn(4), target };
    };
    yield access();
    const flags = r.pick([0n, P, P | RW, P | US]);
    yield { op: "va_mapping", va, target: this.target(), flags, flush: r.pick([0, 0, 0, 1, 2]) };
    if (r.oneIn(3)) yield this.act();
    const flush = r.pick([6, 7, 10, 11, 0]);
    const list = [{ cmd: flush, target, source: target, va, entries: 0 }];
    if (flush) yield { op: "mmuext", list, foreign: 0x7ff0 };
    yield access();
  }

  /** Writes to a page, takes that right away without a flush, makes a table of it, and writes again. */
  *retype(): Generator<Act> {
    const { r } = this;
    const pfn = FIRST + r.below(PAGES - FIRST);
    const target: Target = { slot: this.slot, pfn };
    const va = BASE + pfn * 4096;
    const access: Act = { op: "access", va: va + 8, size: 4, kind: "write", user: false, target };
    yield this.extOp(16, target);
    yield access;
    yield { op: "va_mapping", va, target, flags: P, flush: 0 };
    yield r.pick<() => Act>([
      () => this.extOp(0, target),
      () => this.extOp(1, target),
      () => ({ op: "set_gdt", targets: [target], entries: 512 }),
      () => ({ op: "mmu_update", list: [this.update()], foreign: 0x7ff0 }),
    ])();
    yield access;
  }

  /** Gives a page back that is mapped, unmaps it without a flush, and uses it still. */
  *freed(): Generator<Act> {
    const { r } = this;
    const pfn = FIRST + r.below(PAGES - FIRST);
    const target: Target = { slot: this.slot, pfn };
    const va = BASE + pfn * 4096;
    const kind = r.pick(["read", "write"] as const);
    const access: Act = { op: "access", va: va + 8, size: 4, kind, user: false, target };
    yield access;
    const reserve: Act = { op: "reserve", cmd: 1, pages: [target], order: 0 };
    const unmap: Act = { op: "va_mapping", va, target, flags: 0n, flush: 0 };
    yield* r.oneIn(2) ? [reserve, unmap] : [unmap, reserve];
    yield access;
  }

  /** Stores into a live L1, which the hypervisor carries out for a guest that asked for that. */
  *stores(): Generator<Act> {
    const { r } = this;
    const pfn = FIRST + r.below(PAGES - FIRST);
    const own: Target = { slot: this.slot, pfn };
    yield { op: "assist", on: true, type: 2 };
    yield this.extOp(16, own);
    yield { op: "remap", pfn, writable: false };
    yield this.extOp(0, own);
    for (let n = 0; n < 5; n++) {
      const va = BASE + pfn * 4096 + 8 * r.below(3) + r.pick([0, 4]);
      const kind = r.pick(["write", "modify", "locked"] as const);
      yield { op: "access", va, size: r.pick([4, 4, 8]), kind, user: false, target: this.target() };
    }
  }

  /** Such steps in one go, by the guest's code. */
  *run(): Generator<Act> {
    const { r } = this;
    const items: Item[] = [];
    while (items.length < 12) {
      const acts = r.oneIn(3)
        ? [this.act()]
        : this[r.pick(["stale", "retype", "stores", "freed"] as const)]();
      for (const act of acts) {
        if (act.op === "access") items.push({ ...act, ...this.tagged(act.va) });
        else if (isItem(act)) items.push(act);
      }
    }
    if (r.oneIn(2)) yield { op: "assist", on: true, type: 2 };
    yield { op: "run", items };
  }

  /** An access where pages have a word that tells them apart, or one that is in no table's way. */
  tagged(va: number): { va: number } {
    const page = va - va % 4096;
    return { va: this.r.oneIn(2) ? page + this.r.pick([0xff8, 0xff0]) : va };
  }

  extOp(cmd: number, target: Target, va = 0, entries = 0): Act {
    return { op: "mmuext", list: [{ cmd, target, source: target, va, entries }], foreign: 0x7ff0 };
  }

  /** A page that nobody writes to any more is an LDT, and in use as one. */
  *ldt(): Generator<Act> {
    const pfn = FIRST + this.r.below(PAGES - FIRST);
    const target: Target = { slot: this.slot, pfn };
    yield this.extOp(16, target);
    yield { op: "remap", pfn, writable: false };
    yield this.extOp(13, target, BASE + pfn * 4096, 512);
    yield { op: "selector", index: this.r.below(512) };
  }

  /** Pages that look like tables of a second address space, and are put to use. */
  *tables(): Generator<Act> {
    const { r, slot } = this;
    const [l1, l2, top, l3] = [0, 1, 2, 3].map((n) => FIRST + n);
    const own = (pfn: number): Target => ({ slot, pfn });
    const write = (page: number, index: number, pfn: number, flags: bigint): Act => ({
      op: "mmu_update",
      list: [{ page: own(page), index, target: own(pfn), flags, command: 0 }],
      foreign: 0x7ff0,
    });
    yield write(l1, 0, FIRST + 5, P | RW);
    yield write(l1, 1, FIRST + 4, P | RW | US);
    yield write(l1, 2, l1, P);
    yield write(l2, 0, l1, P | RW | US);
    yield write(l2, 1, r.oneIn(2) ? l2 : top, P);
    yield write(top, 0, 2, P | RW | US);
    yield write(top, ARGS_SLOT, 3, P | RW);
    yield write(l3, 0, l2, P);
    yield write(l3, 3, top, P);
    for (const pfn of [l1, l2, top, l3]) yield { op: "remap", pfn, writable: false };
    const ext = (cmd: number, pfn: number) => this.extOp(cmd, own(pfn));
    yield r.pick([write(0, 1, l2, P), ext(2, l3), ext(5, l3), ext(1, l2)]);
  }
}

/** Pages keep their tags while a run goes on, so none is cleared or copied over. */
function isItem(act: Act): act is Item {
  if (act.op === "remap") return true;
  if (act.op === "va_mapping") return act.other === undefined;
  if (act.op === "reserve") return act.cmd === 1 && act.order === 0 && act.pages.length === 1;
  if (act.op !== "mmuext" && act.op !== "mmu_update") return false;
  if (act.foreign !== 0x7ff0 || act.list.length !== 1) return false;
  const [first] = act.list;
  return !("cmd" in first) || (first.cmd !== 16 && first.cmd !== 17);
}

const MACROS = ["tables", "ldt", "linear", "stale", "retype", "stores", "freed"] as const;

/**
 * A sequence of about `length` steps.
 *
 * @param runs one step in so many is a run of the guest's own code
 */
export function sequence(r: Random, length: number, runs = 60): Step[] {
  const steps: Step[] = [];
  let slot = 0;
  while (steps.length < length) {
    if (r.oneIn(5)) slot = r.below(SLOTS);
    const maker = new Maker(r, slot);
    if (r.oneIn(25)) steps.push(...maker.share(r.below(SLOTS)));
    const macro = r.oneIn(runs) ? "run" : r.pick(MACROS);
    const acts = steps.length && macro !== "run" && !r.oneIn(10) ? [maker.act()] : maker[macro]();
    for (const act of acts) steps.push({ slot, multi: r.oneIn(8), ...act });
  }
  return steps;
}
