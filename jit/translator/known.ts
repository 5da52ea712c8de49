/** What the interpreter knows: the record of a block, by the jump cache. */
import {
  C_JUMP_TAG,
  CPU,
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_EIP,
  JUMP_RECORD,
  JUMP_TAG,
  JUMP_TAG_SPREAD,
} from "../../core/wasm/layout.ts";

/** C_JUMP_TAG of the vCPU that ran last. */
export function currentTag(view: DataView): number {
  return view.getUint32(CPU + C_JUMP_TAG, true);
}

/** The address space's number in C_JUMP_TAG. */
const ADDRESS_SPACE = 0xffe;

/**
 * The record of the block at an EIP, by the jump cache; 0 if it is not there. The address
 * space may be called otherwise now: findRegion looks whether the block lies in the frame that it should.
 */
export function knownRecord(view: DataView, eip: number, tag: number): number {
  const now = tag & ~ADDRESS_SPACE | currentTag(view) & ADDRESS_SPACE;
  for (const t of new Set([tag, now])) {
    const hash = eip ^ eip >>> 12 ^ Math.imul(t, JUMP_TAG_SPREAD);
    const slot = (hash & (JUMP_CACHE_ENTRIES - 1)) * 16 + JUMP_CACHE;
    const here = view.getUint32(slot + JUMP_EIP, true) === eip >>> 0;
    if (here && view.getUint32(slot + JUMP_TAG, true) === t >>> 0) {
      return view.getUint32(slot + JUMP_RECORD, true);
    }
  }
  return 0;
}

/** EIP and record of each block that the jump cache has for a tag. */
export function* knownBlocks(
  view: DataView,
  tag: number,
): Generator<[eip: number, record: number]> {
  const cache = new Uint32Array(view.buffer, JUMP_CACHE, JUMP_CACHE_ENTRIES * 4);
  for (let at = 0; at < cache.length; at += 4) {
    // an entry stands where its EIP belongs: others are empty
    if (cache[at + JUMP_TAG / 4] !== tag) continue;
    yield [cache[at + JUMP_EIP / 4], cache[at + JUMP_RECORD / 4]];
  }
}
