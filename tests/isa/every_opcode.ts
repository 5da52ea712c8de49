/** Every opcode of every map with each mandatory prefix, and the ModRM bytes that tell its rows apart. */

/** None, and those that select among rows; LOCK and address size change no row. */
const PREFIXES = [[], [0x66], [0xf2], [0xf3], [0x66, 0xf2], [0x66, 0xf3], [0xf0], [0x67], [0x2e]];
const MAPS = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const BYTES = 20;

/** Opcodes whose ModRM.rm selects as well: x87, and groups 6, 7, 15 and 9. */
function byRm(map: number, opcode: number): boolean {
  return map === 0
    ? opcode >= 0xd8 && opcode < 0xe0
    : map === 1 && [0x00, 0x01, 0xae, 0xc7].includes(opcode);
}

function modrms(map: number, opcode: number): number[] {
  const out: number[] = [];
  for (let reg = 0; reg < 8; reg++) {
    out.push(reg << 3 | 3, reg << 3 | 0x44, reg << 3 | 0x85);
    const rms = byRm(map, opcode) ? 8 : 1;
    for (let rm = 0; rm < rms; rm++) out.push(0xc0 | reg << 3 | rm);
  }
  return out;
}

/** An encoding: its bytes, good until the next one, and a key that all of its row's forms share. */
export interface Encoding {
  bytes: Uint8Array;
  key: string;
}

export function* everyOpcode(): Generator<Encoding> {
  const bytes = new Uint8Array(BYTES);
  for (const prefixes of PREFIXES) {
    for (const [map, escape] of MAPS.entries()) {
      for (let opcode = 0; opcode < 256; opcode++) {
        for (const modrm of modrms(map, opcode)) {
          bytes.fill(0x11);
          bytes.set([...prefixes, ...escape, opcode, modrm]);
          yield { bytes, key: `${map} ${opcode} ${modrm >> 3 & 7} ${prefixes}` };
        }
      }
    }
  }
}
