/** Two outcomes of a case of 64-bit code beside each other. */
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from "iced-x86";
import { fxDifferences } from "../fx.ts";
import {
  BASE,
  CODE,
  EDGE,
  MEMORY_SIZE,
  READONLY,
  SCRATCH,
  SCRATCH_SIZE,
  UNMAPPED,
} from "../layout.ts";
import type { LongCase, LongOutcome } from "./case.ts";

const UNDEFINED = 6, PAGE_FAULT = 14, PRESENT = 1;
const RF = 0x10000, IF = 0x200;
/** The guest's own memory ends below this address. */
const GUEST_END = BASE + 0x2000000;
/** From here on Linux says of every page that it is there. */
const USER_END = 0x00007ffffffff000n;
const NAMES = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"].concat(
  Array.from({ length: 8 }, (_, i) => `r${i + 8}`),
);

const hex = (v: number | bigint) => v.toString(16);

/** Addresses that are each world's own, or whose entry the kernel hides. */
function own(address: bigint): boolean {
  if (address >= USER_END) return true;
  const page = Number(address >> 12n);
  return address >= BASE && address < GUEST_END && page !== READONLY >> 12 &&
    page !== UNMAPPED >> 12;
}

/** What differs, a line each; empty if nothing does. */
export function longDifferences(c: LongCase, native: LongOutcome, ours: LongOutcome): string[] {
  const out: string[] = [];
  const compare = (name: string, a: number | bigint, b: number | bigint) => {
    if (a !== b) out.push(`${name}: native ${hex(a)}, ours ${hex(b)}`);
  };
  // a jump into the driver finds other code in each world
  if (own(native.rip) && native.rip < BigInt(CODE)) return out;
  // which of the driver's own pages may be written differs
  if (native.vector !== ours.vector && native.vector === PAGE_FAULT && own(native.cr2)) return out;
  // nor is each world's driver mapped in the other
  if (native.vector === PAGE_FAULT && native.cr2 < GUEST_END && own(native.cr2)) return out;
  compare("vector", native.vector, ours.vector);
  compare("rip", native.rip, ours.rip);
  const ended = native.vector === UNDEFINED;
  const { ignore } = c;
  if (!ended && ignore.partial) return out;
  NAMES.forEach((n, i) => {
    const mask = ~ignore.registers[i];
    compare(n, native.registers[i] & mask, ours.registers[i] & mask);
  });
  const mask = ~(c.undefinedFlags | IF | RF);
  compare("eflags", native.eflags & mask, ours.eflags & mask);
  if (!ended && native.vector === ours.vector) {
    const hidden = native.vector === PAGE_FAULT && own(native.cr2) ? ~PRESENT : ~0;
    compare("error code", native.error & hidden, ours.error & hidden);
    if (native.vector === PAGE_FAULT) compare("cr2", native.cr2, ours.cr2);
  }
  const ignored = (at: number) => ignore.memory.some(([from, n]) => at >= from && at < from + n);
  for (let i = 0; i < MEMORY_SIZE && out.length < 24; i++) {
    if (native.memory[i] === ours.memory[i]) continue;
    const at = i < SCRATCH_SIZE ? SCRATCH + i : EDGE + i - SCRATCH_SIZE;
    if (!ignored(at)) {
      compare(`byte ${hex(at)} (was ${hex(c.memory[i])})`, native.memory[i], ours.memory[i]);
    }
  }
  return [...out, ...fxDifferences(native.fx, ours.fx, 16)];
}

/** Everything one needs to see what happened. */
export function longReport(c: LongCase, lines: string[]): string {
  const decoder = new Decoder(64, Uint8Array.from(c.code), DecoderOptions.None);
  const formatter = new Formatter(FormatterSyntax.Nasm);
  const text: string[] = [];
  while (decoder.canDecode) {
    const i = decoder.decode();
    text.push(formatter.format(i));
    i.free();
  }
  decoder.free();
  formatter.free();
  return [
    c.form,
    `    ${c.code.map((b) => b.toString(16).padStart(2, "0")).join(" ")}   ${text.join("; ")}`,
    `    ${NAMES.map((n, i) => `${n}=${hex(c.registers[i])}`).join(" ")} eflags=${hex(c.eflags)}`,
    ...lines.map((l) => `      ${l}`),
  ].join("\n");
}
