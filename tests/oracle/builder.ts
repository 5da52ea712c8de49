/** A case in the making: state, prefixes, memory operand, and the bytes they come to. */
import type { Random } from "../random.ts";
import type { Form } from "./forms.ts";
import { EDGE, EDGE_SIZE, READONLY, SCRATCH, type Segment, UNMAPPED } from "./layout.ts";
import { BP, BX, CS, DI, DS, ES, FS, GS, SI, SP, SS, STACK_TOP, type State } from "./state.ts";
import { corner, memoryOffset } from "./values.ts";

/** Segment override prefixes by register number ES CS SS DS FS GS. */
const OVERRIDE = [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65];

/** Which of the two flat addressing forms a memory operand must take; none: any, and any segment. */
export type Addressing = "base" | "indexed" | null;

/** In sequences, from this offset in the scratch on up to its middle lie pointers to code. */
const POINTERS = 208;

export class CaseBuilder {
  readonly registers: Uint32Array;
  readonly pinned: Set<number>;
  readonly segments: (Segment | null)[];
  readonly memory: Uint8Array;
  /** ModRM.reg, ModRM.rm of a register operand, or the opcode's register. */
  reg: number;
  rm: number;
  /** Linear address of the memory operand. */
  target = 0;
  immediate: number;
  immediate2: number;
  readonly prefixes: number[] = [];
  addr16 = false;
  override = -1;
  /** Bytes that the memory operand takes. */
  width: number;
  undefinedFlags = 0;
  /** Linear address of the stack's top. */
  stackLinear = STACK_TOP;
  /** LOCK given, or implied: the operand must not straddle a cache line (hosts may trap that). */
  aligned = false;

  /**
   * @param state what the instruction starts from
   * @param at offset of its first byte in the case's code
   */
  constructor(
    readonly r: Random,
    readonly form: Form,
    readonly state: State,
    readonly at = 0,
    readonly addressing: Addressing = null,
  ) {
    this.registers = state.registers;
    this.pinned = state.pinned;
    this.segments = state.segments;
    this.memory = state.memory;
    this.reg = form.row.reg >= 0 ? form.row.reg : r.below(8);
    this.rm = form.row.rm >= 0 ? form.row.rm : r.below(8);
    this.immediate = corner(r);
    this.immediate2 = r.below(256);
    this.width = operandBytes(form);
    this.target = this.pickTarget();
  }

  /** A linear address for `width` bytes: mostly in the scratch, sometimes where it faults. */
  pickTarget(width = this.width): number {
    const { r } = this;
    const n = r.below(100);
    if (n < 88) return this.scratch(width);
    if (n < 92) return SCRATCH + 256 - r.below(width); // across a page's end
    if (n < 94) return EDGE + EDGE_SIZE - width;
    if (n < 96) return EDGE + EDGE_SIZE - r.below(width); // into the page that is not there
    if (n < 98) return READONLY + r.below(256);
    return r.oneIn(2) ? UNMAPPED + r.below(4000) : 0x20000000 + r.below(0x40000000);
  }

  /** An address in the lower half of the scratch. */
  scratch(width: number): number {
    const at = this.r.below((this.state.alone ? 256 : POINTERS) - width);
    return SCRATCH + (this.r.oneIn(4) ? at : at & -Math.min(width, 4));
  }

  /** Puts a pointer where no other instruction of a sequence writes. */
  apart(): void {
    if (!this.state.alone && this.form.memory) {
      this.target = SCRATCH + POINTERS + this.r.below((256 - POINTERS) / 4) * 4;
    }
  }

  /** Writes a little-endian number to the case's memory, as far as it lies there. */
  poke(address: number, value: number, size: number): void {
    for (let i = 0; i < size; i++) {
      const at = memoryOffset(address + i);
      if (at >= 0) this.memory[at] = value >>> (i * 8);
    }
  }

  peek(address: number, size: number): number {
    let v = 0;
    for (let i = 0; i < size; i++) {
      const at = memoryOffset(address + i);
      if (at >= 0) v |= this.memory[at] << (i * 8);
    }
    return v >>> 0;
  }

  /** True if an address of an instruction before this one is built on a register. */
  private taken(register: number): boolean {
    return !this.state.alone && this.pinned.has(register);
  }

  /** Sets a register, unless that is taken. */
  put(register: number, value: number): void {
    if (!this.taken(register)) this.registers[register] = value;
  }

  /** Gives a register a meaning, unless it is taken. */
  pin(register: number, value: number): void {
    if (this.taken(register)) return;
    this.registers[register] = value;
    this.pinned.add(register);
  }

