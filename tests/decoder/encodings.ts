/** Random encodings: mostly what programs could hold, with every prefix and opcode among them. */
import type { Random } from "../random.ts";

const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Bytes of one encoding: longer than any instruction, so that length is the decoder's to find. */
export const ENCODING_BYTES = 20;

/** How many prefixes: mostly none or one, sometimes more than an instruction can have. */
function prefixCount(r: Random): number {
  const n = r.below(100);
  return n < 45 ? 0 : n < 80 ? 1 : n < 93 ? 2 : n < 97 ? 3 : r.below(16);
}

/**
 * Fills `out` with a random encoding.
 *
 * @param long for 64-bit code: often with a REX prefix, now and then in the wrong place
 */
export function randomEncoding(r: Random, out: Uint8Array, long = false): void {
  for (let i = 0; i < ENCODING_BYTES; i++) out[i] = r.below(256);
  let at = 0;
  for (let n = prefixCount(r); n > 0; n--) {
    out[at++] = long && r.oneIn(8) ? 0x40 | r.below(16) : r.pick(PREFIXES);
  }
  if (long && r.oneIn(2) && at < ENCODING_BYTES - 4) out[at++] = 0x40 | r.below(16);
  const map = r.below(100);
  if (map >= 55 && at < ENCODING_BYTES - 3) {
    out[at++] = 0x0f;
    if (map >= 96) out[at++] = map < 98 ? 0x38 : 0x3a;
  }
  // the byte after the opcode stays random: as ModRM it has each mod and rm equally often
}

const MAP_BYTES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const ONE_PREFIX = [[], [0x66], [0x67], [0xf0], [0xf2], [0xf3]];
const REX = [0x40, 0x48, 0x41, 0x44, 0x42, 0x4f];
/** In 64-bit code: without REX, with it, and with one that a prefix behind it undoes. */
const LONG_PREFIX = ONE_PREFIX.flatMap((p) => [p, ...REX.map((rex) => [...p, rex]), [0x48, ...p]]);

/**
 * Every opcode of every map, with each prefix that matters, each ModRM.reg, in a register and in
 * memory. What follows is noise.
 *
 * @param long for 64-bit code: with REX prefixes
 */
export function* everyOpcode(r: Random, long = false): Generator<Uint8Array> {
  const out = new Uint8Array(ENCODING_BYTES);
  for (const map of MAP_BYTES) {
    for (let opcode = 0; opcode < 256; opcode++) {
      for (const prefix of long ? LONG_PREFIX : ONE_PREFIX) {
        for (let n = 0; n < 16; n++) {
          for (let i = 0; i < ENCODING_BYTES; i++) out[i] = r.below(256);
          const mod = n & 1 ? 3 : r.below(3);
          out.set([...prefix, ...map, opcode, mod << 6 | n >> 1 << 3 | r.below(8)]);
          yield out;
        }
      }
    }
  }
}
