/**
 * One instruction at a time on a vCPU whose every register, hidden ones too, the test sets: for what a
 * process of the host cannot be put into.
 *
 * The guest has no program. Its pages hold the bytes under test, followed by a jump to itself; every
 * vector's handler is a jump to itself as well, so where EIP stands in the end says what happened, and
 * the registers are what the instruction left.
 */
import assert from "node:assert/strict";
import {
  C_CPL,
  C_DR,
  C_EFLAGS,
  C_EIP,
  C_FLAG_AUX,
  C_FLAG_RES,
  C_FX,
  C_SEG,
  C_SHADOW,
  R_SP,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SEL,
  SEG_SIZE,
} from "../../core/wasm/layout.ts";
import { BASE, type Guest, Rig } from "../hypercalls/rig.ts";

export { BASE };
export const PAGE = 4096;
/** Page numbers: 0 to 2 are the page tables; the code under test, handlers and stacks follow. */
export const CODE_PAGE = 5, HANDLERS = 6, KERNEL_STACK = 7, STACK_PAGE = 8, LIST = 9;
/** Pages from here to the last are the tests' own. */
export const FREE = 16;
export const va = (page: number, offset = 0): number => BASE + page * PAGE + offset;

export const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;
/** Page table entry bits. */
export const P = 1, RW = 2, US = 4, A = 0x20, D = 0x40;
export const NX = 1n << 63n;

const SET_TRAP_TABLE = 0,
  STACK_SWITCH = 3,
  SET_DEBUGREG = 8,
  UPDATE_VA_MAPPING = 14,
  MMUEXT_OP = 26;
const TLB_FLUSH_LOCAL = 6, CLEAR_PAGE = 16;
const SELF = 0x7ff0;
const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17];
const NAMES = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"] as const;
export type Name = typeof NAMES[number];

/** Hidden part of a segment register. Attributes: bits 8 to 23 of a descriptor's high word. */
export interface Hidden {
  selector?: number;
  attributes: number;
  base?: number;
  /** In bytes, as the processor keeps it. */
  limit?: number;
}
export const CODE32 = 0xc0fb00, DATA32 = 0xc0f300;
/** Without D or B: 16-bit code, a stack of SP. */
export const CODE16 = 0x80fb00, DATA16 = 0x80f300;
export const EXPAND_DOWN = 0x400;

export interface Setup extends Partial<Record<Name, number>> {
  /** Bytes of the instruction. */
  code: number[];
  /** Where it lies; the code page's start if not given. */
  at?: number;
  /** Ring 1 or 3. */
  ring?: 1 | 3;
  eflags?: number;
  /** Hidden parts, by register number, in place of flat ones. */
  segments?: Record<number, Hidden>;
  /** EIP, where CS has a base; `at` if not given. */
  eip?: number;
  /** DR0 to DR3 and DR7 by number. */
  debug?: Record<number, number>;
  /** No jump to itself behind the instruction: the bytes there stay. */
  bare?: boolean;
  /** Most instructions to run. */
  budget?: number;
}

export interface Result extends Record<Name, number> {
  /** Vector whose handler was entered; null if the instruction ended without a fault. */
  vector: number | null;
  error: number | null;
  cr2: number;
  /** Where it stands: behind the instruction, or in the frame. */
  eip: number;
  eflags: number;
  cs: number;
  dr6: number;
}

interface Inside {
  inspect_cpu(domid: number, vcpu: number): number;
  inspect_eflags(domid: number, vcpu: number): number;
  inspect_cr2(domid: number, vcpu: number): bigint;
  machine_run(now: bigint, budget: number): number;
}

export class Bench {
  private constructor(readonly guest: Guest, private readonly inside: Inside) {}

