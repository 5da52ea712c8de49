// Taking a grant entry into use and letting it go, for a mapping or a copy.
//
// The guest may change its entries at any time. So an entry's frame is read once, when the entry
// comes into use, and remembered until nobody uses it any more.
import { DOM_DEAD, Domain, domain_by_id, DOMID_XEN } from "../domains/domain";
import { alloc_frame, free_frame } from "../frames/alloc";
import { frame } from "../frames/page";
import { get_page, put_page } from "../frames/refs";
import { BAD_GNTREF, BAD_PAGE, GENERAL_ERROR, OKAY } from "./status";
import {
  grant_entries,
  grant_entry,
  grant_entry_frame,
  grant_status,
  grant_table,
  GrantTable,
  GTF_PERMIT_ACCESS,
  GTF_READING,
  GTF_READONLY,
  GTF_SUB_PAGE,
  GTF_TRANSITIVE,
  GTF_TYPE,
  GTF_WRITING,
  MAX_GRANT_FRAMES,
  RESERVED_ENTRIES,
} from "./table";

const PAGE: u32 = 4096;
/** Entries that are remembered in one frame of the hypervisor's own, taken when the first of them comes into use. */
const PER_FRAME: u32 = 256;
/** Frames that the longest table (version 1) can come to need. */
export const ACTIVE_FRAMES: u32 = MAX_GRANT_FRAMES * 2;

/** What is remembered of an entry in use. */
@unmanaged
class ActiveEntry {
  uses: u16; // of any kind
  writers: u16; // those of them that may write
  mfn: u32;
  by: u16; // the one domain that uses it
  part: u16; // 1: only a part of the frame is granted, to be copied and not mapped
  offset: u16; // the part's place in the frame, and its bytes
  length: u16;
}

// @ts-ignore: decorator
@inline function active_frame(t: GrantTable, n: u32): usize {
  return t.active + (<usize> n << 2);
}

/** The memory of entry `ref`, which must be valid; null while none of its neighbours was ever in use. */
function active_entry(t: GrantTable, ref: u32): ActiveEntry {
  const mfn = load<u32>(active_frame(t, ref / PER_FRAME));
  if (!mfn) return changetype<ActiveEntry>(0);
  return changetype<ActiveEntry>(frame(mfn) + (ref % PER_FRAME) * offsetof<ActiveEntry>());
}

/** The same, with memory for it; null when the machine has none left. */
function new_active_entry(t: GrantTable, ref: u32): ActiveEntry {
  const at = active_frame(t, ref / PER_FRAME);
  if (!load<u32>(at)) store<u32>(at, alloc_frame(DOMID_XEN));
  return active_entry(t, ref);
}

/** What the entry that was acquired last grants: a frame, and which bytes of it. */
export let granted_mfn: u32 = 0;
export let granted_offset: u32 = 0;
export let granted_length: u32 = 0;
/** Whose entry it is: for a transitive one (grant_acquire_copy) the entry it leads to. */
export let granted_by: usize = 0;
export let granted_ref: u32 = 0;

/**
 * Takes an entry into use: checks that it grants this access to `by`, shows it as read (and written)
 * where its owner can see it, and puts its frame into `granted_mfn`.
 *
 * @param owner whose table it is in
 * @param by number of the domain that wants access
 * @param write whether it wants to write
 * @param whole wants to map it: an entry of version 2 that grants a part of a frame is refused
 * @returns GNTST_ okay; bad_gntref; general_error (not granted, or not so); bad_page (no frame of the owner's)
 */
