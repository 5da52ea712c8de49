/** Two outcomes of one case beside each other. */
import { Buffer } from "node:buffer";
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { fxDifferences } from "./fx.ts";
import type { Case, Outcome } from "./case.ts";
import { EDGE, EXIT_FAULT, MEMORY_SIZE, SCRATCH, SCRATCH_SIZE } from "./layout.ts";
import { FOLLOWED_MAKER, hostProcessor } from "./processor.ts";
import { inDriver, setAside, varies } from "./variances.ts";

const PAGE_FAULT = 14;
const RF = 0x10000;
const IF = 0x200;
/** Differing bytes to tell of. */
const MOST_BYTES = 24;
const NAMES = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
/** Signal, its code (0: several) and what its address is, by vector: as Linux tells of exceptions. */
const SIGNALS: Record<number, [number, number, "none" | "eip" | "cr2"]> = {
  0: [8, 1, "eip"],
  1: [5, 0, "eip"],
  3: [5, 0x80, "none"],
  4: [11, 0x80, "none"],
  5: [11, 0x80, "none"],
  6: [4, 2, "eip"],
  11: [7, 0x80, "none"],
  12: [7, 0x80, "none"],
  13: [11, 0x80, "none"],
  14: [11, 0, "cr2"],
  16: [8, 0, "eip"],
  17: [7, 1, "none"],
  19: [8, 0, "eip"],
};
const DEBUG = 1;
/** DR6.BS, and the code of a signal that is there because of it. */
const BS = 0x4000, TRAP_TRACE = 2;

const SELECTOR_NAMES = ["ds", "es", "fs", "gs"];

/**
 * What differs, a line each; empty if nothing does, or if it means nothing (variances.ts).
 *
 * @param maker of the processor that `native` comes from: of the one that we follow in undefined flags,
 *   these are compared too
 */
export function differences(
  c: Case,
  native: Outcome,
  ours: Outcome,
  maker = hostProcessor().maker,
): string[] {
  const lines = allDifferences(
    c,
    /\bint1\b/.test(c.form) ? atNext(c, native, ours) : native,
    ours,
    maker,
  );
  return lines.length && varies(c, native, ours) ? [] : lines;
}

/** INT1's trap with the address that ours has: some virtual machines report it with the instruction's own. */
function atNext(c: Case, native: Outcome, ours: Outcome): Outcome {
  if (native.exit !== ours.exit || native.eip + c.code.length !== ours.eip) return native;
  setAside(
    "the address of INT1's trap: virtual machines report it before or after the instruction",
  );
  return { ...native, eip: ours.eip, signal: [native.signal[0], native.signal[1], ours.eip] };
}

function allDifferences(c: Case, native: Outcome, ours: Outcome, maker: string): string[] {
  const out: string[] = [];
  const compare = (name: string, a: number, b: number) => {
    if (a !== b) out.push(`${name}: native ${hex(a)}, ours ${hex(b)}`);
  };
  compare("exit", native.exit, ours.exit);
  const faulted = native.exit >= EXIT_FAULT;
  const { ignore } = c;
  if (faulted && ignore.partial) {
    compare("eip", native.eip, ours.eip);
    if (!out.length) setAside(`registers and memory after a fault: ${ignore.partial}`);
    return out;
  }
  NAMES.forEach((n, i) => {
    const mask = ~ignore.registers[i];
    compare(n, native.registers[i] & mask, ours.registers[i] & mask);
  });
  const open = c.undefinedFlags & ~(maker === FOLLOWED_MAKER ? c.followedFlags : 0);
  const mask = ~(open | (faulted ? frameFlags(c, native) : 0));
  compare("eflags", (native.eflags & mask) >>> 0, (ours.eflags & mask) >>> 0);
  // when a process goes on after a signal, its selectors have RPL 3
  const rpl = c.steps > 1 ? 3 : 0;
  SELECTOR_NAMES.forEach((n, i) => compare(n, native.selectors[i] | rpl, ours.selectors[i] | rpl));
  if (faulted && native.exit === ours.exit) faultDifferences(native, ours, compare);
  out.push(...memoryDifferences(c, native, ours));
  return [...out, ...fxDifferences(native.fx, ours.fx)];
}

/**
 * Flags of a trap frame that are not compared: IF, which shows the upcall mask in a guest, and RF behind an
 * iteration of a repeated instruction, where it tells whether an interrupt came in between.
 */
function frameFlags(c: Case, native: Outcome): number {
  const repeated = native.exit === (EXIT_FAULT | DEBUG) && c.code.some((b) => (b & 0xfe) === 0xf2);
  return repeated ? IF | RF : IF;
}

type Compare = (name: string, native: number, ours: number) => void;

function faultDifferences(native: Outcome, ours: Outcome, compare: Compare): void {
  const pageFault = ours.exit === (EXIT_FAULT | PAGE_FAULT);
  const mask = pageFault && inDriver(native.cr2) ? ~1 : ~0;
  compare("error code", native.error & mask, ours.error & mask);
  compare("eip", native.eip, ours.eip);
  if (pageFault) compare("cr2", native.cr2, ours.cr2);
  const [number, code, place] = SIGNALS[ours.exit & 0xff] ?? [0, 0, "none"];
  compare("signal", native.signal[0], number);
  if (code) compare("signal's code", native.signal[1], code);
  compare("signal's address", native.signal[2], place === "none" ? 0 : ours[place]);
  if (ours.exit === (EXIT_FAULT | DEBUG)) {
    compare("DR6.BS", native.signal[1] === TRAP_TRACE ? BS : 0, ours.signal[0] & BS);
  }
}

function memoryDifferences(c: Case, native: Outcome, ours: Outcome): string[] {
  const out: string[] = [];
  if (Buffer.compare(native.memory, ours.memory) === 0) return out;
  const ignored = (at: number) => c.ignore.memory.some(([from, n]) => at >= from && at < from + n);
  for (let i = 0; i < MEMORY_SIZE && out.length < MOST_BYTES; i++) {
    const at = i < SCRATCH_SIZE ? SCRATCH + i : EDGE + i - SCRATCH_SIZE;
    const [was, a, b] = [c.memory[i], native.memory[i], ours.memory[i]];
    if (a === b || ignored(at)) continue;
    out.push(`byte ${hex(at)} (was ${hex(was)}): native ${hex(a)}, ours ${hex(b)}`);
  }
  return out;
}

/** Everything one needs to see what happened. */
export function report(c: Case, lines: string[]): string {
  const bytes = c.code.map((b) => b.toString(16).padStart(2, "0")).join(" ");
  const registers = NAMES.map((n, i) => `${n}=${hex(c.registers[i])}`).join(" ");
  return [
    `${c.form}`,
    `    ${bytes}   ${disassemble(c.code)}`,
    `    ${registers} eflags=${hex(c.eflags)} ds=${hex(c.ds)} es=${hex(c.es)}` +
    (c.steps ? ` trap ${c.steps + 1}` : ""),
    ...lines.map((l) => `      ${l}`),
  ].join("\n");
}

/** The code as text, by iced-x86. */
export function disassemble(code: number[]): string {
  const decoder = new Decoder(32, Uint8Array.from(code), DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Nasm);
  const out: string[] = [];
  while (decoder.canDecode) {
    const i = decoder.decode();
    out.push(formatter.format(i));
    i.free();
  }
  decoder.free();
  formatter.free();
  return out.join("; ");
}

function hex(n: number): string {
  return (n >>> 0).toString(16);
}
