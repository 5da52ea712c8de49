// audit: counts every reference to every frame of a domain anew, from the tables, vCPUs and
// allocations themselves, and compares with page_info; and looks for a way to write to a table.
//
// For tests and fuzzers, after each step. Nothing here trusts a count.
import { DOM_DEAD, Domain, domain_by_id, DOMID_NONE, heap_alloc, MAX_DOMAINS, vcpu_of } from "../domains/domain";
import {
  MACHINE,
  MAILBOX,
  MAX_FRAMES,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_NEVER,
  TLB_READ,
  TLB_WRITE,
} from "../layout";
import { fifo_control_mfn, fifo_page, uses_fifo } from "../events/fifo";
import { event_state } from "../events/ports";
import { m2p_is_block } from "../frames/m2p";
import { host_held, host_held_frame } from "../host_frames";
import {
  frame,
  machine_frames,
  page,
  PG_ALLOCATED,
  PG_GRANTED,
  PG_PINNED,
  PG_VALIDATED,
  PG_XEN_HEAP,
  T_L1,
  T_L2,
  T_L3,
  T_L4,
  T_SEG_DESC,
  T_WRITABLE,
} from "../frames/page";
import { tag_reachable } from "./address_space";
import {
  entry_mfn,
  FIRST_XEN_SLOT,
  L1_FORBIDDEN,
  L2_FORBIDDEN,
  P,
  PAE_L3_FORBIDDEN,
  RW,
  US,
} from "./pte";
import { guest_slots } from "./validate";
import { xen_entry } from "./xen_entries";

// What a finding says (first word of its entry).
export const AUDIT_COUNT: u32 = 1; // general references: expected, found
export const AUDIT_TYPE_COUNT: u32 = 2; // type references: expected, found
export const AUDIT_ENTRY: u32 = 3; // a table's entry is not one its level may have: index
export const AUDIT_WRITABLE: u32 = 4; // a writable entry names what must not be written: index, target
export const AUDIT_TLB: u32 = 5; // a TLB entry allows a write it must not: its index, tag
export const AUDIT_TOTAL: u32 = 6; // tot_pages: expected, found
export const AUDIT_LINEAR: u32 = 7; // linear use counts: expected, found
export const AUDIT_TYPE: u32 = 8; // a reference of one type to a frame of another: expected, found
export const AUDIT_OWNER: u32 = 9; // a TLB entry or table entry reaches a frame that is not the domain's

const FINDING_SIZE: usize = 16; // what, mfn, a, b
const MOST: u32 = 1000;

let findings: u32 = 0;
let expected: usize = 0; // general count, type count, linear: 12 bytes a frame
let room: u32 = 0;

function report(what: u32, mfn: u32, a: u32, b: u32): void {
  if (findings < MOST) {
    const at = MAILBOX + <usize> findings * FINDING_SIZE;
    store<u32>(at, what);
    store<u32>(at, mfn, 4);
    store<u32>(at, a, 8);
    store<u32>(at, b, 12);
  }
  findings++;
}

// @ts-ignore: decorator
@inline

function slot(mfn: u32): usize {
  return expected + <usize> mfn * 12;
}

/** Expects one general reference, and one as `type` unless that is 0. */
function refer(mfn: u32, type: u32): void {
  const at = slot(mfn);
  store<u32>(at, load<u32>(at) + 1);
  if (!type) return;
  store<u32>(at, load<u32>(at, 4) + 1, 4);
  const found = page(mfn).type & 0xff;
  if (found != type) report(AUDIT_TYPE, mfn, type, found);
}

/**
 * Recounts a domain's frames.
 *
 * @returns number of findings, 0 if all is well. The first of them are in the mailbox, 16 bytes each:
 *   AUDIT_*, mfn, and two words that AUDIT_* explains.
 */
