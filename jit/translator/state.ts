/** The locals that hold a region's processor state, and what all its instructions share. */
import type { Emitter } from "../semantics/emitter.ts";
import { Groups } from "./groups.ts";
import { Slots, type Variable } from "./micro.ts";
import type { RegionBlock } from "./region.ts";
import { Runs } from "./runs.ts";
import type { Way } from "./structure.ts";

/** General registers. */
export const REGISTERS = 8;

/** The locals that all instructions of a region share. */
export interface RegionState {
  registers: Variable[];
  result: Variable;
  aux: Variable;
  /** Non-zero: the flags are not in these two words, but what cpu_flags_from makes of three others. */
  from: Variable;
  fromA: Variable;
  fromB: Variable;
  budget: Variable;
  /** EIP of the region's first block. */
  origin: Variable;
  /** Where the exit at hand leads: an EIP, the record it leaves from, the handler to go on with. */
  target: Variable;
  record: Variable;
  handler: Variable;
  /** Number of the block that the dispatcher goes to. */
  next: Variable;
  slots: Slots;
  groups: Groups;
  runs: Runs;
  /** How deep in blocks the statements of a region's block stand; deeper ones are conditional. */
  depth: number;
  blocks: RegionBlock[];
  /** How to get from a block to another. */
  way(from: number, to: number): Way;
  /** Registers that some instruction touches, and those that one writes. */
  used: Set<number>;
  dirty: Set<number>;
  /** Whether blocks are counted. */
  profile: boolean;
}

/** Makes the shared locals. */
export function regionState(
  x: Emitter,
  blocks: RegionBlock[],
  way: RegionState["way"],
  profile = false,
): RegionState {
  const i32 = () => x.variable("i32");
  return {
    registers: Array.from({ length: REGISTERS }, i32),
    result: x.variable("i64"),
    aux: i32(),
    from: i32(),
    fromA: i32(),
    fromB: i32(),
    budget: i32(),
    origin: i32(),
    target: i32(),
    record: i32(),
    handler: i32(),
    next: i32(),
    slots: new Slots(blocks),
    groups: new Groups(),
    runs: new Runs(i32()),
    depth: 0,
    blocks,
    way,
    used: new Set(),
    dirty: new Set(),
    profile,
  };
}
