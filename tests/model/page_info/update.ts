/** One checked change of an entry of a table in use. §7.4. */
import { A, AVL, AVL_HIGH, D, EINVAL, EPERM, type Frame, G, NX, P, RW, US } from "./frame.ts";
import { guestSlots } from "./tables.ts";
import {
  dropL1Target,
  dropL2Target,
  dropL3Target,
  forbidden,
  takeL1Target,
  takeL2Target,
  takeL3Target,
} from "./targets.ts";
import type { World } from "./world.ts";

/** An entry that changes in nothing else leads to the same frame with the same rights. */
const HARMLESS = NX | AVL | AVL_HIGH | G | D | A | US;

/**
 * @param value what is to stand there; with `preserve` it keeps the accessed and dirty bits there are
 * @param owner whose frames an L1 entry may name; above that only the table's owner's are allowed
 */
export function updateEntry(
  w: World,
  table: Frame,
  index: number,
  value: bigint,
  preserve: boolean,
  owner: number,
): number {
  const level = table.type as "L1" | "L2" | "L3";
  const old = table.words[index];
  if (level !== "L1" && owner !== table.owner) return EINVAL;
  if (level === "L2" && index >= guestSlots(table)) return EPERM;
  if (level === "L3" && index >= 3) return EINVAL;
  const similar = ((old ^ value) & ~HARMLESS) === 0n;
  if (value & P) {
    if (forbidden(value, level)) return EINVAL;
    if (!similar) {
      const error = level === "L1"
        ? takeL1Target(w, value, owner)
        : level === "L2"
        ? takeL2Target(w, value, table)
        : takeL3Target(w, value, index, table);
      if (error) return error;
    }
  }
  let stored = level === "L3" && value & P ? value | US | RW : value;
  if (preserve) stored |= old & (A | D);
  table.words[index] = stored;
  if (!(old & P) || (value & P && similar)) return 0;
  // Only now: the old target may be the new one, and its mapping the last.
  if (level === "L1") dropL1Target(w, old, table.owner);
  else if (level === "L2") dropL2Target(w, old, table);
  else dropL3Target(w, old);
  return 0;
}