export function audit(domid: u32): u32 {
  const d = domain_by_id(domid);
  findings = 0;
  if (!changetype<usize>(d)) return 0;
  if (room < machine_frames) {
    // doubled, because what it had is lost: a machine that grows and grows must not eat the heap
    const wanted = min<u32>(max<u32>(machine_frames, 2 * room), MAX_FRAMES);
    expected = heap_alloc(<usize> wanted * 12);
    room = expected ? wanted : 0;
  }
  if (!expected) return 1;
  memory.fill(expected, 0, <usize> machine_frames * 12);
  // the tables of all domains count: a granted frame has references from another's
  let total: u32 = 0;
  for (let mfn: u32 = 1; mfn < machine_frames; mfn++) {
    const p = page(mfn);
    if (!p.count || p.owner >= MAX_DOMAINS) continue;
    if (p.owner == domid && !(p.type & PG_XEN_HEAP)) total++;
    if (p.type & PG_ALLOCATED) refer(mfn, p.type & PG_XEN_HEAP ? T_WRITABLE : 0);
    if (p.type & PG_PINNED) refer(mfn, p.type & 0xff);
    const t = p.type & 0xff;
    if (t >= T_L1 && t <= T_L4 && p.type_count) walk_table(mfn, t);
  }
  if (total != d.tot_pages) report(AUDIT_TOTAL, 0, total, d.tot_pages);
  for (let id: u32 = 1; id < MAX_DOMAINS; id++) {
    const other = domain_by_id(id);
    if (changetype<usize>(other) && other.state != DOM_DEAD) refer_vcpus(other);
  }
  for (let n: u32 = 0; n < host_held; n++) refer(host_held_frame(n), T_WRITABLE);
  compare(domid);
  check_tlb(d);
  return findings;
}

/** True if a domain may have a mapping of a frame. */
function reachable(mfn: u32, domid: u32): bool {
  const p = page(mfn);
  return p.count != 0 && (p.owner == domid || (p.type & PG_GRANTED) != 0);
}

function refer_vcpus(d: Domain): void {
  for (let n: u32 = 0; n < d.max_vcpus; n++) {
    const v = vcpu_of(d, n);
    if (!changetype<usize>(v)) continue;
    if (v.cr3_mfn) refer(v.cr3_mfn, T_L3);
    for (let i: usize = 0; i < 14; i++) {
      const mfn = load<u32>(v.gdt_frames + (i << 2));
      if (mfn) refer(mfn, T_SEG_DESC);
    }
    for (let i: usize = 0; i < 16; i++) {
      const mfn = load<u32>(v.ldt_frames + (i << 2));
      if (mfn) refer(mfn, T_SEG_DESC);
    }
    if (v.vcpu_info_mfn) refer(v.vcpu_info_mfn, T_WRITABLE);
  }
  if (d.pirq_eoi_mfn) refer(d.pirq_eoi_mfn, T_WRITABLE);
  if (uses_fifo(d)) refer_fifo(d);
}

function refer_fifo(d: Domain): void {
  for (let n: u32 = 0; n < d.max_vcpus; n++) {
    const mfn = fifo_control_mfn(d, n);
    if (mfn) refer(mfn, T_WRITABLE);
  }
  const pages = event_state(d).fifo_pages;
  for (let n: u32 = 0; n < pages; n++) refer(fifo_page(d, n), T_WRITABLE);
}