  static async create(): Promise<Bench> {
    const rig = await Rig.create();
    const guest = rig.addGuest().enter();
    const bench = new Bench(guest, rig.inside as unknown as Inside);
    const list = guest.va(LIST);
    const vectors = [...Array(32).keys()].filter((v) => v !== 2).concat(0x80);
    vectors.forEach((v, n) => {
      // DPL 3 for the software interrupts only
      const dpl = v === 3 || v === 4 || v === 0x80 ? 3 : 0;
      guest.write(list + n * 8, v | (dpl << 8) | (KCS << 16), va(HANDLERS, v * 16));
    });
    guest.write(list + vectors.length * 8, 0, 0);
    assert.equal(guest.call(SET_TRAP_TABLE, list), 0);
    assert.equal(guest.call(STACK_SWITCH, KDS, va(KERNEL_STACK, PAGE)), 0);
    for (let page = CODE_PAGE; page < 96; page++) bench.protect(page, P | RW | US | A | D);
    for (let at = 0; at < PAGE; at += 16) guest.write(va(HANDLERS, at), 0xfeeb);
    rig.inside.slice_end();
    return bench;
  }

  private call(nr: number, ...args: number[]): void {
    this.guest.enter();
    assert.equal(this.guest.call(nr, ...args), 0);
    this.guest.rig.inside.slice_end();
  }

  /** Changes a page's level-1 entry to these bits (0: none). */
  protect(page: number, bits: number | bigint): void {
    const b = BigInt(bits);
    const entry = b === 0n ? 0n : BigInt(this.guest.mfns[page]) << 12n | b;
    this.call(UPDATE_VA_MAPPING, va(page), Number(entry & 0xffffffffn), Number(entry >> 32n), 2);
  }

  /** Sets bits of a table's entry as nobody else could, and flushes. */
  setEntry(table: number, index: number, change: (old: bigint) => bigint): void {
    const at = va(table, index * 8);
    this.guest.write64(at, change(this.guest.read64(at)));
    const op = this.guest.write(va(LIST), TLB_FLUSH_LOCAL, 0, 0);
    // a flush forgets only what a hypercall changed
    this.protect(LIST, P | RW | US);
    this.protect(LIST, P | RW | US | A | D);
    this.call(MMUEXT_OP, op, 1, 0, SELF);
  }

  /** The low bits and NX of a page's level-1 entry. */
  bits(page: number): bigint {
    return this.guest.read64(va(2, page * 8)) & (0xfffn | NX);
  }

  put(address: number, bytes: number[]): void {
    const changed = bytes.some((b, i) => this.get(address + i, 1)[0] !== b);
    if (!changed) return;
    const last = (address + bytes.length - 1 - BASE) >>> 12;
    for (let page = (address - BASE) >>> 12; page <= last; page++) {
      if (this.#executed.has(page)) this.#forget(page);
    }
    for (const [i, b] of bytes.entries()) {
      const word = (address + i) & ~3, shift = (address + i & 3) * 8;
      this.guest.write(word, this.guest.read(word >>> 0) & ~(0xff << shift) | b << shift);
    }
  }

  /** Pages that instructions may have been decoded from. */
  readonly #executed = new Set<number>();

  /** Makes the core drop what it decoded from a page: a write from outside would escape it. */
  #forget(page: number): void {
    const words = Array.from({ length: PAGE / 4 }, (_, n) => this.guest.read(va(page, n * 4)));
    const op = this.guest.write(va(LIST), CLEAR_PAGE, this.guest.mfns[page], 0);
    this.call(MMUEXT_OP, op, 1, 0, SELF);
    this.guest.write(va(page), ...words);
    this.#executed.delete(page);
  }

