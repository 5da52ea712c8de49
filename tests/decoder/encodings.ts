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

/** Fills `out` with a random encoding. */
export function randomEncoding(r: Random, out: Uint8Array): void {
  for (let i = 0; i < ENCODING_BYTES; i++) out[i] = r.below(256);
  let at = 0;
  for (let n = prefixCount(r); n > 0; n--) out[at++] = r.pick(PREFIXES);
  const map = r.below(100);
  if (map >= 55 && at < ENCODING_BYTES - 3) {
    out[at++] = 0x0f;
    if (map >= 96) out[at++] = map < 98 ? 0x38 : 0x3a;
  }
  // the byte after the opcode stays random: as ModRM it has each mod and rm equally often
}

const MAP_BYTES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const ONE_PREFIX = [[], [0x66], [0x67], [0xf0], [0xf2], [0xf3]];

/**
 * Every opcode of every map, with each prefix that matters, each ModRM.reg, in a register and in
 * memory. What follows is noise.
 */
export function* everyOpcode(r: Random): Generator<Uint8Array> {
  const out = new Uint8Array(ENCODING_BYTES);
  for (const map of MAP_BYTES) {
    for (let opcode = 0; opcode < 256; opcode++) {
      for (const prefix of ONE_PREFIX) {
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