function walk_table(mfn: u32, level: u32): void {
  const type = page(mfn).type;
  const owner = page(mfn).owner;
  if (!(type & PG_VALIDATED)) report(AUDIT_ENTRY, mfn, 0xffffffff, type);
  const slots: u32 = level == T_L3 ? 4 : level == T_L2 ? guest_slots(type) : 512;
  const forbidden = level == T_L1 ? L1_FORBIDDEN : level == T_L2 ? L2_FORBIDDEN : PAE_L3_FORBIDDEN;
  for (let i: u32 = 0; i < slots; i++) {
    const e = load<u64>(frame(mfn) + (<usize> i << 3));
    if (!(e & P)) {
      if (level == T_L3 && i == 3) report(AUDIT_ENTRY, mfn, i, 0);
      continue;
    }
    if (e & forbidden) report(AUDIT_ENTRY, mfn, i, <u32> e & 0xfff);
    if (entry_mfn(e) >= machine_frames) {
      report(AUDIT_OWNER, mfn, i, <u32> entry_mfn(e));
      continue;
    }
    const target = <u32> entry_mfn(e);
    const p = page(target);
    if (level == T_L1 ? !reachable(target, owner) : !p.count || p.owner != owner) {
      report(AUDIT_OWNER, mfn, i, target);
    }
    if (level == T_L1) {
      refer(target, e & RW ? T_WRITABLE : 0);
      if (e & RW && (p.type & 0xff) != T_WRITABLE) report(AUDIT_WRITABLE, mfn, i, target);
    } else if (level == T_L2) {
      if ((p.type & 0xff) == T_L2) refer_linear(mfn, target, e);
      else refer(target, T_L1);
    } else {
      refer(target, T_L2);
      if ((e & (US | RW)) != (US | RW)) report(AUDIT_ENTRY, mfn, i, <u32> e & 0xfff);
      if (i == 3) check_xen_entries(target);
    }
  }
  if (level == T_L3) {
    for (let i: u32 = 4; i < 512; i++) {
      if (load<u64>(frame(mfn) + (<usize> i << 3))) report(AUDIT_ENTRY, mfn, i, 0);
    }
  }
}

function refer_linear(mfn: u32, target: u32, e: u64): void {
  if (e & RW) report(AUDIT_WRITABLE, mfn, 0, target);
  if (mfn == target) return;
  refer(target, T_L2);
  const mine = slot(mfn);
  store<i32>(mine, load<i32>(mine, 8) + 1, 8);
  const its = slot(target);
  store<i32>(its, load<i32>(its, 8) - 1, 8);
}

function check_xen_entries(l2: u32): void {
  for (let n: u32 = 0; n < 512 - FIRST_XEN_SLOT; n++) {
    const e = load<u64>(frame(l2) + (<usize> (FIRST_XEN_SLOT + n) << 3));
    if (e != xen_entry(n)) report(AUDIT_ENTRY, l2, FIRST_XEN_SLOT + n, <u32> e & 0xfff);
  }
}

function compare(domid: u32): void {
  for (let mfn: u32 = 1; mfn < machine_frames; mfn++) {
    const p = page(mfn);
    const at = slot(mfn);
    // what a dead domain left mapped is nobody's, but counted all the same
    if (!p.count || (p.owner != domid && p.owner != DOMID_NONE)) {
      if (load<u32>(at) && !p.count) report(AUDIT_OWNER, mfn, load<u32>(at), p.owner);
      continue;
    }
    if (p.count != load<u32>(at)) report(AUDIT_COUNT, mfn, load<u32>(at), p.count);
    if (p.type_count != load<u32>(at, 4)) {
      report(AUDIT_TYPE_COUNT, mfn, load<u32>(at, 4), p.type_count);
    }
    if (p.linear != load<u32>(at, 8)) report(AUDIT_LINEAR, mfn, load<u32>(at, 8), p.linear);
  }
}

/** No reachable TLB entry may write to a table or descriptor page, or reach a frame that is not the domain's. */
function check_tlb(d: Domain): void {
  for (let i: u32 = 0; i < <u32> TLB_ENTRIES; i++) {
    const e = TLB + <usize> i * TLB_ENTRY_SIZE;
    const read = load<u64>(e + TLB_READ);
    const write = load<u64>(e + TLB_WRITE);
    const tag = read != TLB_NEVER ? read : write;
    if (tag == TLB_NEVER || !tag_reachable(<u32> tag & 0xfff, d)) continue;
    const host = <u32> (tag & ~0xfff) + load<u32>(e + TLB_ADDEND);
    const mfn = (host - MACHINE) >> 12;
    const p = page(mfn);
    if (write != TLB_NEVER) {
      if ((p.type & 0xff) != T_WRITABLE && p.type_count) report(AUDIT_TLB, mfn, i, <u32> write);
      if (!reachable(mfn, d.id)) report(AUDIT_OWNER, mfn, i, <u32> write);
    } else if (!m2p_is_block(mfn) && !reachable(mfn, d.id)) {
      report(AUDIT_OWNER, mfn, i, <u32> read);
    }
  }
}
