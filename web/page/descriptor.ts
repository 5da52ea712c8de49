/** A segment descriptor's 64 bits in words (Intel SDM volume 3, section 3.4.5). */
import { hex, hex8 } from "./hex.ts";

/** What a descriptor says. */
export interface DescriptorText {
  base: string;
  limit: string;
  kind: string;
  dpl: string;
}

const SYSTEM = [
  "reserved",
  "TSS, 16-bit",
  "LDT",
  "TSS, 16-bit, busy",
  "call gate, 16-bit",
  "task gate",
  "interrupt gate, 16-bit",
  "trap gate, 16-bit",
  "reserved",
  "TSS",
  "reserved",
  "TSS, busy",
  "call gate",
  "reserved",
  "interrupt gate",
  "trap gate",
];

const CALL_GATES = [4, 12];
const GRANULARITY = 0x800000;

export function describeDescriptor(low: number, high: number): DescriptorText {
  const type = (high >>> 8) & 15;
  const segment = (high & 0x1000) !== 0;
  const present = (high & 0x8000) !== 0;
  const dpl = String((high >>> 13) & 3);
  const absent = present ? "" : ", not present";
  if (!segment && CALL_GATES.includes(type)) {
    const target = `${hex(low >>> 16)}:${hex8((high & 0xffff0000) | (low & 0xffff))}`;
    return { base: target, limit: "", kind: SYSTEM[type] + absent, dpl };
  }
  const pages = (high & GRANULARITY) !== 0;
  const limit = (high & 0xf0000) | (low & 0xffff);
  return {
    base: hex8((high & 0xff000000) | ((high & 0xff) << 16) | (low >>> 16)),
    limit: hex8(pages ? (limit << 12) | 0xfff : limit),
    kind: (segment ? segmentKind(type, high) : SYSTEM[type]) + absent,
    dpl,
  };
}

function segmentKind(type: number, high: number): string {
  const code = (type & 8) !== 0;
  const size = high & 0x200000 ? "64" : high & 0x400000 ? "32" : "16";
  const words = [code ? `code ${size}` : `data ${size}`];
  if (code) words.push(type & 2 ? "read" : "execute only", type & 4 ? "conforming" : "");
  else words.push(type & 2 ? "write" : "read only", type & 4 ? "expand down" : "");
  if (type & 1) words.push("accessed");
  return words.filter(Boolean).join(", ");
}
