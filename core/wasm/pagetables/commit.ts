// The second half of a write that could not go straight to memory: over a page's end, or into a
// page table whose stores are emulated.
import { frame_written } from "../cpu/code";
import { C_SPLIT_ADDRESS, C_SPLIT_KIND, C_SPLIT_SIZE, CPU, MACHINE, SPLIT } from "../layout";
import { commit_store } from "./writable";

// C_SPLIT_KIND
export const SPLIT_CROSSING: u32 = 1;
export const SPLIT_TABLE: u32 = 2;

let first: usize = 0;
let second: usize = 0;

/** Host addresses where the bytes before and after the page's end go. */
export function split_first(host: usize): void {
  first = host;
}
export function split_second(host: usize): void {
  second = host;
}

/**
 * Carries out the write whose bytes now lie in SPLIT.
 *
 * @returns false if an emulated page-table store was refused: the page fault is noted
 */
export function cpu_commit(): bool {
  if (load<u32>(CPU + C_SPLIT_KIND) == SPLIT_TABLE) return commit_store();
  const n: u32 = 4096 - (load<u32>(CPU + C_SPLIT_ADDRESS) & 0xfff);
  const rest = load<u32>(CPU + C_SPLIT_SIZE) - n;
  memory.copy(first, CPU + SPLIT, n);
  memory.copy(second, CPU + SPLIT + n, rest);
  frame_written(<u32> ((first - MACHINE) >> 12), <u32> first & 0xfff, n);
  frame_written(<u32> ((second - MACHINE) >> 12), <u32> second & 0xfff, rest);
  return true;
}
