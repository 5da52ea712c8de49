// A domain's memory goes back, in pieces: others run between them, and may give up what they have
// mapped of it meanwhile.
//
// First the vCPUs' references go, then the pins, then the allocations. To give up a top-level table
// would be to go through all tables below it at once; so each L1 is held beforehand, and let go by itself.
import { Domain, domain_by_id, DOMID_NONE, vcpu_of } from "../domains/domain";
import { drop_table } from "../pagetables/cr3";
import { set_gdt } from "../segments/gdt";
import { drop_ldt } from "../segments/ldt";
import { free_frame } from "./alloc";
import { page, PageInfo, PG_HELD, PG_PINNED, T_L1 } from "./page";
import { put_page, put_page_and_type } from "./refs";

// Domain.going: what is being done
export const GOING_NOT: u32 = 0; // it has memory, or all of it went
const HOLD: u32 = 1;
const UNPIN: u32 = 2;
const DROP: u32 = 3;
const FREE: u32 = 4;

/** Frames to free in one step that is not to be the last for want of them. */
export const MANY: u32 = 1 << 20;

/** What letting a table go costs, in frames that are freed. */
const TABLE_COST: u32 = 64;
/** The same of a look at a frame that needs nothing, as a shift: eight of them for one. */
const LOOK_SHIFT: u32 = 3;

/** Begins to take all memory back from a domain that will not run again. */
export function relinquish_begin(d: Domain): void {
  d.going = HOLD;
  begin_at(d, d.page_list);
}

/**
 * Goes on with it. A frame that another domain still maps is nobody's then, and free when that mapping
 * goes.
 *
 * @param frames about how many to free, or as much work of another kind; at least one step is taken
 * @returns how many of them are left over; when it is not 0, all memory has gone (GOING_NOT)
 */
export function relinquish_some(d: Domain, frames: u32): u32 {
  let left = <i32> (max<u32>(frames, 1) << LOOK_SHIFT);
  while (left > 0 && d.going != GOING_NOT) {
    if (d.going == FREE) left -= free_next(d);
    else if (!d.going_at) next_pass(d);
    else left -= look(d);
  }
  return <u32> max<i32>(left, 0) >> LOOK_SHIFT;
}

/** All of it at once. */
export function relinquish(d: Domain): void {
  relinquish_begin(d);
  while (d.going != GOING_NOT) relinquish_some(d, MANY);
}

/** The frame that is next has a reference, so that it stays in the list whatever others let go. */
function begin_at(d: Domain, mfn: u32): void {
  d.going_at = mfn;
  if (mfn) page(mfn).count++;
}

function next_pass(d: Domain): void {
  d.going++;
  if (d.going == UNPIN) drop_vcpus(d);
  begin_at(d, d.going == FREE ? 0 : d.page_list);
}

/** A step of a pass that frees nothing: each frame of the list still has its allocation or another's mapping. @returns its cost */
function look(d: Domain): u32 {
  const mfn = d.going_at;
  const p = page(mfn);
  let cost: u32 = 1;
  if (d.going == HOLD) hold(p);
  else if (d.going == UNPIN && p.type & PG_PINNED) {
    p.type &= ~PG_PINNED;
    put_page_and_type(mfn);
    cost = TABLE_COST << LOOK_SHIFT;
  } else if (d.going == DROP && p.type & PG_HELD) {
    p.type &= ~PG_HELD;
    put_page_and_type(mfn);
    cost = TABLE_COST << LOOK_SHIFT;
  }
  begin_at(d, p.next);
  put_page(mfn);
  return cost;
}

function hold(p: PageInfo): void {
  if ((p.type & 0xff) != T_L1 || !p.type_count) return;
  p.type |= PG_HELD;
  p.type_count++;
  p.count++;
}

function drop_vcpus(d: Domain): void {
  for (let n: u32 = 0; n < d.max_vcpus; n++) {
    const v = vcpu_of(d, n);
    if (!changetype<usize>(v)) continue;
    drop_table(v);
    drop_ldt(v);
    set_gdt(v, v.gdt_frames, 0);
    if (v.vcpu_info_mfn) put_page_and_type(v.vcpu_info_mfn);
    v.vcpu_info_mfn = 0;
  }
}

/** Frees the first frame, or leaves it to those who still map it: the domain's number will be another's. @returns its cost */
function free_next(d: Domain): u32 {
  const xen = !d.page_list;
  const mfn = xen ? d.xen_page_list : d.page_list;
  if (!mfn) {
    d.tot_pages = 0;
    d.going = GOING_NOT;
    return 0;
  }
  const p = page(mfn);
  free_frame(mfn);
  if (mfn != (xen ? d.xen_page_list : d.page_list)) return 1 << LOOK_SHIFT;
  if (xen) d.xen_page_list = p.next;
  else d.page_list = p.next;
  if (p.next) page(p.next).prev = 0;
  p.owner = DOMID_NONE;
  p.next = 0;
  p.prev = 0;
  return 1 << LOOK_SHIFT;
}
