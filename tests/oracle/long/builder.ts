/** A case of 64-bit code in the making: state, prefixes, memory operand, and the bytes they come to. */
import { operandWidth } from "../../../jit/isa/forms.ts";
import { bytes } from "../../float/native.ts";
import type { Random } from "../../random.ts";
import type { Form } from "../forms.ts";
import { EDGE, EDGE_SIZE, READONLY, SCRATCH, UNMAPPED } from "../layout.ts";
import { STACK_TOP } from "../state.ts";
import { memoryOffset, randomMemory } from "../values.ts";
import type { LongIgnore } from "./case.ts";
import { FS_BASE, GS_BASE } from "./layout.ts";
import { canonical, corner64, farAddress } from "./values.ts";

export const [AX, CX, DX, BX, SP, BP, SI, DI] = [0, 1, 2, 3, 4, 5, 6, 7];
const ARITHMETIC = 0x8d5, DF = 0x400, AC = 0x40000;
const FS_PREFIX = 0x64, GS_PREFIX = 0x65;
/** Segment overrides that mean nothing. */
const IGNORED = [0x26, 0x2e, 0x36, 0x3e];
const MAP_BYTES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];
const REX_W = 8;
const fits32 = (v: bigint) => BigInt.asIntN(32, v) === v;

export class LongBuilder {
  readonly registers = new BigUint64Array(16);
  /** Registers whose value means something: no address may be put there. */
  readonly pinned = new Set<number>();
  eflags: number;
  readonly memory: Uint8Array;
  fx = new Uint8Array(512);
  readonly ignore: LongIgnore = {
    memory: [],
    registers: new BigUint64Array(16),
    partial: false,
  };
  undefinedFlags = 0;
  /** There is a REX prefix: registers above the seventh may be named, AH to BH not. */
  rex: boolean;
  reg: number;
  rm: number;
  /** Linear address of the memory operand. */
  target: bigint;
  immediate: bigint;
  immediate2: number;
  readonly prefixes: number[] = [];
  addr32 = false;
  override = 0;
  /** Bytes that the memory operand takes. */
  width: number;
  /** Target of a relative jump. */
  jump = 0;

  /**
   * @param slot address of the case's slot
   * @param at address of the instruction
   * @param inRow others go before it: its memory operand is relative to RIP
   */
  constructor(
    readonly r: Random,
    readonly form: Form,
    readonly slot: number,
    readonly at: number,
    readonly inRow = false,
  ) {
    const { row } = form;
    for (let i = 0; i < 16; i++) this.registers[i] = corner64(r);
    if (!r.oneIn(4)) this.setStack(STACK_TOP - r.below(16) * 8);
    this.eflags = 0x202 | (r.next() & ARITHMETIC) | (r.oneIn(4) ? DF : 0) | (r.oneIn(8) ? AC : 0);
    this.memory = randomMemory(r);
    this.rex = this.wide || r.oneIn(2);
    const any = this.rex ? 16 : 8;
    // the high bit of a fixed number is REX's all the same, and means nothing
    const digit = (n: number) => n < 0 ? r.below(any) : this.rex && r.oneIn(2) ? n | 8 : n;
    this.reg = row.operands[0]?.[0] === "R" ? Math.max(row.reg, 0) : digit(row.reg);
    this.rm = digit(row.rm);
    this.immediate = corner64(r);
    this.immediate2 = r.below(256);
    this.width = memoryBytes(form);
    this.target = inRow ? BigInt(this.scratch(this.width)) : this.pickTarget();
    if (inRow) return;
    if (r.oneIn(8)) this.override = r.pick([FS_PREFIX, GS_PREFIX]);
    this.addr32 = r.oneIn(8);
  }

  /** Needs REX.W. */
  get wide(): boolean {
    return this.form.size === 8 && this.form.row.long === "";
  }

  /** As pickTarget, for what a processor may take apart: all of the bytes have addresses or none has. */
  pickWhole(width: number): bigint {
    for (;;) {
      const target = this.pickTarget(width);
      if (canonical(target) === canonical(target + BigInt(width - 1))) return target;
    }
  }