  /** Bytes of memory, whatever the pages' protection. */
  get(address: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => {
      const at = address + i;
      return this.guest.read((at & ~3) >>> 0) >>> ((at & 3) * 8) & 0xff;
    });
  }

  run(s: Setup): Result {
    const { domid, rig } = this.guest;
    const ring = s.ring ?? 1;
    const at = s.at ?? va(CODE_PAGE);
    this.put(at, s.bare ? s.code : [...s.code, 0xeb, 0xfe]);
    for (const byte of [0, 15]) this.#executed.add((at + byte - BASE) >>> 12);
    for (const n of [0, 1, 2, 3, 6, 7]) {
      const value = s.debug?.[n] ?? (n === 6 ? 0xffff0ff0 : n === 7 ? 0x400 : 0);
      if (s.debug || this.#debugged) this.#setDebug(n, value);
    }
    this.#debugged = s.debug !== undefined;
    const cpu = this.inside.inspect_cpu(domid, 0);
    let view = rig.core.view();
    NAMES.forEach((name, n) => {
      const fallback = name === "esp" ? va(STACK_PAGE, 0x800) : 0x01010101 * (n + 1);
      view.setBigUint64(cpu + n * 8, BigInt((s[name] ?? fallback) >>> 0), true);
    });
    view.setBigUint64(cpu + C_EIP, BigInt((s.eip ?? at) >>> 0), true);
    this.#setFlags(view, cpu, s.eflags ?? 0);
    new Uint8Array(view.buffer, cpu + C_FX, 512).fill(0);
    view.setUint16(cpu + C_FX, 0x37f, true);
    view.setUint32(cpu + C_FX + 24, 0x1f80, true);
    view.setUint32(cpu + C_CPL, ring, true);
    view.setUint32(cpu + C_SHADOW, 0, true);
    for (let n = 0; n < 6; n++) {
      const code = n === 1;
      const flat: Hidden = {
        selector: code ? (ring === 1 ? KCS : UCS) : ring === 1 ? KDS : UDS,
        attributes: ((code ? CODE32 : DATA32) & ~0x6000) | ring << 13,
      };
      const h = {
        base: 0,
        limit: 0xffffffff,
        selector: flat.selector,
        ...(s.segments?.[n] ?? flat),
      };
      const p = cpu + C_SEG + n * SEG_SIZE;
      view.setUint32(p + SEG_SEL, h.selector!, true);
      view.setUint32(p + SEG_ATTR, h.attributes, true);
      view.setBigUint64(p + SEG_BASE, BigInt(h.base >>> 0), true);
      view.setUint32(p + SEG_LIMIT, h.limit, true);
    }
    this.inside.machine_run(0n, s.budget ?? 40);
    assert.equal(this.guest.state, STATE_RUNNING, "the domain crashed");
    view = rig.core.view();
    const word = (offset: number) => view.getUint32(cpu + offset, true);
    const eip = word(C_EIP);
    const result = {
      vector: null,
      error: null,
      eip,
      eflags: this.inside.inspect_eflags(domid, 0) >>> 0,
      cr2: Number(BigInt.asUintN(32, this.inside.inspect_cr2(domid, 0))),
      cs: word(C_SEG + SEG_SIZE + SEG_SEL),
      dr6: word(C_DR + 48),
      ...Object.fromEntries(NAMES.map((n, i) => [n, word(i * 8)])),
    } as Result;
    if (eip >= va(HANDLERS) && eip < va(HANDLERS + 1)) this.#readFrame(result, word(R_SP));
    return result;
  }

  #debugged = false;

  #setDebug(n: number, value: number): void {
    this.call(SET_DEBUGREG, n, value >>> 0, 0);
  }

  #setFlags(view: DataView, cpu: number, f: number): void {
    // as core/wasm/cpu/flags.ts keeps them
    const zero = (f & 0x40) !== 0;
    let aux = (f & 0x10) >> 1;
    if (f & 1) aux |= 1 << 31;
    if (((f & 1) !== 0) !== ((f & 0x800) !== 0)) aux |= 1 << 30;
    if (f & 0x80) aux |= 1;
    if (((f & 4) !== 0) !== zero) aux |= 2;
    view.setBigInt64(cpu + C_FLAG_RES, zero ? 0n : 1n, true);
    view.setUint32(cpu + C_FLAG_AUX, aux >>> 0, true);
    view.setUint32(cpu + C_EFLAGS, f & ~0x8d5 | 0x202, true);
  }

  /** What the handler finds on its stack. */
  #readFrame(r: Result, esp: number): void {
    r.vector = (r.eip - va(HANDLERS)) >>> 4;
    let at = esp;
    const next = () => {
      at += 4;
      return this.guest.read(at - 4) >>> 0;
    };
    if (WITH_ERROR.includes(r.vector)) r.error = next();
    r.eip = next();
    r.cs = next() & 0xffff;
    r.eflags = next();
    r.esp = (r.cs & 3) === 3 ? next() : at;
  }
}

const STATE_RUNNING = 1;