  /** Sets the operand that ModRM names, in its register or in memory. */
  setOperand(value: number, size: number): void {
    if (this.form.memory) this.poke(this.target, value, size);
    else if (this.taken(size === 1 ? this.rm & 3 : this.rm)) return;
    else if (size === 1) this.setByteRegister(this.rm, value);
    else if (size === 2) {
      this.registers[this.rm] = (this.registers[this.rm] & 0xffff0000) | (value & 0xffff);
    } else this.registers[this.rm] = value;
  }

  /** The operand that ModRM names. */
  operand(size: number): number {
    if (this.form.memory) return this.peek(this.target, size);
    if (size === 1) return (this.registers[this.rm & 3] >>> (this.rm & 4 ? 8 : 0)) & 0xff;
    return size === 2 ? this.registers[this.rm] & 0xffff : this.registers[this.rm];
  }

  /** Leaves bytes of memory out of the comparison. */
  ignore(address: number, length: number): void {
    this.state.ignore.memory.push([address, length]);
  }

  /** Leaves bits of a register out of the comparison. */
  ignoreRegister(n: number, mask: number): void {
    this.state.ignore.registers[n] = mask;
  }

  /** Says why a fault may leave other registers than ours, and another CR2. */
  set partial(reason: string) {
    this.state.ignore.partial = reason;
  }

  private setByteRegister(n: number, value: number): void {
    const shift = n & 4 ? 8 : 0;
    const r = n & 3;
    this.registers[r] = (this.registers[r] & ~(0xff << shift)) | ((value & 0xff) << shift);
  }

  /** The instruction's bytes, once everything is set. May put addresses into free registers. */
  encode(): number[] {
    const body = this.form.memory ? this.memoryForm() : this.registerForm();
    const { row } = this.form;
    if (this.needsSizePrefix) this.prefixes.push(0x66);
    if (this.needsAddressPrefix) this.prefixes.push(0x67);
    if (this.override >= 0) this.prefixes.push(OVERRIDE[this.override]);
    shuffle(this.r, this.prefixes);
    if (row.prefix === "f2" || row.prefix === "f3") this.prefixes.push(parseInt(row.prefix, 16));
    const opcode = row.opcode | (row.plusReg ? this.reg : 0);
    return [...this.prefixes, ...MAP_BYTES[row.map], opcode, ...body, ...this.immediates()];
  }

  private get needsSizePrefix(): boolean {
    return (this.form.size === 2) !== (this.state.mode === "code16");
  }

  private get needsAddressPrefix(): boolean {
    return this.addr16 !== (this.state.mode === "code16");
  }

  /** Prefixes of an instruction without memory operand. */
  get prefixLength(): number {
    return this.prefixes.length + (this.needsSizePrefix ? 1 : 0) +
      (this.needsAddressPrefix ? 1 : 0);
  }

  private hasModrm(): boolean {
    const { row } = this.form;
    return row.reg >= 0 || row.rm >= 0 || row.mod !== "any" ||
      row.operands.some((o) => /^[EMRGS]/.test(o));
  }

  private registerForm(): number[] {
    return this.hasModrm() ? [0xc0 | this.reg << 3 | this.rm] : [];
  }

  private memoryForm(): number[] {
    this.chooseSegment();
    if (this.form.row.operands.some((o) => o[0] === "O")) {
      return bytesOf(this.offset(), this.addr16 ? 2 : 4);
    }
    return this.addr16 ? this.modrm16() : this.modrm32();
  }

  /** Offset of the target in the segment that will be used. */
  private offset(): number {
    const base = this.segments[this.override >= 0 ? this.override : DS]?.base ?? 0;
    return (this.target - base) >>> 0;
  }

  private chooseSegment(): void {
    if (this.override >= 0 || this.addressing) return;
    const { r } = this;
    const n = r.below(100);
    if (this.state.mode === "code16" && n < 30 && this.offsetFor(DS) < 0x10000) {
      this.override = DS;
      this.addr16 = true;
      return;
    }
    if (n < (this.state.mode === "code16" ? 50 : 70)) return;
    if (n < 85) {
      // 16-bit addresses reach the scratch through a base only
      this.override = r.pick([FS, FS, GS]);
      const reachable = this.offset() < 0x10000;
      this.addr16 = r.oneIn(2) && reachable;
    } else this.override = r.pick([ES, CS, SS, DS, FS, GS]);
  }

