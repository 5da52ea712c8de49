/**
 * What a guest's instructions may do to memory: the walk, stale translations, and the stores into page
 * tables that the hypervisor carries out for the guest. §7.7, §7.8.
 */
import { type Frame, mfnOf, P, PSE, RW, US } from "./frame.ts";
import { updateEntry } from "./update.ts";
import type { Domain, World } from "./world.ts";

export interface Translation {
  frame: Frame;
  /** All levels allow writing, or ring 3. */
  writable: boolean;
  user: boolean;
  /** The L1 entry, if it is one (not the hypervisor's large page). */
  leaf: bigint;
}

/** What the tables say of an address now. */
export function translate(w: World, d: Domain, va: number): Translation | undefined {
  let table = d.cr3;
  let rights = RW | US;
  for (let level = 3; table && level > 0; level--) {
    const e = table.words[Math.floor(va / 2 ** (3 + 9 * level)) % 512];
    if (!(e & P)) return undefined;
    rights &= e;
    const large = level === 2 && (e & PSE) !== 0n;
    const frame = w.frame(mfnOf(e) + (large ? Math.floor(va / 4096) % 512 : 0));
    if (!frame) throw new Error(`the tables lead to frame ${mfnOf(e)}, which is no RAM`);
    if (level === 1 || large) {
      const writable = (rights & RW) !== 0n;
      if (writable && (frame.type !== "writable" || !frame.typeCount)) {
        throw new Error(`frame ${frame.mfn} is ${frame.type}, and can be written to`);
      }
      return { frame, writable, user: (rights & US) !== 0n, leaf: large ? 0n : e };
    }
    table = frame;
  }
  return undefined;
}

/** The page fault's error code, or undefined: the access is allowed. */
export function faultOf(t: Translation | undefined, write: boolean, user: boolean) {
  const error = (write ? 2 : 0) | (user ? 4 : 0);
  if (!t) return error;
  return (user && !t.user) || (write && !t.writable) ? error | 1 : undefined;
}

export interface Store {
  va: number;
  size: number;
  value: bigint;
  /** By an instruction with LOCK, which the hypervisor's emulator makes a compare-and-exchange. */
  locked: boolean;
}

/** Whether a kernel's store that faults is one into a live L1 which the hypervisor takes on. */
export function emulated(
  d: Domain,
  t: Translation | undefined,
  s: Pick<Store, "va" | "size">,
): boolean {
  if (!t || !t.leaf || t.leaf & RW || !d.assists.has(2)) return false;
  const { frame } = t;
  if (frame.type !== "L1" || !frame.typeCount || frame.owner !== d.id) return false;
  // (which instructions are emulated, the SSE's not among them, is not an access's to know)
  return s.size <= 8 && s.va % s.size === 0;
}

/** Carries it out as an L1 update. False: the guest gets the fault. */
export function emulate(w: World, d: Domain, table: Frame, s: Store): boolean {
  const index = Math.floor(s.va / 8) % 512;
  const shift = BigInt((s.va % 8) * 8);
  const mask = ((1n << BigInt(s.size * 8)) - 1n) << shift;
  const value = (table.words[index] & ~mask) | ((s.value << shift) & mask);
  if (updateEntry(w, table, index, value, false, d.id) === 0) return true;
  // upper half first: the entry goes until the lower half comes
  const upper = s.size === 4 && s.va % 8 === 4 && !s.locked && (value & P) !== 0n;
  return upper && updateEntry(w, table, index, value & ~P, false, d.id) === 0;
}