  /** A linear address for `width` bytes: mostly in the scratch, sometimes where it faults. */
  pickTarget(width = this.width): bigint {
    const { r } = this;
    const n = r.below(100);
    if (n < 84) return BigInt(this.scratch(width));
    if (n < 88) return BigInt(SCRATCH + 256 - r.below(width));
    if (n < 90) return BigInt(EDGE + EDGE_SIZE - width);
    if (n < 92) return BigInt(EDGE + EDGE_SIZE - r.below(width));
    if (n < 94) return BigInt(READONLY + r.below(256));
    if (n < 96) return BigInt(UNMAPPED + r.below(4000));
    return farAddress(r);
  }

  scratch(width: number): number {
    const at = this.r.below(256 - width);
    return SCRATCH + (this.r.oneIn(4) ? at : at & -Math.min(width, 16));
  }

  poke(address: number | bigint, value: number | bigint, size: number): void {
    bytes(value, size).forEach((v, i) => {
      const at = memoryOffset(Number(address) + i);
      if (at >= 0) this.memory[at] = v;
    });
  }

  peek(address: number | bigint, size: number): bigint {
    let v = 0n;
    for (let i = size - 1; i >= 0; i--) {
      const at = memoryOffset(Number(address) + i);
      v = v << 8n | BigInt(at >= 0 ? this.memory[at] : 0);
    }
    return v;
  }

  pin(register: number, value: number | bigint): void {
    this.registers[register] = BigInt.asUintN(64, BigInt(value));
    this.pinned.add(register);
  }

  setStack(at: number | bigint): void {
    this.pin(SP, at);
  }

