/** Random hypercalls: numbers, arguments and structures that are junk, or nearly right. */
import type { Random } from "../../random.ts";
import { BAD_POINTERS, BASE, HOLE, PAGES, SELF } from "../rig.ts";
import { CALL, CALLS, FIRST, SHARED, STRUCT_PAGES, STRUCTS } from "./guest.ts";

/** What a maker of calls knows: its own frames, and some of others'. */
export interface Known {
  mfns: readonly number[];
  foreign: readonly number[];
  shared: number;
  domids: readonly number[];
}

const va = (page: number, offset = 0) => BASE + page * 4096 + offset;
/** Stands where a call's result will be. */
const NOT_MADE = 0x5a5a5a5a;
/** Words of a call's structure; that of call n is at. */
const WORDS = 24;
const structure = (n: number) => va(STRUCTS, n * WORDS * 4);
/** Frames that are nobody's to have: none, the machine-to-phys table, beyond the machine. */
const BAD_FRAMES = [0, 512, 513, 0xfffff, 0xffffffff];
const COMMON = [1, 1, 2, 10, 12, 13, 14, 20, 24, 26, 29, 32];
/** What takes a guest's handlers away, or its stack: it does not live long after one with random arguments. */
const DEADLY = new Set([0, 3, 4, 23, 30]);

export class Calls {
  constructor(readonly r: Random, readonly known: Known) {}

  page(): number {
    const { r } = this;
    if (r.oneIn(500)) return r.below(FIRST);
    return FIRST + r.below(r.oneIn(8) ? PAGES - FIRST : 12);
  }
  frame(): number {
    const { r, known } = this;
    const n = r.below(24);
    if (n === 0) return r.pick(BAD_FRAMES);
    if (n === 1) return known.shared;
    return n === 2 && known.foreign.length ? r.pick(known.foreign) : known.mfns[this.page()];
  }
  /** Where structures are, and what only looks like it. */
  pointer(): number {
    const { r } = this;
    const n = r.below(20);
    if (n === 0) return r.pick([0, HOLE - 4, HOLE, ...BAD_POINTERS]);
    if (n === 1) return va(this.page(), r.pick([0, 4092, 4094, 4095, 4080]));
    if (n === 2) return va(r.below(3), r.below(1024) * 4); // page tables: read-only
    if (n === 3) return va(SHARED, r.below(1024) * 4);
    return va(STRUCTS + r.below(STRUCT_PAGES), r.pick([0, 0, 0, 64, 256, 2048, 4088]));
  }
  small(): number {
    const { r } = this;
    const n = r.below(16);
    if (n === 0) {
      return r.pick([0x7fffffff, 0x80000000, 0xffffffff, 0xffff, 63, 64, 1023, 1024, 4096]);
    }
    return n === 1 ? r.next() : r.below(n < 8 ? 4 : 16);
  }
  domid(): number {
    const { r, known } = this;
    return r.oneIn(8) ? r.pick([0, 0x7ff1, 0x7ff2, 0x7fff, ...known.domids]) : SELF;
  }
  /** An entry of a page table, low word. */
  entry(): number {
    return ((this.frame() << 12) |
      this.r.pick([0, 1, 3, 0x21, 0x23, 0x63, 0x67, 7, 0x81, 0x101])) >>> 0;
  }
  word(): number {
    const { r } = this;
    const n = r.below(12);
    if (n < 5) return this.small();
    if (n < 7) return this.frame();
    if (n < 9) return this.entry();
    return n === 9 ? this.domid() | (this.small() << 16) : this.pointer();
  }
  words(n: number): number[] {
    return Array.from({ length: n }, () => this.word());
  }

