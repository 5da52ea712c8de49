/** One running domain behind real page tables, for tests of what enters and leaves a guest. */
import assert from "node:assert/strict";
import {
  C_CPL,
  C_EIP,
  C_SEG,
  CPU,
  CS,
  MACHINE,
  MAILBOX,
  R_SP,
  SEG_SEL,
  SEG_SIZE,
  SS,
} from "../../core/wasm/layout.ts";
import { type Probe, probe } from "./probe.ts";

/** Where the domain's pages stand: pfn n at BASE + n * 4096. */
export const BASE = 0xc0000000;
export const page = (pfn: number): number => BASE + pfn * 4096;
/** The kernel's writable pages are 0 to 3; these are the others. */
export const READ_ONLY = 4;
export const USER = 5;
export const UNMAPPED = 7;
export const GDT = 8;
export const LDT = 9;

export const KCS = 0xe019;
export const KDS = 0xe021;
export const UCS = 0xe02b;
export const UDS = 0xe033;

/** A segment descriptor's two words. */
export interface SegmentShape {
  base?: number;
  limit?: number;
  /** Descriptor bits 8 to 23 without the limit's, as in its high word. */
  attributes: number;
}
export const CODE = 0xc09b00;
export const DATA = 0xc09300;
export const DPL = (ring: number): number => ring << 13;

export interface Machine extends Omit<Probe, "machine"> {
  /** Host view of a page of the domain. */
  view(pfn: number): DataView;
  /** Word of guest memory. */
  word(address: number): number;
  put(address: number, value: number): void;
  /** Writes a table's entries into a page (the frame of GDT or LDT). */
  describe(pfn: number, entries: Record<number, SegmentShape | [number, number]>): void;
  useGdt(entries: number): number;
  /** Sets the vCPU at a context; asserts that its segments load. */
  enter(cs: number, eip: number, flags: number, ss: number, esp: number): void;
  state(): { cs: number; eip: number; flags: number; ss: number; esp: number; cpl: number };
  setTrap(vector: number, flags: number, cs: number, address: number): void;
  mask(): number;
  setMask(byte: number): void;
}

/** Page that setTrap passes its list in. */
const LIST = 15;

export async function machine(): Promise<Machine> {
  const p = await probe(false);
  const { x } = p;
  assert.equal(x.probe_machine(), 0);
  const bytes = () => x.memory.buffer;
  const cpu = new DataView(bytes(), CPU, 0x480);
  const mailbox = new DataView(bytes(), MAILBOX, 64);
  const mfns = Array.from({ length: 16 }, (_, pfn) => mailbox.getUint32(pfn * 4, true));
  const view = (pfn: number) => new DataView(bytes(), MACHINE + mfns[pfn] * 4096, 4096);
  const at = (address: number) => [(address - BASE) >>> 12, address & 0xfff] as const;
  const info = x.probe_vcpu_info();
  const m: Machine = {
    x,
    cpu,
    fault: () => {
      const found = x.probe_fault();
      if (found === -1) return "";
      return (found >>> 16).toString(16) + ":" + (found & 0xffff).toString(16);
    },
    view,
    word(address) {
      const [pfn, offset] = at(address);
      return view(pfn).getUint32(offset, true);
    },
    put(address, value) {
      const [pfn, offset] = at(address);
      view(pfn).setUint32(offset, value, true);
    },
    describe(pfn, entries) {
      const v = view(pfn);
      for (const [n, e] of Object.entries(entries)) {
        let words: [number, number];
        if (Array.isArray(e)) words = e;
        else {
          const { base = 0, limit = 0xfffff, attributes } = e;
          words = [
            ((base & 0xffff) << 16) | (limit & 0xffff),
            (base & 0xff000000) | ((base >>> 16) & 0xff) | (limit & 0xf0000) | attributes,
          ];
        }
        v.setUint32(Number(n) * 8, words[0], true);
        v.setUint32(Number(n) * 8 + 4, words[1], true);
      }
    },
    useGdt(entries) {
      mailbox.setUint32(0, mfns[GDT], true);
      return x.probe_set_gdt(MAILBOX, entries);
    },
    enter(cs, eip, flags, ss, esp) {
      assert.equal(x.probe_enter(cs, eip, flags, ss, esp), 1);
    },
    state() {
      const selector = (seg: number) => cpu.getUint32(C_SEG + seg * SEG_SIZE + SEG_SEL, true);
      return {
        cs: selector(CS),
        eip: cpu.getUint32(C_EIP, true),
        flags: x.eflags() >>> 0,
        ss: selector(SS),
        esp: cpu.getUint32(R_SP, true),
        cpl: cpu.getUint32(C_CPL, true),
      };
    },
    setTrap(vector, flags, cs, address) {
      const v = view(LIST);
      v.setUint32(0, vector | (flags << 8) | (cs << 16), true);
      v.setUint32(4, address, true);
      v.setUint32(12, 0, true);
      assert.equal(x.do_set_trap_table(BigInt(page(LIST))), 0);
    },
    mask: () => new DataView(bytes(), info, 4).getUint8(1),
    setMask: (byte) => new DataView(bytes(), info, 4).setUint8(1, byte),
  };
  x.do_stack_switch(KDS, BigInt(page(2)));
  return m;
}
