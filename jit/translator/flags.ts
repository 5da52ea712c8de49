/** Which flags matter where a block begins. */
import { PLACE_REGISTER } from "../isa/forms.ts";
import type { RegionBlock } from "./region.ts";

const ALL = 63;
const answers = new WeakMap<RegionBlock, boolean>();

/**
 * True if a block writes all six arithmetic flags before anything in it reads one or may leave it:
 * what they are on the way to the block is then of no interest.
 */
export function flagsDeadIn(blocks: RegionBlock[], block: number): boolean {
  const b = blocks[block];
  const known = answers.get(b);
  if (known !== undefined) return known;
  answers.set(b, false);
  const dead = overwritten(blocks, b);
  answers.set(b, dead);
  return dead;
}

function overwritten(blocks: RegionBlock[], block: RegionBlock): boolean {
  let live = ALL;
  for (const { handler } of block.instructions) {
    if (handler === "end") return false;
    const { row, place, noFlags } = handler;
    const leaves = row.ends || row.slow || row.mayFault || row.implicitMemory ||
      place !== PLACE_REGISTER || /^(j|loop|call|ret)/.test(row.name);
    if (leaves || row.reads & live) return false;
    if (!noFlags) live &= ~row.writes;
    if (!live) return true;
  }
  return block.next >= 0 && flagsDeadIn(blocks, block.next);
}