export function grant_acquire(owner: Domain, ref: u32, by: u32, write: bool, whole: bool): i32 {
  const t = grant_table(owner);
  if (ref >= grant_entries(t)) return BAD_GNTREF;
  let active = active_entry(t, ref);
  const entry = grant_entry(t, ref);
  const used = changetype<usize>(active) != 0 && active.uses != 0;
  if (used && (active.uses == 0xffff || active.by != by || (whole && active.part))) {
    return GENERAL_ERROR;
  }
  // what the entry says is looked at by its first user and its first writer only
  if (!used || (write && !active.writers)) {
    const flags = load<u16>(entry);
    if ((flags & GTF_TYPE) != GTF_PERMIT_ACCESS || load<u16>(entry, 2) != by) return GENERAL_ERROR;
    if (write && flags & GTF_READONLY) return GENERAL_ERROR;
    if (whole && grants_part(t, flags)) return GENERAL_ERROR;
  }
  if (!used) {
    const mfn = grant_entry_frame(t, ref);
    if (!get_page(mfn, owner.id)) return BAD_PAGE;
    put_page(mfn);
    active = new_active_entry(t, ref);
    if (!changetype<usize>(active)) return GENERAL_ERROR;
    active.mfn = mfn;
    active.by = <u16> by;
    const part = grants_part(t, load<u16>(entry));
    active.part = part ? 1 : 0;
    active.offset = part ? load<u16>(entry, 4) : 0;
    active.length = part ? load<u16>(entry, 6) : <u16> PAGE;
  }
  active.uses++;
  if (write) active.writers++;
  const shown = grant_status(t, ref);
  store<u16>(shown, load<u16>(shown) | <u16> (write ? GTF_READING | GTF_WRITING : GTF_READING));
  granted_mfn = active.mfn;
  granted_offset = active.offset;
  granted_length = active.length;
  granted_by = changetype<usize>(owner);
  granted_ref = ref;
  return OKAY;
}

/** Whether an entry of these flags grants a part of its frame: version 2 alone knows such ones. */
function grants_part(t: GrantTable, flags: u32): bool {
  return t.version == 2 && (flags & GTF_SUB_PAGE) != 0;
}

/**
 * grant_acquire for a copy, which a transitive entry of version 2 {flags, domid, trans_domid u16, pad,
 * gref u32} allows too: it passes on what another domain grants to its owner, one step far.
 *
 * What was taken is let go by grant_release of granted_by and granted_ref.
 */
export function grant_acquire_copy(owner: Domain, ref: u32, by: u32, write: bool): i32 {
  const t = grant_table(owner);
  if (t.version == 2 && ref < grant_entries(t)) {
    const entry = grant_entry(t, ref);
    const flags = load<u16>(entry);
    if ((flags & GTF_TYPE) == GTF_TRANSITIVE) {
      if (load<u16>(entry, 2) != by || (write && flags & GTF_READONLY)) return GENERAL_ERROR;
      const from = domain_by_id(load<u16>(entry, 4));
      if (!changetype<usize>(from) || from.state == DOM_DEAD) return GENERAL_ERROR;
      return grant_acquire(from, load<u32>(entry, 8), owner.id, write, false);
    }
  }
  return grant_acquire(owner, ref, by, write, false);
}

/** Ends one use that grant_acquire allowed. */
export function grant_release(owner: Domain, ref: u32, write: bool): void {
  const t = grant_table(owner);
  if (ref >= grant_entries(t)) return;
  const active = active_entry(t, ref);
  if (!changetype<usize>(active) || active.uses == 0) return;
  active.uses--;
  if (write) active.writers--;
  let done: u32 = 0;
  if (active.writers == 0) done |= GTF_WRITING;
  if (active.uses == 0) done |= GTF_READING;
  const shown = grant_status(t, ref);
  store<u16>(shown, load<u16>(shown) & <u16> ~done);
}

/** Whether a valid entry is in use. */
export function grant_in_use(t: GrantTable, ref: u32): bool {
  const active = active_entry(t, ref);
  return changetype<usize>(active) != 0 && active.uses != 0;
}

/** Whether any entry but the reserved ones is in use: the version of a table cannot be changed then. */
export function grants_in_use(d: Domain): bool {
  const t = grant_table(d);
  for (let n: u32 = 0; n < ACTIVE_FRAMES; n++) {
    const mfn = load<u32>(active_frame(t, n));
    if (!mfn) continue;
    for (let i: u32 = n == 0 ? RESERVED_ENTRIES : 0; i < PER_FRAME; i++) {
      if (changetype<ActiveEntry>(frame(mfn) + i * offsetof<ActiveEntry>()).uses) return true;
    }
  }
  return false;
}

/** Forgets all uses of a domain's entries, for a domain that has ended, and gives their memory back. */
export function grants_forget(d: Domain): void {
  const t = grant_table(d);
  for (let n: u32 = 0; n < ACTIVE_FRAMES; n++) {
    const mfn = load<u32>(active_frame(t, n));
    if (mfn) free_frame(mfn);
    store<u32>(active_frame(t, n), 0);
  }
}
