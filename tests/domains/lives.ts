/** What tests of domains' lives have in common. */
import assert from "node:assert/strict";
import type { Guest, Rig } from "../hypercalls/rig.ts";

const EVTCHN = 32;
const DEAD = 3;

/** Frames nobody has. */
export const free = (rig: Rig) => rig.core.exports.machine_free_frames();

/** Ends a guest between slices. */
export function destroy(rig: Rig, guest: Guest): void {
  rig.inside.slice_end();
  assert.equal(rig.core.exports.domain_destroy(guest.domid), 0);
  assert.equal(guest.state, DEAD);
}

/** The same in pieces: the first now, the others by `reclaim`. */
export function kill(rig: Rig, guest: Guest): void {
  rig.inside.slice_end();
  assert.equal(rig.core.exports.domain_kill(guest.domid), 0);
  assert.equal(guest.state, DEAD);
}

/** A piece of the memory of those that were killed. @returns whether there is more */
export function reclaim(rig: Rig, frames: number): boolean {
  rig.inside.slice_end();
  return rig.core.exports.machine_reclaim(frames) === 1;
}

/** EVTCHNOP with these words; the words as they are then. */
export function event(
  guest: Guest,
  op: number,
  ...words: number[]
): { result: number; words: number[] } {
  const at = guest.write(guest.va(6), ...words);
  const result = guest.call(EVTCHN, op, at);
  return { result, words: words.map((_, n) => guest.read(at + n * 4)) };
}
