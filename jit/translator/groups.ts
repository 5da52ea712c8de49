/**
 * Accesses of a block that are not far from each other, and share one look at the TLB.
 *
 * Addresses are followed as a root and a distance: each value of a register that nothing is known of is
 * a root, and adding a constant moves away from it. So PUSH, POP and what is addressed by one register
 * lie at known distances, whatever the register does meanwhile. A block is emitted twice: once to find
 * out which accesses there are, once with one check for each group, at its first access.
 */
import type { Value } from "../semantics/value.ts";

/** An address: so many bytes from a root. Constant addresses have their page for a root. */
export interface Place {
  root: string;
  distance: number;
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

  /** A block begins: registers hold anything. */
  begin(recording: boolean): void {
    this.recording = recording;
    this.#roots = 0;
    this.#values.clear();
    if (recording) this.#found.clear();
    this.forget();
  }

  /** All registers may have changed. */
  forget(): void {
    this.#registers = Array.from({ length: REGISTERS }, () => this.#newRoot());
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
