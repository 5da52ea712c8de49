/**
 * Every opcode of every map, with each mandatory prefix, in 16-, 32- and 64-bit code: it decodes to the same
 * instruction as in iced-x86, or is undefined in both, or stands in tests/decoder/refused.ts with the
 * reason why we answer #UD. And no row of the table is out of reach.
 */
import assert from "node:assert/strict";
import { Instruction } from "iced-x86";
import { MODE_CODE32, MODE_LONG } from "../../core/wasm/layout.ts";
import { handlerPlan } from "../../jit/isa/plan.ts";
import { compareDecoders, LONG_MODE, MODES, Tally } from "../decoder/compare.ts";
import { coreForDecoding } from "../decoder/core.ts";
import { decodeOurs } from "../decoder/ours.ts";
import { everyOpcode } from "./every_opcode.ts";

/** Longer than any instruction. */
const BYTES = 20;

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(" ");
}

Deno.test("every opcode, prefix and mode decodes as it should or is refused on purpose", async () => {
  const cores = [await coreForDecoding(), await coreForDecoding(true)];
  const scratch = new Instruction();
  const tally = new Tally();
  const differences = new Map<string, string>();
  const reached = new Set<unknown>();
  let count = 0;
  for (const mode of [MODES[0], MODES[2], LONG_MODE]) {
    const core = cores[mode & MODE_LONG ? 1 : 0];
    for (const { bytes, key } of everyOpcode()) {
      const d = compareDecoders(core, bytes, mode, scratch, tally);
      count++;
      if (d) {
        const bits = mode & MODE_LONG ? 64 : mode & MODE_CODE32 ? 32 : 16;
        differences.set(key, `${hex(bytes.subarray(0, 6))} in ${bits}-bit code: ${d}`);
      }
      const ours = decodeOurs(core, bytes, mode);
      if (ours.row) reached.add(ours.row);
    }
  }
  scratch.free();
  const report = [...differences.values()].slice(0, 30).join("\n");
  assert.equal(differences.size, 0, report);
  const rows = [
    ...handlerPlan().rows,
    ...handlerPlan(true).rows.filter(({ row }) => row.mode !== "i64"),
  ];
  const missed = rows.map(({ row }) => row).filter((row) => !reached.has(row));
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
