// Touching a guest's memory as one of its instructions would, without one: for tests and fuzzers.
import { cpl, update_mode } from "../cpu/state";
import { C_CPL, CPU } from "../layout";
import { cpu_commit } from "./commit";
import { tlb_fill } from "./walk";

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
  const host = tlb_fill(address, size, access);
  store<u32>(CPU + C_CPL, before);
  update_mode();
  return host;
}

/** Ends a write whose bytes were put into SPLIT; false after a page fault was noted. */
export function probe_commit(): bool {
  return cpu_commit();
}
