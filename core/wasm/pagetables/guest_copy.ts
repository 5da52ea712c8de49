// Guest memory as hypercalls and trap delivery touch it: through the running vCPU's page tables and
// with their permissions.
//
// Two kinds. copy_from_guest and copy_to_guest serve hypercall arguments: supervisor's rights, the
// hypervisor's range refused, and a plain -EFAULT, never a fault of the guest's. guest_read_linear
// and guest_write_linear do what an instruction would: they note a page fault, and write all or
// nothing. Rules: shared/pv-abi.md §3.2.
import { EFAULT } from "../errno";
import { frame_written } from "../cpu/code";
import { breakpoints_armed, page_fault } from "../cpu/state";
import { C_TLB_TAG, CPU, TLB_ADDEND, TLB_READ, TLB_WRITE } from "../layout";
import { page } from "../frames/page";
import { debug_data_access } from "../traps/debug_registers";
import { HOLE32 } from "./pte";
import { tlb_entry } from "./tlb";
import { READ, translate, walk_error, walk_mfn, WRITE } from "./walk";

/** Host address for n bytes within one page, from the TLB or a walk; 0 with walk_error set. */
// @ts-ignore: decorator
@inline

function host_address(address: u64, n: u32, access: u32, user: bool): usize {
  const e = tlb_entry(address);
  const tag = (address & ~0xfff) | (load<u32>(CPU + C_TLB_TAG) & ~1) | (user ? 1 : 0);
  if (load<u64>(e + (access == WRITE ? TLB_WRITE : TLB_READ)) == tag) {
    return <usize> (<u32> address + load<u32>(e + TLB_ADDEND));
  }
  const host = translate(address, access, user);
  if (host && access == WRITE && page(walk_mfn).code) {
    frame_written(walk_mfn, <u32> address & 0xfff, n);
  }
  return host;
}

/** True if [address, address + n) is the guest's to give: below the hypervisor's hole. */
// @ts-ignore: decorator
@inline export function access_ok(address: u64, n: u32): bool {
  return address < HOLE32 && address + n <= HOLE32;
}

// @ts-ignore: decorator
@inline

function piece(address: u64, n: u32): u32 {
  const room: u32 = 4096 - (<u32> address & 0xfff);
  return n < room ? n : room;
}

// @ts-ignore: decorator
@inline

function copy_bytes(to: usize, from: usize, n: u32): void {
  // a few words by hand: what V8 makes of memory.copy is a call of C
  if (n & 3 || n > 64) {
    memory.copy(to, from, n);
    return;
  }
  for (const end = to + n; to != end; to += 4, from += 4) store<u32>(to, load<u32>(from));
}

/**
 * Copies guest memory to the hypervisor's.
 *
 * @param to host address
 * @param from linear address
 * @param n bytes
 * @returns 0, or -EFAULT if any byte cannot be read (those before it are copied)
 */
export function copy_from_guest(to: usize, from: u64, n: u32): i32 {
  if (!access_ok(from, n)) return -EFAULT;
  while (n) {
    const part = piece(from, n);
    const host = host_address(from, part, READ, false);
    if (!host) return -EFAULT;
    copy_bytes(to, host, part);
    to += part;
    from += part;
    n -= part;
  }
  return 0;
}

/** Copies to guest memory, as copy_from_guest. */
export function copy_to_guest(to: u64, from: usize, n: u32): i32 {
  if (!access_ok(to, n)) return -EFAULT;
  while (n) {
    const part = piece(to, n);
    const host = host_address(to, part, WRITE, false);
    if (!host) return -EFAULT;
    copy_bytes(host, from, part);
    from += part;
    to += part;
    n -= part;
  }
  return 0;
}

/**
 * Reads as an instruction would.
 *
 * @param user with the rights of CPL 3, else of ring 1
 * @returns false after a page fault was noted
 */
export function guest_read_linear(to: usize, from: u64, n: u32, user: bool): bool {
  if (breakpoints_armed) debug_data_access(<u32> from, n, false);
  while (n) {
    const part = piece(from, n);
    const host = host_address(from, part, READ, user);
    if (!host) return page_fault(from, walk_error);
    copy_bytes(to, host, part);
    to += part;
    from = (from + part) & 0xffffffff;
    n -= part;
  }
  return true;
}

/**
 * Host address for a hypervisor's write of bytes within one page, if the TLB has the page so; else 0,
 * with nothing done.
 */
// @ts-ignore: decorator
@inline export function write_hit(to: u32, n: u32): usize {
  if (breakpoints_armed || (to & 0xfff) + n > 4096) return 0;
  const e = tlb_entry(to);
  if (load<u64>(e + TLB_WRITE) != <u64> ((to & ~0xfff) | (load<u32>(CPU + C_TLB_TAG) & ~1))) return 0;
  return <usize> (to + load<u32>(e + TLB_ADDEND));
}

/** Asks whether a write would fault, without making it. Returns false after a page fault was noted. */
export function guest_probe_write(to: u64, n: u32, user: bool): bool {
  while (n) {
    const part = piece(to, n);
    if (!host_address(to, 0, WRITE, user)) return page_fault(to, walk_error);
    to = (to + part) & 0xffffffff;
    n -= part;
  }
  return true;
}

/** Writes as an instruction would, all or nothing. Returns false after a page fault was noted. */
export function guest_write_linear(to: u64, from: usize, n: u32, user: bool): bool {
  if (breakpoints_armed) debug_data_access(<u32> to, n, true);
  if ((<u32> to & 0xfff) + n > 4096 && !guest_probe_write(to, n, user)) return false;
  while (n) {
    const part = piece(to, n);
    const host = host_address(to, part, WRITE, user);
    if (!host) return page_fault(to, walk_error);
    copy_bytes(host, from, part);
    from += part;
    to = (to + part) & 0xffffffff;
    n -= part;
  }
  return true;
}
