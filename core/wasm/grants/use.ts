// Taking a grant entry into use and letting it go, for a mapping or a copy.
//
// The guest may change its entries at any time. So an entry's frame is read once, when the entry
// comes into use, and remembered until nobody uses it any more.
import { Domain, heap_alloc } from "../domains/domain";
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
  GTF_TYPE,
  GTF_WRITING,
} from "./table";

/** Entries a frame can hold (version 1; version 2 has half as many). */
const PER_FRAME: u32 = 512;

/** What is remembered of an entry in use. */
@unmanaged
class ActiveEntry {
  uses: u16; // of any kind
  writers: u16; // those of them that may write
  mfn: u32;
  by: u32; // the one domain that uses it
}

/** The memory of entry `ref`, which must be valid; null when the core's heap is used up. */
function active_entry(t: GrantTable, ref: u32): ActiveEntry {
  const at = t.active + (ref / PER_FRAME) * sizeof<usize>();
  if (!load<usize>(at)) store<usize>(at, heap_alloc(PER_FRAME * offsetof<ActiveEntry>()));
  const base = load<usize>(at);
  return changetype<ActiveEntry>(base ? base + (ref % PER_FRAME) * offsetof<ActiveEntry>() : 0);
}

/** Frame of the entry that grant_acquire took last. */
export let granted_mfn: u32 = 0;

/**
 * Takes an entry into use: checks that it grants this access to `by`, shows it as read (and written)
 * where its owner can see it, and puts its frame into `granted_mfn`.
 *
 * @param owner whose table it is in
 * @param by number of the domain that wants access
 * @param write whether it wants to write
 * @returns GNTST_ okay; bad_gntref; general_error (not granted, or not so); bad_page (no frame of the owner's)
 */
export function grant_acquire(owner: Domain, ref: u32, by: u32, write: bool): i32 {
  const t = grant_table(owner);
  if (ref >= grant_entries(t)) return BAD_GNTREF;
  const active = active_entry(t, ref);
  const entry = grant_entry(t, ref);
  if (!changetype<usize>(active) || active.uses == 0xffff) return GENERAL_ERROR;
  if (active.uses && active.by != by) return GENERAL_ERROR;
  // what the entry says is looked at by its first user and its first writer only
  if (!active.uses || (write && !active.writers)) {
    const flags = load<u16>(entry);
    if ((flags & GTF_TYPE) != GTF_PERMIT_ACCESS || load<u16>(entry, 2) != by) return GENERAL_ERROR;
    if (write && flags & GTF_READONLY) return GENERAL_ERROR;
  }
  if (active.uses == 0) {
    const mfn = grant_entry_frame(t, ref);
    if (!get_page(mfn, owner.id)) return BAD_PAGE;
    put_page(mfn);
    active.mfn = mfn;
    active.by = by;
  }
  active.uses++;
  if (write) active.writers++;
  const shown = grant_status(t, ref);
  store<u16>(shown, load<u16>(shown) | <u16> (write ? GTF_READING | GTF_WRITING : GTF_READING));
  granted_mfn = active.mfn;
  return OKAY;
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

/** Whether any entry is in use: the version of a table cannot be changed then. */
export function grants_in_use(d: Domain): bool {
  const t = grant_table(d);
  for (let n: u32 = 0; n < t.frames; n++) {
    const base = load<usize>(t.active + n * sizeof<usize>());
    if (!base) continue;
    for (let i: u32 = 0; i < PER_FRAME; i++) {
      if (changetype<ActiveEntry>(base + i * offsetof<ActiveEntry>()).uses) return true;
    }
  }
  return false;
}

/** Forgets all uses of a domain's entries, for a domain that has ended. */
export function grants_forget(d: Domain): void {
  const t = grant_table(d);
  for (let n: u32 = 0; n < t.frames; n++) {
    const base = load<usize>(t.active + n * sizeof<usize>());
    if (base) memory.fill(base, 0, PER_FRAME * offsetof<ActiveEntry>());
  }
}
