/** Grant tables, version 1: map, unmap, unmap_and_replace, copy, transfer. §11.4; public/grant_table.h. */
import { A, D, type Frame, mfnOf, NX, P, RW, US } from "./frame.ts";
import { steal } from "./memory.ts";
import { DOMID_SELF, findL1 } from "./mmu_update.ts";
import { getPage, getType, putPage, putPageAndType } from "./references.ts";
import { dropL1Target, takeL1Target } from "./targets.ts";
import type { Domain, Mapping, World } from "./world.ts";

// GNTST_*
export const OKAY = 0, GENERAL = -1, BAD_DOMAIN = -2, BAD_REF = -3, BAD_HANDLE = -4;
export const DENIED = -8, BAD_PAGE = -9, BAD_COPY = -10;
// GNTMAP_*
export const HOST = 2, READONLY = 4, APPLICATION = 8, CONTAINS_PTE = 16;
// GTF_*
export const PERMIT = 1, ACCEPT = 2, RO = 4, READING = 8, WRITING = 16;
/** Entries in the one frame of a table here. */
const ENTRIES = 512;

interface Entry {
  flags: number;
  domid: number;
  frame: number;
}

const entry = (d: Domain, ref: number): Entry => {
  const e = d.grantFrame.words[ref];
  return {
    flags: Number(e & 0xffffn),
    domid: Number((e >> 16n) & 0xffffn),
    frame: Number(e >> 32n),
  };
};
const setFlags = (d: Domain, ref: number, flags: number) => {
  d.grantFrame.words[ref] = (d.grantFrame.words[ref] & ~0xffffn) | BigInt(flags);
};

/**
 * An entry comes into use. Its frame is read by its first user, and kept. A later use by the same domain
 * is not held against what the entry says now, unless it is the first that writes (Xen: a pinned entry's
 * flags are not looked at again); another domain's is refused.
 */
function acquire(w: World, from: Domain, ref: number, by: number, write: boolean): number | Frame {
  if (ref >= ENTRIES) return BAD_REF;
  const e = entry(from, ref);
  const known = from.granted.get(ref);
  if (known && known.by !== by) return GENERAL;
  if (!known || (write && !known.writers)) {
    if ((e.flags & 3) !== PERMIT || e.domid !== by || (write && e.flags & RO)) return GENERAL;
  }
  const use = known ?? { by, uses: 0, writers: 0, mfn: e.frame };
  const f = w.frame(use.mfn);
  if (!known && (!f || !f.count || f.owner !== from.id)) return BAD_PAGE;
  use.uses++;
  if (write) use.writers++;
  from.granted.set(ref, use);
  setFlags(from, ref, entry(from, ref).flags | READING | (write ? WRITING : 0));
  return f!;
}

export function releaseGrant(from: Domain, ref: number, write: boolean): void {
  const use = from.granted.get(ref);
  if (from.dead || !use) return; // nothing is left to tell
  use.uses--;
  if (write) use.writers--;
  let { flags } = entry(from, ref);
  if (!use.writers) flags &= ~WRITING;
  if (!use.uses) flags &= ~READING;
  if (!use.uses) from.granted.delete(ref);
  setFlags(from, ref, flags);
}

/** The L1 entry that a mapping is in: by the linear address, or by the entry's own machine address. */
export function place(
  w: World,
  d: Domain,
  address: bigint,
  flags: number,
): [Frame, number] | undefined {
  if (flags & CONTAINS_PTE) {
    const f = w.frame(Number(address >> 12n));
    if (address & 7n || !f) return undefined;
    const good = f.type === "L1" && f.typeCount && f.owner === d.id;
    return good ? [f, Number(address & 0xfffn) >> 3] : undefined;
  }
  if (address >= 0xf5800000n) return undefined;
  const l1 = findL1(w, d, Number(address));
  return l1 && [l1, Number(address >> 12n) % 512];
}

function replace(w: World, d: Domain, [table, index]: [Frame, number], value: bigint): void {
  const old = table.words[index];
  table.words[index] = value;
  dropL1Target(w, old, d.id);
}

export interface MapResult {
  status: number;
  handle?: number;
  mfn?: number;
}

export function map(
  w: World,
  d: Domain,
  address: bigint,
  flags: number,
  ref: number,
  domid: number,
): MapResult {
  if (!(flags & HOST)) return { status: BAD_REF }; // device mappings are not modelled
  if (domid === 0) return { status: DENIED };
  const from = w.domains.get(domid);
  if (!from) return { status: BAD_DOMAIN };
  const write = !(flags & READONLY);
  const f = acquire(w, from, ref, d.id, write);
  if (typeof f === "number") return { status: f };
  const fail = () => {
    releaseGrant(from, ref, write);
    return { status: GENERAL };
  };
  const at = place(w, d, address, flags);
  if (!at) return fail();
  let e = (BigInt(f.mfn) << 12n) | P | A | D | NX;
  if (write) e |= RW;
  if (flags & APPLICATION) e |= US;
  if (takeL1Target(w, e, from.id)) return fail();
  replace(w, d, at, e);
  let handle = d.mappings.findIndex((m) => m === null);
  if (handle < 0) handle = d.mappings.length;
  d.mappings[handle] = { flags, ref, from, mfn: f.mfn };
  return { status: OKAY, handle, mfn: f.mfn };
}

