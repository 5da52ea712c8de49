// Touching a guest's memory as one of its instructions would, without one: for tests and fuzzers.
import { clear_fault, cpl, update_mode } from "../cpu/state";
import { C_CPL, C_TLB_TAG, CPU, TLB_ADDEND, TLB_READ, TLB_WRITE } from "../layout";
import { read_descriptor } from "../segments/descriptor";
import { cpu_commit } from "./commit";
import { tlb_entry } from "./tlb";
import { READ, tlb_fill } from "./walk";

/**
 * One access of the running vCPU at a given privilege.
 *
 * @param access 0 read, 1 write, 3 read then write
 * @returns as tlb_fill: host address, CPU + SPLIT, or 0 after a page fault was noted
 */
export function probe_access(address: u64, size: u32, access: u32, at_cpl: u32): usize {
  const before = cpl();
  store<u32>(CPU + C_CPL, at_cpl);
  update_mode();
  const host = access_memory(address, size, access);
  store<u32>(CPU + C_CPL, before);
  update_mode();
  return host;
}

/** The TLB's answer if it has one, else tlb_fill's: what the interpreter does inline. */
function access_memory(address: u64, size: u32, access: u32): usize {
  const e = tlb_entry(address);
  const tag = ((address + size - 1) & ~0xfff) | load<u32>(CPU + C_TLB_TAG);
  if (load<u64>(e + (access == READ ? TLB_READ : TLB_WRITE)) == tag) {
    return <usize> (<u32> address + load<u32>(e + TLB_ADDEND));
  }
  return tlb_fill(address, size, access);
}

/** Ends a write whose bytes were put into SPLIT; false after a page fault was noted. */
export function probe_commit(): bool {
  return cpu_commit();
}

/** Looks a selector up as a segment load does, which takes LDT pages into use; false if there is none. */
export function probe_descriptor(selector: u32): bool {
  const found = read_descriptor(selector);
  clear_fault();
  return found;
}