  /** Which register, and which bits of it, number n of `size` bytes is. */
  #part(n: number, size: number): [number, bigint, bigint] {
    const high = size === 1 && !this.rex && n >= 4;
    return [high ? n - 4 : n, high ? 8n : 0n, (1n << BigInt(size * 8)) - 1n];
  }

  setRegister(n: number, value: number | bigint, size: number): void {
    const [r, shift, mask] = this.#part(n, size);
    const v = BigInt.asUintN(size * 8, BigInt(value));
    this.registers[r] = (this.registers[r] & ~(mask << shift)) | v << shift;
  }

  register(n: number, size: number): bigint {
    const [r, shift, mask] = this.#part(n, size);
    return this.registers[r] >> shift & mask;
  }

  /** Sets the operand that ModRM names, in its register or in memory. */
  setOperand(value: number | bigint, size: number): void {
    if (this.form.memory) this.poke(this.target, value, size);
    else this.setRegister(this.rm, value, size);
  }

  operand(size: number): bigint {
    return this.form.memory ? this.peek(this.target, size) : this.register(this.rm, size);
  }

  /** Bytes before the opcode, as they will be. */
  #head(): number[] {
    const { row, size } = this.form;
    const { r } = this;
    if (size === 2 || row.prefix === "66") this.prefixes.push(0x66);
    if (this.form.memory) {
      // AMD's processors refuse such an offset even where the base makes an address of it
      if (this.override && !canonical(this.#offset())) this.override = 0;
      if (this.#offset() >> 32n) this.addr32 = false; // out of its reach
    }
    if (this.addr32) this.prefixes.push(0x67);
    if (this.override) this.prefixes.push(this.override);
    else if (r.oneIn(16)) this.prefixes.push(r.pick(IGNORED));
    const mandatory = row.prefix === "f2" || row.prefix === "f3" ? [parseInt(row.prefix, 16)] : [];
    return [...shuffled(r, this.prefixes), ...mandatory];
  }

  /** The instruction's bytes, once everything is set. May put addresses into free registers. */
  encode(): number[] {
    const { row } = this.form;
    const head = this.#head();
    const immediates = this.#immediates();
    const opcode = [...MAP_BYTES[row.map], row.opcode | (row.plusReg ? this.reg & 7 : 0)];
    const before = head.length + (this.rex ? 1 : 0) + opcode.length;
    let rex = 0x40 |
      (this.wide || (row.long && this.r.oneIn(4) && this.form.size === 8) ? REX_W : 0);
    // REX.W of a row that knows no operand size changes nothing
    if (this.#unsized && this.r.oneIn(4)) rex |= REX_W;
    const after = immediates.length;
    let body: number[] = [];
    if (row.operands.some((o) => o[0] === "O")) {
      body = bytes(this.#offset(), this.addr32 ? 4 : 8);
    } else if (this.form.memory) {
      const [extra, modrm] = this.#memoryForm(before, after);
      rex |= extra | (this.reg & 8) >> 1;
      body = modrm;
    } else if (this.#hasModrm) {
      rex |= (this.reg & 8) >> 1 | (this.rm & 8) >> 3;
      body = [0xc0 | (this.reg & 7) << 3 | this.rm & 7];
    } else if (row.plusReg) rex |= this.reg >> 3;
    else if (row.operands[0]?.[0] === "J") {
      const n = row.operands[0] === "Jz" ? 4 : 1;
      body = bytes(this.jump - (this.at + before + n), n);
    }
    return [...head, ...(this.rex ? [rex] : []), ...opcode, ...body, ...immediates];
  }

  get #unsized(): boolean {
    return !this.form.row.operands.some((o) => /[vzsyt]$/.test(o)) && this.form.size === 4 &&
      !this.form.row.implicitMemory;
  }

  get #hasModrm(): boolean {
    const { row } = this.form;
    return row.reg >= 0 || row.rm >= 0 || row.mod !== "any" ||
      row.operands.some((o) => /^[EMRGSPQVWT]/.test(o));
  }

  /** Offset of the target in the segment that will be used. */
  #offset(): bigint {
    const base = this.override === FS_PREFIX ? FS_BASE : this.override ? GS_BASE : 0n;
    return BigInt.asUintN(64, this.target - base);
  }

  /** REX bits, and ModRM, SIB and displacement. */
  #memoryForm(before: number, after: number): [number, number[]] {
    const { r } = this;
    const offset = this.#offset();
    const bits = this.addr32 ? 32 : 64;
    const reg = (this.reg & 7) << 3;
    if (this.inRow || r.oneIn(6)) {
      const rip = BigInt(this.at + before + 5 + after);
      const d = BigInt.asIntN(bits, offset - rip);
      if (fits32(d)) return [0, [reg | 5, ...bytes(d, 4)]];
    }
    const limit = this.rex ? 16 : 8;
    const free = Array.from({ length: limit }, (_, i) => i).filter((n) => !this.pinned.has(n));
    const index = r.oneIn(3) ? r.pick(free.filter((n) => n !== SP)) : -1;
    const scale = r.below(4);
    const scaled = index >= 0 ? this.registers[index] << BigInt(scale) : 0n;
    const indexRex = index >= 8 ? 2 : 0;
    const sibIndex = (index < 0 ? 4 : index & 7) << 3 | scale << 6;
    if (r.oneIn(8)) {
      const d = BigInt.asIntN(bits, offset - scaled);
      if (fits32(d)) return [indexRex, [reg | 4, sibIndex | 5, ...bytes(d, 4)]];
    }
    const base = r.pick(free.filter((n) => n !== index));
    const sib = index >= 0 || (base & 7) === SP || r.oneIn(8);
    let mod = r.below(3);
    if (mod === 0 && (base & 7) === BP) mod = 1;
    const d = mod === 0 ? 0 : mod === 1 ? r.below(256) - 128 : r.next() | 0;
    const value = BigInt.asUintN(bits, offset - scaled - BigInt(d));
    const upper = this.addr32 ? BigInt(r.next()) << 32n : 0n;
    this.registers[base] = upper | value;
    this.pinned.add(base);
    const tail = [...(sib ? [sibIndex | base & 7] : []), ...bytes(d, mod === 2 ? 4 : mod)];
    return [(base >> 3) | (sib ? indexRex : 0), [mod << 6 | reg | (sib ? 4 : base & 7), ...tail]];
  }

  #immediates(): number[] {
    const { size, row } = this.form;
    const widths: Record<string, number> = { b: 1, s: 1, w: 2, z: Math.min(size, 4), v: size };
    const [first, second] = row.operands.filter((o) => o[0] === "I");
    return [
      ...(first ? bytes(this.immediate, widths[first[1]]) : []),
      ...(second ? [this.immediate2] : []),
    ];
  }
}

function shuffled<T>(r: Random, list: T[]): T[] {
  for (let i = list.length - 1; i > 0; i--) {
    const j = r.below(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/** Bytes of a form's memory operand. */
function memoryBytes({ row, size }: Form): number {
  const o = row.operands.find((o) => "EMOQW".includes(o[0]));
  return o ? operandWidth(o, size) : size;
}
