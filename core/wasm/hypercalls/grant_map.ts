// GNTTABOP_map_grant_ref and unmap_grant_ref: another domain's frame in the caller's page tables.
//
// A mapping is a present L1 entry like any other, with the references such an entry stands for; the
// difference is that the frame's owner allowed it. Rules: xen/common/grant_table.c,
// xen/arch/x86/pv/grant_table.c; shared/pv-abi.md §11.4, §16.
import { current, current_domain, Domain, domain_by_id, DOM_DEAD } from "../domains/domain";
import { MACHINE } from "../layout";
import { frame, mfn_valid, page, PG_GRANTED, T_L1 } from "../frames/page";
import { maptrack_at, maptrack_owner, maptrack_take, Track } from "../grants/maptrack";
import {
  BAD_DOMAIN,
  BAD_GNTREF,
  BAD_HANDLE,
  GENERAL_ERROR,
  NO_DEVICE_SPACE,
  OKAY,
  PERMISSION_DENIED,
} from "../grants/status";
import { grant_acquire, grant_release, granted_mfn } from "../grants/use";
import { tables_changed } from "../pagetables/address_space";
import { A, D, entry_mfn, entry_write, NX, P, RW, US } from "../pagetables/pte";
import { drop_l1_target, take_l1_target } from "../pagetables/targets";
import { tlb_flush_current } from "../pagetables/tlb";
import { find_leaf, LEVELS_PAE } from "../pagetables/walk";

// GNTMAP_*
const DEVICE_MAP: u32 = 1;
const HOST_MAP: u32 = 2;
const READONLY: u32 = 4;
const APPLICATION_MAP: u32 = 8;
const CONTAINS_PTE: u32 = 16;

const HOLE: u64 = 0xf5800000;

/**
 * Host address of the L1 entry that a mapping goes into, 0 if there is none of this domain's.
 *
 * @param address of the entry itself in machine memory (contains_pte), or the linear address it maps
 */
function find_entry(address: u64, flags: u32): usize {
  let at: usize = 0;
  if (flags & CONTAINS_PTE) {
    if (address & 7 || !mfn_valid(address >> 12)) return 0;
    at = frame(<u32> (address >> 12)) + (<usize> address & 0xfff);
  } else if (address < HOLE) at = find_leaf(current.cr3_mfn, LEVELS_PAE, address);
  if (!at) return 0;
  const p = page(<u32> ((at - MACHINE) >> 12));
  const is_l1 = (p.type & 0xff) == T_L1 && p.type_count != 0 && p.owner == current_domain.id;
  return is_l1 ? at : 0;
}

/** Puts a new value into an entry whose references are already taken, and drops what it named before. */
function replace(at: usize, value: u64): void {
  const old = load<u64>(at);
  entry_write(at, value);
  drop_l1_target(old, current_domain);
  tables_changed(current_domain);
  tlb_flush_current();
}

/** Writes the mapping of a frame of `owner`. @returns okay or general_error */
function map_frame(owner: Domain, mfn: u32, address: u64, flags: u32): i32 {
  const at = find_entry(address, flags);
  if (!at) return GENERAL_ERROR;
  let value = (<u64> mfn << 12) | P | A | D | NX;
  if (!(flags & READONLY)) value |= RW;
  if (flags & APPLICATION_MAP) value |= US;
  if (take_l1_target(value, owner.id)) return GENERAL_ERROR;
  if (owner.id != current_domain.id) page(mfn).type |= PG_GRANTED;
  replace(at, value);
  return OKAY;
}

/**
 * One struct gnttab_map_grant_ref {host_addr u64, flags u32, ref u32, dom u16, status s16, handle u32,
 * dev_bus_addr u64}; handle and bus address are filled in.
 *
 * @returns its GNTST_ status: bad_gntref also for flags that ask for no mapping; bad_domain
 *   (DOMID_SELF is one, a domain's own number is not); permission_denied for domain 0
 */
