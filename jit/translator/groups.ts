/**
 * Accesses of a block that are not far from each other, and share one look at the TLB.
 *
 * Addresses are followed as a root and a distance: each value of a register that nothing is known of is
 * a root, so is the sum of two of them (one may be scaled), and adding a constant moves away from it. So PUSH, POP and what is addressed by one register
 * lie at known distances, whatever the register does meanwhile. A block is emitted twice: once to find
 * out which accesses there are, once with one check for each group, at its first access.
 */
import type { Value } from "../semantics/value.ts";

/** An address: so many bytes from a root. Constant addresses have their page for a root. */
export interface Place {
  root: string;
  distance: number;
}

/** Distances by register. */
export type Steps = (number | null)[];

/** The registers that a root is the sum of, by their values where the block begins, shifted to the left; null if it is not. */
export function termsOf({ root }: Place): { register: number; shift: number }[] | null {
  if (root.startsWith("page")) return [];
  const terms = root.split("+").map((term) => {
    const [, register, shift] = /^r(\d+)(?:<<(\d+))?$/.exec(term)!;
    return { register: Number(register), shift: Number(shift ?? 0) };
  });
  return terms.every(({ register }) => register < REGISTERS) ? terms : null;
}

/** What is accessed around one root. */
export interface Group {
  /** Distances of the first byte and behind the last one. */
  from: number;
  to: number;
  accesses: number;
  writes: boolean;
  /** Once its check was emitted: whether it held, and the host's address of the first byte. */
  checked: { holds: Value; base: Value } | null;
}

const REGISTERS = 8;
/** Accesses that are worth a check of their own, and the bytes they may span. */
const FEWEST = 4;
const WIDEST = 1024;

/** Follows values within a block, and knows its groups. */
export class Groups {
  #roots = 0;
  #registers: Place[] = [];
  #values = new Map<number, Place>();
  #found = new Map<string, Group>();
  /** Set while the block is emitted for the first time. */
  recording = false;
  /** No register's value has been lost sight of by a call. */
  unbroken = true;

  /** A block begins: registers hold anything. */
  begin(recording: boolean): void {
    this.recording = recording;
    this.#roots = 0;
    this.#values.clear();
    if (recording) this.#found.clear();
    else for (const group of this.#found.values()) group.checked = null;
    this.forget();
    this.unbroken = true;
  }

  /** All registers may have changed. */
  forget(): void {
    this.#registers = Array.from({ length: REGISTERS }, () => this.#newRoot());
    this.unbroken = false;
  }

  /** By how much each register has moved since the block began, null where it holds something else. */
  steps(): Steps {
    return this.#registers.map(({ root, distance }, n) => root === `r${n}` ? distance : null);
  }

  #newRoot(): Place {
    return { root: `r${this.#roots++}`, distance: 0 };
  }

  /** A register was read into a value. */
  read(register: number, v: Value): void {
    if ("local" in v) this.#values.set(v.local, this.#registers[register]);
  }

  /** A register was given a value, or null: something else. */
  written(register: number, v: Value | null): void {
    this.#registers[register] = (v && this.placeOf(v)) ?? this.#newRoot();
  }

  /** A value was made by adding a constant to another. */
  moved(from: Value, bytes: number, to: Value): void {
    const place = this.placeOf(from);
    if (!place || !("local" in to)) return;
    this.#values.set(to.local, { root: place.root, distance: place.distance + bytes | 0 });
  }

  /** A value was made by shifting another to the left. */
  scaled(from: Value, shift: number, to: Value): void {
    const place = this.placeOf(from);
    if (!place || !("local" in to) || !/^r\d+$/.test(place.root)) return;
    this.#values.set(to.local, {
      root: `${place.root}<<${shift}`,
      distance: place.distance << shift,
    });
  }

  /** A value is the sum of two others. */
  added(a: Value, b: Value, sum: Value): void {
    const [p, q] = [this.placeOf(a), this.placeOf(b)];
    if (!p || !q || !("local" in sum) || /page|\+/.test(p.root + q.root)) return;
    const root = [p.root, q.root].sort().join("+");
    this.#values.set(sum.local, { root, distance: p.distance + q.distance | 0 });
  }

  placeOf(v: Value): Place | null {
    if ("local" in v) return this.#values.get(v.local) ?? null;
    const address = Number(BigInt.asUintN(32, v.constant));
    return { root: `page ${address >>> 12}`, distance: address & 0xfff };
  }

  /** Notes an access, while recording. */
  note({ root, distance }: Place, size: number, write: boolean): void {
    const group = this.#found.get(root);
    if (!group) {
      const one = { from: distance, to: distance + size, accesses: 1, writes: write };
      this.#found.set(root, { ...one, checked: null });
      return;
    }
    group.from = Math.min(group.from, distance);
    group.to = Math.max(group.to, distance + size);
    group.accesses++;
    group.writes ||= write;
  }

  /** The group that an access belongs to, if it is worth it. */
  groupOf({ root }: Place): Group | null {
    const group = this.#found.get(root);
    if (!group || group.accesses < FEWEST || group.to - group.from > WIDEST) return null;
    return root.startsWith("page") && group.to > 4096 ? null : group;
  }
}