  /** ModRM, SIB and displacement for a 32-bit address. */
  private modrm32(): number[] {
    const { r } = this;
    const reg = this.reg << 3;
    const { addressing } = this;
    const base = this.pickRegister(-1);
    if (base < 0 || (addressing !== "indexed" && r.oneIn(10))) {
      return [reg | 5, ...bytesOf(this.offsetFor(DS), 4)];
    }
    const withIndex = addressing ? addressing === "indexed" : r.oneIn(3);
    // index 4 in a SIB byte means none
    const index = !withIndex ? -1 : addressing || !r.oneIn(8) ? this.pickRegister(SP) : 4;
    const scale = r.below(4);
    const sib = index >= 0 || base === SP;
    const hasIndex = sib && index >= 0 && index !== 4;
    if (hasIndex) this.pinned.add(index);
    if (sib && r.oneIn(8)) {
      // no base: displacement and index alone
      const rest = hasIndex ? this.registers[index] << scale : 0;
      const d = this.offsetFor(DS) - rest;
      return [reg | 4, scale << 6 | (index < 0 ? 4 : index) << 3 | 5, ...bytesOf(d, 4)];
    }
    const offset = this.offsetFor(base === SP || base === BP ? SS : DS);
    const scaled = hasIndex ? this.registers[index] << scale : 0;
    const free = !this.pinned.has(base) && base !== SP;
    this.pinned.add(base);
    const rmByte = sib ? 4 : base;
    const tail = sib ? [scale << 6 | (index < 0 ? 4 : index) << 3 | base] : [];
    let mod = free ? r.below(3) : 2;
    if (mod === 0 && base === BP) mod = 1;
    const d = mod === 0 ? 0 : mod === 1 ? r.below(256) - 128 : corner(r);
    if (free) {
      this.registers[base] = offset - scaled - d;
      return [mod << 6 | reg | rmByte, ...tail, ...bytesOf(d, mod === 0 ? 0 : mod === 1 ? 1 : 4)];
    }
    const wanted = offset - scaled - this.registers[base];
    return [0x80 | reg | rmByte, ...tail, ...bytesOf(wanted, 4)];
  }

  /** A register to build an address on, other than `not`; -1 if all were changed. */
  private pickRegister(not: number): number {
    const all = [0, 1, 2, 3, 4, 5, 6, 7].filter((n) => n !== not && !this.state.changed.has(n));
    return all.length ? this.r.pick(all) : -1;
  }

  private offsetFor(segment: number): number {
    const base = this.segments[this.override >= 0 ? this.override : segment]?.base ?? 0;
    return (this.target - base) >>> 0;
  }

  /** ModRM and displacement for a 16-bit address. */
  private modrm16(): number[] {
    const { r } = this;
    const reg = this.reg << 3;
    const rm = r.below(8);
    const offset = this.offset();
    const pairs = [[BX, SI], [BX, DI], [BP, SI], [BP, DI], [SI], [DI], [BP], [BX]];
    const moved = pairs[rm].some((n) => this.state.changed.has(n));
    if (moved || (rm === 6 && r.oneIn(2))) return [reg | 6, ...bytesOf(offset, 2)];
    const sum = pairs[rm].reduce((a, n) => a + this.registers[n], 0);
    for (const n of pairs[rm]) this.pinned.add(n);
    return [0x80 | reg | rm, ...bytesOf(offset - sum, 2)];
  }

  private immediates(): number[] {
    const { size, row } = this.form;
    let first = true;
    return row.operands.flatMap((o) => {
      if (o[0] !== "I") return [];
      const value = first ? this.immediate : this.immediate2;
      first = false;
      const bytes = o[1] === "b" || o[1] === "s" ? 1 : o[1] === "w" ? 2 : size;
      return bytesOf(value, bytes);
    }).concat(this.jumpBytes);
  }

  /** Displacement of a relative branch or a far pointer, set by special.ts. */
  jumpBytes: number[] = [];
}

const MAP_BYTES = [[], [0x0f], [0x0f, 0x38], [0x0f, 0x3a]];

/** Little-endian bytes of a number. */
export function bytesOf(value: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (value >>> (i * 8)) & 0xff);
}

function shuffle<T>(r: Random, list: T[]): void {
  for (let i = list.length - 1; i > 0; i--) {
    const j = r.below(i + 1);
    [list[i], list[j]] = [list[j], list[i]];
  }
}

const WIDTHS: Record<string, number> = { b: 1, w: 2, d: 4, q: 8, t: 8 };

/** Bytes of a form's memory operand; the operand size where the notation does not say. */
function operandBytes({ row, size }: Form): number {
  const o = row.operands.find((o) => "EMO".includes(o[0]));
  const width = o ? WIDTHS[o[1]] ?? size : size;
  return row.name === "bound" ? width * 2 : /far/.test(row.name) ? width + 2 : width;
}
