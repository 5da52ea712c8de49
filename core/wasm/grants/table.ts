// A domain's grant table: the frames it shares with the hypervisor, in which it says what others may
// map (xen/common/grant_table.c; layout: public/grant_table.h).
import { Domain, heap_alloc } from "../domains/domain";
import { alloc_xen_frame, free_frame } from "../frames/alloc";
import { frame, page } from "../frames/page";

/** Most frames of entries any domain may have (libxl's max_grant_frames). */
export const MAX_GRANT_FRAMES: u32 = 64;
/** Entries kept over a change of version: the toolstack's own. */
export const RESERVED_ENTRIES: u32 = 8;
/** One frame of the status words of version 2 goes with so many frames of entries. */
const FRAMES_PER_STATUS: u32 = 8;
const V1_SHIFT: u32 = 3; // 8 bytes: flags u16, domid u16, frame u32
const V2_SHIFT: u32 = 4; // 16 bytes: flags u16, domid u16, pad u32, frame u64
const PAGE: u32 = 4096;

// Entry flags (GTF_*)
export const GTF_TYPE: u32 = 3;
export const GTF_PERMIT_ACCESS: u32 = 1;
export const GTF_TRANSITIVE: u32 = 3;
export const GTF_READONLY: u32 = 4;
export const GTF_READING: u32 = 8;
export const GTF_WRITING: u32 = 16;
export const GTF_SUB_PAGE: u32 = 256;

@unmanaged
export class GrantTable {
  version: u32; // 1 or 2
  frames: u32; // of entries
  status_frames: u32;
  entries: usize; // mfns of the frames of entries, MAX_GRANT_FRAMES u32
  status: usize; // mfns of the status frames
  active: usize; // mfns of the frames where use.ts remembers entries in use, 0 = none; twice MAX_GRANT_FRAMES u32
  maps: usize; // what this domain maps of others: maptrack.ts
  map_count: u32; // slots of it ever used
}

/** Bytes of the lists of mfns, which lie behind the rest. */
const LISTS: u32 = (MAX_GRANT_FRAMES + MAX_GRANT_FRAMES / FRAMES_PER_STATUS + MAX_GRANT_FRAMES * 2) * 4;

// @ts-ignore: decorator
@inline export function grant_table(d: Domain): GrantTable {
  return changetype<GrantTable>(d.grants);
}

/** Gives a new domain its table, with one frame. @returns false when memory is short */
export function grants_create(d: Domain): bool {
  if (!d.grants) d.grants = heap_alloc(offsetof<GrantTable>() + LISTS);
  if (!d.grants) return false;
  const t = grant_table(d);
  t.entries = d.grants + offsetof<GrantTable>();
  t.status = t.entries + MAX_GRANT_FRAMES * 4;
  t.active = t.status + (MAX_GRANT_FRAMES / FRAMES_PER_STATUS) * 4;
  t.version = 1;
  t.frames = 0;
  t.status_frames = 0;
  t.map_count = 0;
  return grants_grow(d, 1);
}

/** Makes the table at least `frames` long. @returns false, with nothing changed, when memory is short or it may not be */
export function grants_grow(d: Domain, frames: u32): bool {
  if (frames > d.max_grant_frames) return false;
  const t = grant_table(d);
  const before = t.frames;
  let grown = true;
  while (grown && t.frames < frames) {
    const mfn = alloc_xen_frame(d.id);
    if (!mfn) grown = false;
    else store<u32>(t.entries + (t.frames++ << 2), mfn);
  }
  if (grown && t.version == 2) grown = grants_grow_status(d);
  // an entry without a status word would be worse than none
  if (!grown) while (t.frames > before) free_frame(grant_frame(t, --t.frames));
  return grown;
}

/** Brings the status frames to what the frames of entries need. @returns as grants_grow */
function grants_grow_status(d: Domain): bool {
  const t = grant_table(d);
  const before = t.status_frames;
  const wanted = (t.frames + FRAMES_PER_STATUS - 1) / FRAMES_PER_STATUS;
  while (t.status_frames < wanted) {
    const mfn = alloc_xen_frame(d.id);
    if (!mfn) {
      while (t.status_frames > before) free_frame(status_frame(t, --t.status_frames));
      return false;
    }
    store<u32>(t.status + (t.status_frames++ << 2), mfn);
  }
  return true;
}

/** Mfn of the n-th frame of entries, or of status words. */
export function grant_frame(t: GrantTable, n: u32): u32 {
  return load<u32>(t.entries + (n << 2));
}
export function status_frame(t: GrantTable, n: u32): u32 {
  return load<u32>(t.status + (n << 2));
}

