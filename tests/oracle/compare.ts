/** Two outcomes of one case beside each other. */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { fxDifferences } from "./fx.ts";
import type { Case, Outcome } from "./case.ts";
import {
  BASE,
  CODE,
  EDGE,
  EXIT_FAULT,
  MEMORY_SIZE,
  READONLY,
  SCRATCH,
  SCRATCH_SIZE,
  UNMAPPED,
} from "./layout.ts";

/** The guest's own memory ends below this address. */
const GUEST_END = BASE + 0x2000000;
const UNDEFINED = 6;
const PAGE_FAULT = 14;
const RF = 0x10000;
const IF = 0x200;
const NAMES = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
const SELECTOR_NAMES = ["ds", "es", "fs", "gs"];

/** What differs, a line each; empty if nothing does. */
export function differences(c: Case, native: Outcome, ours: Outcome): string[] {
  const out: string[] = [];
  const compare = (name: string, a: number, b: number) => {
    if (a !== b) out.push(`${name}: native ${hex(a)}, ours ${hex(b)}`);
  };
  if (native.exit !== ours.exit && wraps(ours)) return out;
  // Xen looks for its forced-emulation prefix at EIP, without the base (conformance: trap tests)
  if (
    c.code16 && native.exit === (EXIT_FAULT | UNDEFINED) && ours.exit === (EXIT_FAULT | PAGE_FAULT)
  ) {
    return out;
  }
  // a jump into the driver finds other code in each world
  if (native.exit >= EXIT_FAULT && inDriver(native.eip) && native.eip < CODE) return out;
  compare("exit", native.exit, ours.exit);
  const faulted = native.exit >= EXIT_FAULT;
  const { ignore } = c;
  if (faulted && ignore.partial) {
    compare("eip", native.eip, ours.eip);
    return out;
  }
  NAMES.forEach((n, i) => {
    const mask = ~ignore.registers[i];
    compare(n, native.registers[i] & mask, ours.registers[i] & mask);
  });
  // in a trap frame IF shows the upcall mask, and RF is the processor's own business
  const mask = ~(c.undefinedFlags | (faulted ? IF | RF : 0));
  compare("eflags", (native.eflags & mask) >>> 0, (ours.eflags & mask) >>> 0);
  SELECTOR_NAMES.forEach((n, i) => compare(n, native.selectors[i], ours.selectors[i]));
  if (faulted && native.exit === ours.exit) {
    const mask = native.exit === (EXIT_FAULT | PAGE_FAULT) && inDriver(native.cr2) ? ~1 : ~0;
    compare("error code", native.error & mask, ours.error & mask);
    compare("eip", native.eip, ours.eip);
    if (native.exit === (EXIT_FAULT | PAGE_FAULT)) compare("cr2", native.cr2, ours.cr2);
  }
  const ignored = (at: number) => ignore.memory.some(([from, n]) => at >= from && at < from + n);
  for (let i = 0; i < MEMORY_SIZE; i++) {
    const at = i < SCRATCH_SIZE ? SCRATCH + i : EDGE + i - SCRATCH_SIZE;
    if (native.memory[i] === ours.memory[i] || ignored(at)) continue;
    compare(`byte ${hex(at)} (was ${hex(c.memory[i])})`, native.memory[i], ours.memory[i]);
    if (out.length > 24) break;
  }
  return [...out, ...fxDifferences(native.fx, ours.fx)];
}

/**
 * An operand that reaches over the end of a 4 GiB segment: the manual (volume 3, 5.3) leaves it to the
 * processor whether that is a limit violation.
 */
function wraps(ours: Outcome): boolean {
  return ours.exit === (EXIT_FAULT | PAGE_FAULT) && ours.cr2 >= 0xfffffff0;
}

/**
 * Addresses that are the driver's own: what of them is mapped already, and how, differs. Cases come
 * here only by accident.
 */
function inDriver(address: number): boolean {
  return address >= BASE && address < GUEST_END && address >>> 12 !== READONLY >>> 12 &&
    address >>> 12 !== UNMAPPED >>> 12;
}

/** Everything one needs to see what happened. */
export function report(c: Case, lines: string[]): string {
  const bytes = c.code.map((b) => b.toString(16).padStart(2, "0")).join(" ");
  const registers = NAMES.map((n, i) => `${n}=${hex(c.registers[i])}`).join(" ");
  return [
    `${c.form}`,
    `    ${bytes}   ${disassemble(c.code)}`,
    `    ${registers} eflags=${hex(c.eflags)} ds=${hex(c.ds)} es=${hex(c.es)}`,
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
