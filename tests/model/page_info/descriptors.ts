/** Descriptor pages: the GDT, the LDT and update_descriptor. §8.2 to §8.5. */
import { EINVAL, type Frame, mfnOf, P, PSE } from "./frame.ts";
import {
  getPage,
  getPageAndType,
  getType,
  putPage,
  putPageAndType,
  putType,
} from "./references.ts";
import type { Domain, World } from "./world.ts";

/** GDT entries that are the guest's. */
const GUEST_ENTRIES = 14 * 512;

/** §8.3: a descriptor as it may stand in a guest's table, or null. */
export function checkDescriptor(descriptor: bigint): bigint | null {
  let low = Number(descriptor & 0xffffffffn), high = Number(descriptor >> 32n);
  const both = () => (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  if (!(high & 0x8000)) return descriptor; // not present
  const segment = (high & 0x1000) !== 0;
  if (!segment && !(high & 0xf00)) return descriptor; // system type 0 does nothing
  if (!(high & 0x6000)) high |= 0x2000; // ring 0 is the hypervisor's
  if (segment) {
    if (high & 0x200000) return null; // 64-bit code
    const base = (low >>> 16) | ((high & 0xff) << 16) | (high & 0xff000000);
    const units = ((low & 0xffff) | (high & 0xf0000)) + 1;
    const size = high & 0x800000 ? units * 4096 : units;
    if (base === 0 && size > 0xf5800000) {
      low |= 0xffff;
      high |= 0xf0000;
    }
    return both();
  }
  if ((high & 0xf00) !== 0xc00) return null; // of the others only 32-bit call gates
  const target = low >>> 16;
  if (!(target & 4) && target >> 3 >= GUEST_ENTRIES && target !== 0xe019) return null;
  const dpl = (high >> 13) & 3;
  high &= ~0x6000; // each use faults, and is emulated with the DPL kept in the selector
  low = (low & ~0x30000) | (dpl << 16);
  return high & 0xe0 ? null : both();
}

/** All 512 of a page, rewritten in place up to the first that is refused. */
export function checkPage(f: Frame): number {
  for (let index = 0; index < 512; index++) {
    const checked = checkDescriptor(f.words[index]);
    if (checked === null) return EINVAL;
    f.words[index] = checked;
  }
  return 0;
}

export function setGdt(w: World, d: Domain, mfns: number[], entries: number): number {
  if (entries > GUEST_ENTRIES) return EINVAL;
  const taken: Frame[] = [];
  for (const mfn of mfns.slice(0, Math.ceil(entries / 512))) {
    const f = getPageAndType(w, mfn, d.id, "seg_desc");
    if (typeof f === "number") {
      for (const t of taken) putPageAndType(w, t);
      return EINVAL;
    }
    taken.push(f);
  }
  const old = d.gdt;
  d.gdt = taken;
  for (const f of old) putPageAndType(w, f);
  return 0;
}

export function updateDescriptor(w: World, d: Domain, address: bigint, value: bigint): number {
  if (address & 7n) return EINVAL;
  const checked = checkDescriptor(value);
  if (checked === null) return EINVAL;
  const f = getPage(w, Number(address >> 12n), d.id);
  if (!f) return EINVAL;
  const error = getType(w, f, f.type === "seg_desc" && f.typeCount ? "seg_desc" : "writable");
  if (!error) {
    f.words[Number(address & 0xfffn) >> 3] = checked;
    putType(w, f);
  }
  putPage(w, f);
  return error ? EINVAL : 0;
}

/** SET_LDT: the linear address is not looked at until a selector is. The same LDT again is no change. */
export function setLdt(d: Domain, base: number, entries: number): number {
  if (entries > 8192 || base & 0xfff) return EINVAL;
  if (d.ldt.base === base && d.ldt.entries === entries) return 0;
  d.dropLdt();
  d.ldt.base = base;
  d.ldt.entries = entries;
  return 0;
}

/** The frame that the tables map at an address, whatever the rights. */
export function mappedFrame(w: World, d: Domain, va: number): Frame | undefined {
  let table = d.cr3 ?? undefined;
  for (let level = 3; table && level > 0; level--) {
    const e = table.words[Math.floor(va / 2 ** (3 + 9 * level)) % 512];
    if (!(e & P) || (level === 2 && e & PSE)) return undefined;
    table = w.frame(mfnOf(e));
  }
  return table;
}

/** A selector of the LDT is loaded: its page becomes a descriptor page then. False: it cannot. */
export function useLdt(w: World, d: Domain, index: number): boolean {
  if (index >= d.ldt.entries) return false;
  const page = index >> 9;
  if (d.ldt.pages.has(page)) return true;
  const mapped = mappedFrame(w, d, (d.ldt.base + index * 8) % 2 ** 32);
  const f = mapped && getPageAndType(w, mapped.mfn, d.id, "seg_desc");
  if (typeof f !== "object") return false;
  d.ldt.pages.set(page, f);
  return true;
}
