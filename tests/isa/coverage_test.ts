/**
 * Every opcode of every map, with each mandatory prefix, in 16- and in 32-bit code: it decodes to the same
 * instruction as in iced-x86, or is undefined in both, or stands in tests/decoder/refused.ts with the
 * reason why we answer #UD. And no row of the table is out of reach.
 */
import assert from "node:assert/strict";
import { Instruction } from "iced-x86";
import { MODE_CODE32 } from "../../core/wasm/layout.ts";
import { handlerPlan } from "../../jit/isa/plan.ts";
import { compareDecoders, MODES, Tally } from "../decoder/compare.ts";
import { coreForDecoding } from "../decoder/core.ts";
import { decodeOurs } from "../decoder/ours.ts";

const BYTES = 20;
/** None, and those that select among rows; LOCK and address size change no row. */
const PREFIXES = [[], [0x66], [0xf2], [0xf3], [0x66, 0xf2], [0x66, 0xf3], [0xf0], [0x67], [0x2e]];
const MAPS = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

/** Opcodes whose ModRM.rm selects as well: x87, and groups 6, 7, 15 and 9. */
function byRm(map: number, opcode: number): boolean {
  return map === 0
    ? opcode >= 0xd8 && opcode < 0xe0
    : map === 1 && [0x00, 0x01, 0xae, 0xc7].includes(opcode);
}

/** ModRM bytes that tell an opcode's rows apart. */
function modrms(map: number, opcode: number): number[] {
  const out: number[] = [];
  for (let reg = 0; reg < 8; reg++) {
    out.push(reg << 3 | 3, reg << 3 | 0x44, reg << 3 | 0x85);
    const rms = byRm(map, opcode) ? 8 : 1;
    for (let rm = 0; rm < rms; rm++) out.push(0xc0 | reg << 3 | rm);
  }
  return out;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
}

Deno.test("every opcode, prefix and mode decodes as it should or is refused on purpose", async () => {
  const core = await coreForDecoding();
  const scratch = new Instruction();
  const tally = new Tally();
  const bytes = new Uint8Array(BYTES);
  const differences = new Map<string, string>();
  const reached = new Set<unknown>();
  let count = 0;
  for (const mode of [MODES[0], MODES[2]]) {
    for (const prefixes of PREFIXES) {
      for (const [map, escape] of MAPS.entries()) {
        for (let opcode = 0; opcode < 256; opcode++) {
          for (const modrm of modrms(map, opcode)) {
            bytes.fill(0x11);
            bytes.set([...prefixes, ...escape, opcode, modrm]);
            const d = compareDecoders(core, bytes, mode, scratch, tally);
            count++;
            if (d) {
              const bits = mode & MODE_CODE32 ? 32 : 16;
              const key = `${map} ${opcode} ${modrm >> 3 & 7} ${prefixes}`;
              differences.set(key, `${hex(bytes.subarray(0, 6))} in ${bits}-bit code: ${d}`);
            }
            const ours = decodeOurs(core, bytes, mode);
            if (ours.row) reached.add(ours.row);
          }
        }
      }
    }
  }
  scratch.free();
  const report = [...differences.values()].slice(0, 30).join("\n");
  assert.equal(differences.size, 0, report);
  const missed = handlerPlan().rows.map(({ row }) => row).filter((row) => !reached.has(row));
  assert.deepEqual(
    missed.map((row) => `${row.map} ${row.opcode.toString(16)} ${row.name}`),
    [],
    "rows that no encoding leads to",
  );
  const refused = [...tally.refused.values()].reduce((a, b) => a + b, 0);
  console.log(
    `coverage: ${count} encodings, ${tally.agreed} agree, ${tally.undefined} undefined in both, ` +
      `${refused} refused by ${tally.refused.size} listed classes; ${reached.size} rows reached`,
  );
});

Deno.test("VEX, EVEX, XOP and 3DNow! encodings are #UD", async () => {
  const core = await coreForDecoding();
  const bytes = new Uint8Array(BYTES).fill(0xc1);
  for (const mode of [MODES[0], MODES[2]]) {
    for (
      const [first, seconds] of [
        [[0xc4], [0xc0, 0xe1, 0xff]], // three-byte VEX: LES with mod 3
        [[0xc5], [0xc0, 0xf8, 0xff]], // two-byte VEX: LDS with mod 3
        [[0x62], [0xc0, 0xf1, 0xff]], // EVEX: BOUND with mod 3
        [[0x8f], [0xe8, 0xc8, 0xf8, 0x08, 0x78]], // XOP: POP with reg not 0
        [[0x0f, 0x0f], [0xc1, 0x00]], // 3DNow!
        [[0x0f, 0x0e], [0xc1, 0x00]], // FEMMS
      ] as const
    ) {
      for (const second of seconds) {
        bytes.fill(0xc1);
        bytes.set([...first, second]);
        assert.equal(decodeOurs(core, bytes, mode).name, null, hex(bytes.subarray(0, 4)));
      }
    }
  }
});
