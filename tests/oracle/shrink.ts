/** The shortest program, from the simplest state, that still differs from the host's processor. */
import { Decoder, DecoderOptions } from "iced-x86";
import type { Case, Outcome } from "./case.ts";
import { differences } from "./compare.ts";
import type { GuestWorld } from "./run.ts";
import { runCases } from "./session.ts";

/** Where the registers start in an FXSAVE image; control words and MXCSR lie before. */
const FX_REGISTERS = 32;
/** Rounds of attempts: each halves or drops something, so far fewer are needed. */
const ROUNDS = 60;

/** What the lines of a comparison are about: the register, flag word or byte in each. */
function subjects(lines: readonly string[]): Set<string> {
  // a line may also tell the state that the case starts from
  return new Set(lines.map((l) => l.split(/[ :]/)[0]).filter((s) => !s.includes("=")));
}

/** The code without one of its instructions, for each of them. */
function dropped(c: Case): number[][] {
  const decoder = new Decoder(32, Uint8Array.from(c.code), DecoderOptions.None);
  const out: number[][] = [];
  let at = 0;
  while (decoder.canDecode) {
    const i = decoder.decode();
    const { length } = i;
    i.free();
    out.push([...c.code.slice(0, at), ...c.code.slice(at + length)]);
    at += length;
  }
  decoder.free();
  return out.filter((code) => code.length > 0);
}

/** Bytes with a stretch of them zero: all, either half, and so on down to eight. */
function* zeroed(bytes: Uint8Array, from: number): Generator<Uint8Array> {
  for (let size = bytes.length - from; size >= 8; size >>= 1) {
    for (let at = from; at < bytes.length; at += size) {
      const end = Math.min(at + size, bytes.length);
      if (bytes.subarray(at, end).every((b) => b === 0)) continue;
      const copy = bytes.slice();
      copy.fill(0, at, end);
      yield copy;
    }
  }
}

/** Cases that are a step simpler, the boldest first. */
export function simpler(c: Case): Case[] {
  const out: Case[] = dropped(c).map((code) => ({ ...c, code }));
  const prefixes = [0x66, 0x67, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0];
  if (c.code.length > 1 && prefixes.includes(c.code[0])) out.push({ ...c, code: c.code.slice(1) });
  for (const memory of zeroed(c.memory, 0)) out.push({ ...c, memory });
  for (const fx of zeroed(c.fx, FX_REGISTERS)) out.push({ ...c, fx });
  c.registers.forEach((value, n) => {
    if (n === 4) return; // what ESP points to is the driver's concern
    for (const v of new Set([0, 1, value & 0xff, value & 0xffff])) {
      if (v >= value) continue;
      const registers = c.registers.slice();
      registers[n] = v;
      out.push({ ...c, registers });
    }
  });
  for (let bit = 1; bit < 0x1000; bit <<= 1) {
    if (c.eflags & bit && bit !== 2 && bit !== 0x200) out.push({ ...c, eflags: c.eflags & ~bit });
  }
  return out;
}

/**
 * Makes a case that differs as simple as it gets.
 *
 * A simpler case counts only if nothing differs in it that did not differ before: a flag that became
 * undefined by what was dropped is no finding.
 *
 * @param c a case that differs
 * @param compare says what differs
 * @returns a case that still differs; `c` itself if it does so only now and then
 */
export async function shrink(
  world: GuestWorld,
  c: Case,
  compare: (c: Case, native: Outcome, ours: Outcome) => string[] = differences,
): Promise<Case> {
  let about: Set<string> | null = null;
  await runCases(world, [c], new Map(), (at, native, ours) => {
    const lines = compare(at, native, ours);
    if (lines.length) about = subjects(lines);
    return lines;
  });
  if (!about) return c;
  for (let round = 0; round < ROUNDS; round++) {
    const candidates = simpler(c);
    const good = new Set<Case>();
    await runCases(world, candidates, new Map(), (at, native, ours) => {
      const lines = compare(at, native, ours);
      if (lines.length && [...subjects(lines)].every((s) => about!.has(s))) good.add(at);
      return lines;
    });
    const next = candidates.find((x) => good.has(x));
    if (!next) return c;
    c = next;
  }
  return c;
}
