/** One encoding, decoded by both. */
import type { Instruction } from "iced-x86";
import {
  MODE_CODE32,
  MODE_CODE_FLAT,
  MODE_FLAT,
  MODE_LONG,
  MODE_STACK32,
  REC_PREFIX,
  REC_SEG,
} from "../../core/wasm/layout.ts";
import { type CoreForDecoding, RECORD_AT } from "./core.ts";
import { implicitOperands, mnemonics } from "./names.ts";
import { addressSize, type Decoded, decodeOurs, NO_SIZE, operandSize, SEGMENTS } from "./ours.ts";
import { LENGTH_ONLY, REFUSED_ENCODINGS, REFUSED_FEATURES, REFUSED_MNEMONICS } from "./refused.ts";
import { decodeTheirs, encodingKind, features, mnemonic, operands } from "./theirs.ts";

/** Block modes a decoder may be asked about: 32-bit and 16-bit code, flat and not. */
export const MODES = [
  MODE_CODE32 | MODE_STACK32 | MODE_FLAT | MODE_CODE_FLAT,
  MODE_CODE32 | MODE_STACK32,
  0,
];

/** 64-bit code, which the core built for it decodes. */
export const LONG_MODE = MODE_LONG | MODE_CODE32 | MODE_STACK32 | MODE_FLAT | MODE_CODE_FLAT;

/** What came of a comparison: how often, by class; and the differences. */
export class Tally {
  agreed = 0;
  /** Both say undefined. */
  undefined = 0;
  refused = new Map<string, number>();
  rows = new Set<string>();
}

/**
 * Compares the decoders over one encoding.
 *
 * @param scratch an iced Instruction to decode into
 * @returns null, or what differs
 */
export function compareDecoders(
  core: CoreForDecoding,
  bytes: Uint8Array,
  mode: number,
  scratch: Instruction,
  tally: Tally,
): string | null {
  const bits = mode & MODE_LONG ? 64 : mode & MODE_CODE32 ? 32 : 16;
  const ours = decodeOurs(core, bytes, mode);
  decodeTheirs(bytes, bits, scratch);
  const theirs = scratch;
  if (ours.name === null) {
    if (theirs.isInvalid) {
      tally.undefined++;
      return null;
    }
    const why = refusal(theirs);
    if (!why) return `we refuse ${theirs.toString()} (${features(theirs)})`;
    tally.refused.set(why, (tally.refused.get(why) ?? 0) + 1);
    return null;
  }
  if (theirs.isInvalid) {
    return `iced refuses what we take for ${describe(ours)}`;
  }
  const difference = compareDecoded(core, ours, theirs, bits === 64);
  if (difference) return difference;
  tally.agreed++;
  tally.rows.add(ours.name);
  return null;
}

/** Why we may refuse it, or null. */
function refusal(i: Instruction): string | null {
  const kind = encodingKind(i);
  if (kind in REFUSED_ENCODINGS) return kind;
  const name = mnemonic(i);
  if (name in REFUSED_MNEMONICS) return name;
  return features(i).find((f) => f in REFUSED_FEATURES) ?? null;
}

function compareDecoded(
  core: CoreForDecoding,
  ours: Decoded,
  theirs: Instruction,
  long: boolean,
): string | null {
  const say = (what: string) => `${what}: we ${describe(ours)}, iced ${theirs.toString()}`;
  const row = ours.row!;
  const prefix = core.view.getUint16(RECORD_AT + REC_PREFIX, true);
  const size = operandSize(prefix);
  if (ours.length !== theirs.length) return say(`length ${ours.length} and ${theirs.length}`);
  const name = mnemonic(theirs);
  if (!mnemonics(row, size).includes(name)) return say(`name ${row.name} and ${name}`);
  if (ours.lock !== theirs.hasLockPrefix) return say("LOCK");
  if (row.slow in LENGTH_ONLY) return null;
  const sized = !NO_SIZE.test(row.name);
  const segment = SEGMENTS[core.view.getUint8(RECORD_AT + REC_SEG)];
  let mine = implicitOperands(row, size, addressSize(prefix, long), segment) ?? ours.operands;
  if (row.name === "mov_from_sreg") mine[0] = mine[0].replace(/^[48]/, "2");
  let other = operands(theirs, sized);
  // in 64-bit code these segments are all the same, and what overrides them is ignored
  if (long) [mine, other] = [mine, other].map((all) => all.map((o) => o.replace(/[ecsd]s:/, ":")));
  // NOPs have operands that nobody reads; opcode 90 has none
  if (row.name === "nop" || name === "nop" || name === "pause") {
    other = other.slice(0, mine.length);
    mine.length = other.length;
  }
  // iced names the destination at DS:EDI, which no encoding changes but for its segment
  if (/^maskmov/.test(row.name)) other.shift();
  // selectors are 16 bits wide, whatever register they are said to be in
  if (/^(lar|lsl|mov_to_sreg)$/.test(row.name)) other[1] = narrow(other[1]);
  if (/^(arpl|verr|verw|lldt|ltr|lmsw)$/.test(row.name)) other = other.map(narrow);
  return mine.join() === other.join() ? null : say(`operands ${mine} and ${other}`);
}

function narrow(register: string): string {
  return register.replace(/^[er]([a-z]{2})$/, "$1").replace(/^(r\d+)d?$/, "$1w");
}

function describe(d: Decoded): string {
  return `${d.name} ${d.operands.join()}`;
}
