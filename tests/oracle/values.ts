/** Corner-weighted values. */
import { Random } from "../random.ts";
import { EDGE, EDGE_SIZE, MEMORY_SIZE, SCRATCH, SCRATCH_SIZE } from "./layout.ts";

const CORNERS = [
  0,
  1,
  2,
  0xffffffff,
  0xfffffffe,
  0x80000000,
  0x7fffffff,
  0x80000001,
  0x7f,
  0x80,
  0x81,
  0xff,
  0x100,
  0x7fff,
  0x8000,
  0x8001,
  0xffff,
  0x10000,
  0xffff8000,
  0xffffff80,
  0xffff0000,
  0x55555555,
  0xaaaaaaaa,
  0x0f,
  0x99,
  0x9a,
];

/** A 32-bit value: a corner, a neighbour of one, a small number, or anything. */
export function corner(r: Random): number {
  switch (r.below(8)) {
    case 0:
    case 1:
    case 2:
      return r.pick(CORNERS);
    case 3:
      return (r.pick(CORNERS) + r.below(5) - 2) >>> 0;
    case 4:
      return r.below(64);
    case 5:
      // corners of the bytes and words within
      return ((r.pick(CORNERS) & 0xffff) | (r.pick(CORNERS) << 16)) >>> 0;
    default:
      return r.next();
  }
}

/** Words that cases' memory is cut from: corners and noise. Made once, as it is much for each case. */
const POOL_WORDS = 1 << 18;
const POOL_SEED = 20260721;
let pool: Uint32Array | undefined;

function makePool(): Uint32Array {
  const r = new Random(POOL_SEED);
  return Uint32Array.from({ length: POOL_WORDS }, () => r.oneIn(2) ? corner(r) : r.next());
}

/** Initial memory of a case: corners and noise, in words of four bytes. */
export function randomMemory(r: Random): Uint8Array {
  pool ??= makePool();
  const words = MEMORY_SIZE / 4;
  const at = r.below(POOL_WORDS - words + 1);
  return new Uint8Array(pool.slice(at, at + words).buffer);
}

/** Offset in a case's memory of an address; -1 if it lies elsewhere. */
export function memoryOffset(address: number): number {
  if (address >= SCRATCH && address < SCRATCH + SCRATCH_SIZE) return address - SCRATCH;
  if (address >= EDGE && address < EDGE + EDGE_SIZE) return SCRATCH_SIZE + address - EDGE;
  return -1;
}