/** Number of entries in the table. */
export function grant_entries(t: GrantTable): u32 {
  return t.frames << (12 - (t.version == 1 ? V1_SHIFT : V2_SHIFT));
}

/** Host address of an entry; `ref` must be below grant_entries. */
export function grant_entry(t: GrantTable, ref: u32): usize {
  const at = ref << (t.version == 1 ? V1_SHIFT : V2_SHIFT);
  return frame(grant_frame(t, at >> 12)) + (at & (PAGE - 1));
}

/** Host address of the word where "reading" and "writing" are shown. */
export function grant_status(t: GrantTable, ref: u32): usize {
  if (t.version == 1) return grant_entry(t, ref);
  return frame(status_frame(t, ref >> 11)) + ((ref & 2047) << 1);
}

/** The frame an entry names. Version 2 has room for 64 bits; what does not fit is no frame. */
export function grant_entry_frame(t: GrantTable, ref: u32): u32 {
  const e = grant_entry(t, ref);
  if (t.version == 1) return load<u32>(e, 4);
  const mfn = load<u64>(e, 8);
  return mfn > 0xffffffff ? 0xffffffff : <u32> mfn;
}

/** Whether a status frame is mapped, or referred to in any other way (XSA-255). */
export function grants_status_in_use(d: Domain): bool {
  const t = grant_table(d);
  for (let n: u32 = 0; n < t.status_frames; n++) {
    if (page(status_frame(t, n)).count != 1) return true;
  }
  return false;
}

/**
 * Whether version 1 has a form for all the reserved entries, which are taken over: none passes on what
 * another domain grants, nor has a frame number of more than 32 bits.
 */
export function grants_fit_version1(d: Domain): bool {
  const t = grant_table(d);
  for (let n: u32 = 0; n < RESERVED_ENTRIES; n++) {
    const e = grant_entry(t, n);
    const type = load<u16>(e) & GTF_TYPE;
    if (type == GTF_TRANSITIVE) return false;
    if (type == GTF_PERMIT_ACCESS && load<u32>(e, 12)) return false;
  }
  return true;
}

/**
 * Changes the layout of the entries. The reserved ones are taken over, all others cleared. The status
 * frames, which version 1 is without, are given back: none may be in use.
 *
 * @param version the one that is not in force
 * @returns false, with nothing changed, when memory is short
 */
export function grants_set_version(d: Domain, version: u32): bool {
  const t = grant_table(d);
  if (version == 2 && !grants_grow_status(d)) return false;
  const first = frame(grant_frame(t, 0));
  if (version == 2) {
    for (let n: u32 = RESERVED_ENTRIES; n-- > 0;) widen(t, first, n);
  } else {
    for (let n: u32 = 0; n < RESERVED_ENTRIES; n++) narrow(t, first, n);
    for (let n: u32 = 0; n < t.status_frames; n++) free_frame(status_frame(t, n));
    t.status_frames = 0;
  }
  t.version = version;
  const kept = RESERVED_ENTRIES << (version == 1 ? V1_SHIFT : V2_SHIFT);
  memory.fill(first + kept, 0, PAGE - kept);
  for (let n: u32 = 1; n < t.frames; n++) memory.fill(frame(grant_frame(t, n)), 0, PAGE);
  return true;
}

const IN_USE: u16 = <u16> (GTF_READING | GTF_WRITING);

function widen(t: GrantTable, first: usize, n: u32): void {
  const from = first + (n << V1_SHIFT);
  const flags = load<u16>(from);
  const domid = load<u16>(from, 2);
  const mfn = load<u32>(from, 4);
  const to = first + (n << V2_SHIFT);
  store<u16>(to, flags & ~IN_USE);
  store<u16>(to, domid, 2);
  store<u32>(to, 0, 4);
  store<u64>(to, mfn, 8);
  store<u16>(frame(status_frame(t, 0)) + (n << 1), flags & IN_USE);
}

function narrow(t: GrantTable, first: usize, n: u32): void {
  const from = first + (n << V2_SHIFT);
  const to = first + (n << V1_SHIFT);
  if ((load<u16>(from) & GTF_TYPE) != GTF_PERMIT_ACCESS) { // nothing is to be kept of it
    store<u64>(to, 0);
    return;
  }
  const flags = load<u16>(from) | (load<u16>(frame(status_frame(t, 0)) + (n << 1)) & IN_USE);
  const domid = load<u16>(from, 2);
  const mfn = <u32> load<u64>(from, 8);
  store<u16>(to, flags);
  store<u16>(to, domid, 2);
  store<u32>(to, mfn, 4);
}
