/**
 * The targets of a jump or call through a table in memory (`jmp [table + 4 * register]`, what compilers
 * make of a switch and of calls by number): they are read where the region is collected, so that it need
 * not be left for each of them first.
 */
import {
  C_TLB_SPREAD,
  C_TLB_TAG,
  CPU,
  JIT_EXIT_INDIRECT,
  R_ZERO,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_ENTRY_SIZE,
  TLB_READ,
} from "../../core/wasm/layout.ts";
import { PLACE_REGISTER } from "../isa/forms.ts";
import type { Region } from "./placed.ts";
import type { DecodedInstruction, RegionBlock } from "./region.ts";

/** Entries that are looked at. */
const MOST = 64;
/** A table ends where a word cannot be an address of code near the jump. */
const NEAR = 1 << 20;

/**
 * @param eip of the jump, or somewhere near it
 * @returns what stands in the table that an instruction jumps through, none if it is no such jump or the
 *   table's page is not in the TLB of the address space that runs
 */
export function tableTargets(view: DataView, i: DecodedInstruction, eip: number): number[] {
  if (i.handler === "end" || !/^(jmp|call)_indirect$/.test(i.handler.row.name)) return [];
  const { size, place } = i.handler;
  if (size !== 4 || place === PLACE_REGISTER || i.base !== R_ZERO || i.scale !== 2) return [];
  const table = i.displacement >>> 0;
  const slot = ((table >>> 12) & (TLB_ENTRIES - 1)) * TLB_ENTRY_SIZE;
  const entry = TLB + (slot ^ view.getUint32(CPU + C_TLB_SPREAD, true));
  const tag = BigInt((table & ~0xfff) >>> 0) | BigInt(view.getUint32(CPU + C_TLB_TAG, true));
  if (view.getBigUint64(entry + TLB_READ, true) !== tag) return [];
  const host = (table + view.getUint32(entry + TLB_ADDEND, true)) >>> 0;
  const count = Math.min(MOST, (4096 - (table & 0xfff)) >> 2);
  const targets: number[] = [];
  for (let n = 0; n < count; n++) {
    const target = view.getUint32(host + 4 * n, true);
    if (Math.abs(target - eip) > NEAR) break;
    targets.push(target);
  }
  return targets;
}

/**
 * Takes in what stands in the tables that a region's blocks jump through.
 *
 * @returns whether there was something new
 */
export function learnTables(
  view: DataView,
  { eip, learned }: Region,
  blocks: RegionBlock[],
): boolean {
  const before = learned.size;
  for (const i of blocks.flatMap((b) => b.instructions)) {
    for (const target of tableTargets(view, i, eip)) {
      const offset = target - eip | 0;
      if (!learned.has(offset)) learned.set(offset, JIT_EXIT_INDIRECT);
    }
  }
  return learned.size > before;
}