/** Where a mapping still is as it was made; undefined: the guest has put something else there. */
function mapped(w: World, d: Domain, m: Mapping, address: bigint): [Frame, number] | undefined {
  const at = place(w, d, address, m.flags);
  if (!at) return undefined;
  const e = at[0].words[at[1]];
  const rights = m.flags & READONLY ? P : P | RW;
  return mfnOf(e) === m.mfn && (e & (P | RW)) === rights ? at : undefined;
}

function end(d: Domain, handle: number, m: Mapping): void {
  d.mappings[handle] = null;
  releaseGrant(m.from, m.ref, !(m.flags & READONLY));
}

export function unmap(w: World, d: Domain, address: bigint, handle: number): number {
  const m = d.mappings[handle];
  if (!m) return BAD_HANDLE;
  if (!address) return OKAY; // nothing of it was to be unmapped
  const at = mapped(w, d, m, address);
  if (!at) return GENERAL;
  replace(w, d, at, 0n);
  end(d, handle, m);
  return OKAY;
}

/** The entry at `from` moves to where the mapping is, with its references. */
export function unmapAndReplace(
  w: World,
  d: Domain,
  address: bigint,
  from: bigint,
  handle: number,
): number {
  const m = d.mappings[handle];
  if (!m) return BAD_HANDLE;
  if (!address) return OKAY;
  if (m.flags & CONTAINS_PTE) return GENERAL;
  const at = mapped(w, d, m, address), other = place(w, d, from, 0);
  if (!at || !other || (at[0] === other[0] && at[1] === other[1])) return GENERAL;
  const moved = other[0].words[other[1]];
  other[0].words[other[1]] = 0n;
  replace(w, d, at, moved);
  end(d, handle, m);
  return OKAY;
}

/** One end of a copy: a frame of the caller's own, or a grant. */
export interface End {
  grant: boolean;
  /** Reference or mfn. */
  what: number;
  domid: number;
  offset: number;
}

export function copy(w: World, d: Domain, source: End, dest: End, length: number): number {
  if (source.offset + length > 4096 || dest.offset + length > 4096) return BAD_COPY;
  const from = open(w, d, source, false);
  if (typeof from === "number") return from;
  const to = open(w, d, dest, true);
  if (typeof to === "object") {
    to.bytes.set(from.bytes.slice(source.offset, source.offset + length), dest.offset);
    close(w, d, dest, to, true);
  }
  close(w, d, source, from, false);
  return typeof to === "number" ? to : OKAY;
}

const ownerOf = (w: World, d: Domain, end: End) =>
  end.domid === DOMID_SELF ? d : w.domains.get(end.domid);

function open(w: World, d: Domain, end: End, write: boolean): Frame | number {
  if (!end.grant && end.domid !== DOMID_SELF) return DENIED;
  const owner = ownerOf(w, d, end);
  if (!owner) return BAD_DOMAIN;
  let mfn = end.what;
  if (end.grant) {
    const f = acquire(w, owner, end.what, d.id, write);
    if (typeof f === "number") return f;
    mfn = f.mfn;
  }
  const f = getPage(w, mfn, owner.id);
  const error = !f ? BAD_PAGE : write && getType(w, f, "writable") ? GENERAL : OKAY;
  if (!error) return f!;
  if (f) putPage(w, f);
  if (end.grant) releaseGrant(owner, end.what, write);
  return error;
}

function close(w: World, d: Domain, end: End, f: Frame, write: boolean): void {
  if (write) putPageAndType(w, f);
  else putPage(w, f);
  if (end.grant) releaseGrant(ownerOf(w, d, end)!, end.what, write);
}

/** A frame that nothing refers to becomes the domain's whose entry waits for one, or nobody's. */
export function transfer(w: World, d: Domain, mfn: number, domid: number, ref: number): number {
  const f = steal(w, d, mfn);
  if (!f) return BAD_PAGE;
  const to = w.domains.get(domid);
  const status = to ? accepts(to, ref, d) : domid === 0 ? GENERAL : BAD_DOMAIN;
  if (status !== OKAY) {
    w.release(f);
    return status;
  }
  const e = entry(to!, ref);
  d.pages--;
  to!.pages++;
  f.owner = to!.id;
  f.type = "none";
  f.validated = false;
  f.pfn = e.frame;
  to!.grantFrame.words[ref] = (BigInt(mfn) << 32n) | BigInt((e.domid << 16) | e.flags | 12);
  return OKAY;
}

function accepts(to: Domain, ref: number, d: Domain): number {
  if (to.pages - (to === d ? 1 : 0) >= to.maxPages || ref >= ENTRIES) return GENERAL;
  const { flags, domid } = entry(to, ref);
  return flags === ACCEPT && domid === d.id ? OKAY : GENERAL;
}