  /** Registers of a call, and words for the structure its pointers lead to. */
  call(n: number, depth = 0): { registers: number[]; words: number[] } {
    const { r } = this;
    let nr = r.oneIn(6) ? r.below(50) : r.pick(COMMON);
    if (DEADLY.has(nr) && !r.oneIn(20)) nr = r.pick(COMMON);
    if (r.oneIn(5)) return { registers: [nr, ...this.words(5)], words: this.words(WORDS) };
    const at = r.oneIn(10) ? this.pointer() : structure(n);
    const second = va(STRUCTS + 3);
    const few = r.oneIn(20) ? this.small() : 1 + r.below(3);
    const make = (registers: number[], words: () => number[]) => ({
      registers: [nr, ...registers],
      words: words(),
    });
    switch (nr) {
      case 1:
        return make([at, few, second, this.domid()], () => this.requests());
      case 2:
        return make([at, r.pick([0, 1, 512, 600, 7168, 7169])], () => this.frames());
      case 10:
        return make([(this.frame() << 12) + 8 * r.below(8), 0, this.word(), r.next()], () => []);
      case 12:
        return make(
          [r.oneIn(4) ? r.below(30) : r.pick([0, 1, 6, 11]), at],
          () => this.reservation(second),
        );
      case 13:
        return depth ? make([at, few], () => this.words(WORDS)) : this.batch(at);
      case 14:
        return make([va(this.page()), this.entry(), 0, this.small()], () => []);
      case 20:
        return make([r.below(13), at, few], () => this.grant());
      case 24:
        return make([r.below(16), r.below(3), at], () => this.words(WORDS));
      case 26:
        return make([at, few, second, this.domid()], () => this.extended());
      case 29:
        return make(
          [r.oneIn(20) ? r.pick([2, 4]) : r.pick([0, 0, 1, 3, 5, 6]), at],
          () => this.words(8),
        );
      case 32:
        return make(
          [r.below(15), at],
          () => [this.small(), this.small(), this.small(), this.small()],
        );
      default:
        return make([this.word(), at, ...this.words(3)], () => this.words(WORDS));
    }
  }

  requests(): number[] {
    const one = () => {
      const offset = 8 * this.r.pick([0, 1, 2, 3, 427, 428, 511]) + this.r.pick([0, 0, 0, 1, 2]);
      return [
        ((this.frame() << 12) | offset) >>> 0,
        0,
        this.entry(),
        this.r.oneIn(9) ? 0x80000000 : 0,
      ];
    };
    return [...one(), ...one(), ...one()];
  }
  frames(): number[] {
    return Array.from({ length: 14 }, () => this.frame());
  }
  reservation(list: number): number[] {
    const one = () => [
      list + 4 * this.r.below(4),
      this.r.below(4),
      this.r.oneIn(6) ? this.small() : 0,
      0,
      this.domid(),
    ];
    return [...one(), ...one(), this.r.below(2)];
  }
  grant(): number[] {
    const { r } = this;
    return Array.from({ length: 3 }, () => [
      r.oneIn(2) ? va(this.page()) : this.word(),
      0,
      r.oneIn(2) ? r.below(32) : this.word(),
      r.below(16),
      this.domid(),
      this.small(),
      this.word(),
      0,
    ]).flat();
  }
  extended(): number[] {
    const one =
      () => [this.r.below(21), this.frame(), this.r.oneIn(2) ? this.frame() : this.small()];
    return [...one(), ...one(), ...one()];
  }
  /** A multicall of such calls. */
  batch(at: number): { registers: number[]; words: number[] } {
    const n = 1 + this.r.below(3);
    const words: number[] = [];
    for (let i = 0; i < n; i++) {
      const { registers } = this.call(this.r.below(CALLS), 1);
      const [nr, ...args] = registers;
      words.push(nr, 0, ...args, 0, 0, 0, 0, 0, 0);
      words.length = 8 * (i + 1);
    }
    return { registers: [13, at, n], words };
  }

  /** Calls of a list that came back to ring 1. */
  static made(list: DataView): number {
    let n = 0;
    for (let at = 24; at < 4096; at += CALL) if (list.getUint32(at, true) !== NOT_MADE) n++;
    return n;
  }

  /** Fills a list of calls, and the pages they point to with what the last of them wants. */
  fill(list: DataView, structs: DataView[]): void {
    const { r } = this;
    for (let n = 0; n < CALLS; n++) {
      const { registers, words } = this.call(n);
      for (let i = 0; i < 6; i++) list.setUint32(n * CALL + i * 4, registers[i] ?? 0, true);
      list.setUint32(n * CALL + 24, NOT_MADE, true);
      list.setUint32(n * CALL + 28, r.oneIn(8) ? 1 : 0, true);
      words.slice(0, WORDS).forEach((word, i) => {
        const at = (n * WORDS + i) * 4;
        structs[at >> 12].setUint32(at & 4095, word, true);
      });
    }
    // second lists: frames, mostly
    for (let i = 0; i < 16; i++) {
      structs[3].setUint32(i * 4, r.oneIn(3) ? this.small() : this.frame(), true);
    }
  }
}