export function grant_map(op: usize): i32 {
  const flags = load<u32>(op, 8);
  const ref = load<u32>(op, 12);
  const domid = <u32> load<u16>(op, 16);
  if (!(flags & (DEVICE_MAP | HOST_MAP))) return BAD_GNTREF;
  if (domid == 0) return PERMISSION_DENIED;
  const owner = domain_by_id(domid);
  if (!changetype<usize>(owner) || owner.state == DOM_DEAD) return BAD_DOMAIN;
  const handle = maptrack_take(current_domain);
  if (handle < 0) return NO_DEVICE_SPACE;
  const write = !(flags & READONLY);
  let status = grant_acquire(owner, ref, current_domain.id, write, true);
  if (status) return status;
  const mfn = granted_mfn;
  if (flags & HOST_MAP) status = map_frame(owner, mfn, load<u64>(op), flags);
  if (status) {
    grant_release(owner, ref, write);
    return status;
  }
  const t = maptrack_at(current_domain, handle);
  t.flags = flags;
  t.ref = ref;
  t.domid = domid;
  t.serial = owner.serial;
  t.mfn = mfn;
  store<u32>(op, handle, 20);
  store<u64>(op, <u64> mfn << 12, 24);
  return OKAY;
}

/** The entry at `address`, if the mapping is still what is there; else 0. */
function find_mapping(t: Track, address: u64): usize {
  const at = find_entry(address, t.flags);
  if (!at) return 0;
  const e = load<u64>(at);
  const rights: u64 = t.flags & READONLY ? P : P | RW;
  return entry_mfn(e) == t.mfn && (e & (P | RW)) == rights ? at : 0;
}

/** Ends the uses that a handle stands for, when neither kind of mapping is left. */
function end_if_unused(t: Track): i32 {
  if (t.flags & (HOST_MAP | DEVICE_MAP)) return OKAY;
  const write = !(t.flags & READONLY);
  t.flags = 0;
  const owner = maptrack_owner(t);
  if (changetype<usize>(owner)) grant_release(owner, t.ref, write);
  return OKAY;
}

/**
 * One struct gnttab_unmap_grant_ref {host_addr u64, dev_bus_addr u64, handle u32, status s16}.
 *
 * @returns its GNTST_ status: bad_handle; general_error where the mapping is not found
 */
export function grant_unmap(op: usize): i32 {
  const address = load<u64>(op);
  const bus = load<u64>(op, 8);
  const t = maptrack_at(current_domain, load<u32>(op, 16));
  if (!changetype<usize>(t) || !t.flags) return BAD_HANDLE;
  if (bus && bus != <u64> t.mfn << 12) return GENERAL_ERROR;
  if (address && t.flags & HOST_MAP) {
    const at = find_mapping(t, address);
    if (!at) return GENERAL_ERROR;
    replace(at, 0);
    t.flags &= ~HOST_MAP;
  }
  if (bus) t.flags &= ~DEVICE_MAP;
  return end_if_unused(t);
}

/**
 * One struct gnttab_unmap_and_replace {host_addr u64, new_addr u64, handle u32, status s16}: what is
 * mapped at new_addr moves to where the mapping was, and nothing is left at new_addr.
 *
 * @returns its GNTST_ status: bad_handle; general_error where either entry is not found, or for a
 *   mapping that was made by its entry's own address
 */
export function grant_unmap_and_replace(op: usize): i32 {
  const address = load<u64>(op);
  const from = load<u64>(op, 8);
  const t = maptrack_at(current_domain, load<u32>(op, 16));
  if (!changetype<usize>(t) || !t.flags) return BAD_HANDLE;
  if (!address || !(t.flags & HOST_MAP)) return OKAY;
  if (t.flags & CONTAINS_PTE) return GENERAL_ERROR;
  const at = find_mapping(t, address);
  const other = find_entry(from, 0);
  if (!at || !other || at == other) return GENERAL_ERROR;
  const moved = load<u64>(other);
  entry_write(other, 0);
  replace(at, moved); // its reference moves with it
  t.flags &= ~HOST_MAP;
  return end_if_unused(t);
}

/** Gives up every mapping of a domain that ends. Its page tables drop their own references. */
export function grant_unmap_all(d: Domain): void {
  for (let handle: u32 = 0; ; handle++) {
    const t = maptrack_at(d, handle);
    if (!changetype<usize>(t)) return;
    if (!t.flags) continue;
    const write = !(t.flags & READONLY);
    t.flags = 0;
    const owner = maptrack_owner(t);
    if (changetype<usize>(owner)) grant_release(owner, t.ref, write);
  }
}
