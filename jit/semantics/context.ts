/**
 * What a definition of an instruction sees: operands, flags, memory, the stack, and the ways on.
 *
 * The same definition serves the interpreter (operands taken from a decoded record at run time) and
 * the translator (operands bound to locals and constants). They differ in the abstract methods only.
 *
 * The order that keeps state precise: read operands, compute, write the destination (which may
 * fault), then set flags and registers, which cannot.
 */
import type binaryen from "binaryen";
import {
  C_MODE,
  C_SEG,
  CPU,
  MODE_STACK32,
  PREFIX_ADDR16,
  R_SP,
  SEG_SEL,
  SEG_SIZE,
  SS,
} from "../../core/wasm/layout.ts";
import type { Row } from "../isa/rows.ts";
import { MemoryInstruction, type Place } from "./memory.ts";
import type { HelperName } from "./runtime.ts";
import type { IntType, Operand, Value } from "./value.ts";

export type { Place, VectorPlace } from "./memory.ts";

const GENERAL_PROTECTION = 13;

/** Context of one instruction at one operand size. */
export abstract class Context extends MemoryInstruction {
  /** Segments are flat and the stack is 32 bits wide: no limit is checked. */
  readonly flat: boolean;

  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    noFlags: boolean,
    flat: boolean,
    parameters: number,
    before?: Context,
  ) {
    super(m, row, size, noFlags, parameters, before);
    this.flat = flat;
  }

  // ---- what a binding provides -----------------------------------------------------------------

  /** Operand n of the row. */
  abstract operand(n: number): Place;
  /** The immediate, sign-extended, in the given type. */
  abstract immediate(type?: IntType): Value;
  /** The second, 8-bit immediate (ENTER) or the selector of a far pointer. */
  abstract immediate2(): Value;
  /** True if operand n lies in memory. */
  abstract inMemory(n: number): boolean;
  /** On to the following instruction. */
  abstract next(): void;
  /** To a target relative to this instruction, as decoded. */
  abstract jumpRelative(): void;
  /** Faults if the relative target lies beyond the code segment: to be said before anything changes. */
  abstract checkRelative(): void;
  /** As checkRelative, for any target. */
  checkTarget(eip: Value): void {
    if (this.long) {
      // no limit, but an address must be the sign extension of its low 48 bits
      this.if(this.ne(eip, this.signExtendBits(eip, 48)), () => this.fault(GENERAL_PROTECTION));
    } else if (!this.flat) this.check(this.call("cpu_jump_ok", this.convert(eip, "i32")));
  }
  /** EIP of the following instruction. */
  abstract nextEip(): Value;
  /** To an address. */
  abstract jumpTo(eip: Value): void;
  /** Leaves through a helper that finds its own way on. */
  abstract leave(helper: HelperName, ...args: Operand[]): void;
  /** Number of the segment register that operand n names. */
  abstract segmentNumberOperand(n: number): Value;
  /** Offset from CPU of the register that operand 0 names, for helpers that write it late. */
  abstract registerOffset(n: number): Value;

  // ---- registers ---------------------------------------------------------------------------------

  /** A register by its offset from CPU. */
  register(offset: number, size = this.size): Place {
    const type: IntType = size === 8 ? "i64" : "i32";
    const read = () => this.readState(size, offset, type);
    return { size, read, modify: read, write: (v) => this.writeGeneral(offset, v, size) };
  }

  /** Writes a general register. */
  protected writeGeneral(offset: number, v: Operand, size: number): void {
    this.writeRegister(CPU + offset, v, size);
  }

  /** Writes a register slot; a 32-bit write clears the upper half, as 64-bit mode wants it. */
  protected writeRegister(address: Operand, v: Operand, size: number): void {
    if (size === 4) {
      const value = typeof v === "number" ? this.constant(v) : v;
      this.store(8, address, this.convert(value, "i64"));
    } else this.store(size, address, v);
  }

  /** An offset or count cut to the instruction's address size. */
  narrowed(v: Value): Value {
    const narrow = this.and(this.prefixes(), PREFIX_ADDR16);
    const mask = this.long ? this.constant(0xffffffffn, "i64") : 0xffff;
    return this.select(narrow, this.and(v, mask), v);
  }

  // ---- the stack ---------------------------------------------------------------------------------

  /** The stack pointer as wide as it can be. */
  stackPointer(): Place {
    return this.register(R_SP, this.addressBytes);
  }

  /** Pushes a value of `size` bytes: memory first, then the stack pointer. */
  push(v: Operand, size = this.size): void {
    const sp = this.stackPointer().read();
    if (this.flat) {
      const at = this.sub(sp, size);
      this.atLinear(at, size, true).write(v);
      this.stackPointer().write(at);
      return;
    }
    const at = this.stackOffset(this.sub(sp, size));
    this.atLinear(this.segmentAddress(SS, at, size, true), size).write(v);
    this.setStackPointer(at);
  }

  /** Moves the stack pointer down by the operand size but writes only a word there. */
  pushWord(v: Operand): void {
    const sp = this.stackPointer().read();
    const at = this.flat ? this.sub(sp, this.size) : this.stackOffset(this.sub(sp, this.size));
    const linear = this.flat ? at : this.segmentAddress(SS, at, 2, true);
    this.atLinear(linear, 2, this.flat).write(v);
    this.setStackPointer(at);
  }

  /** PUSHA: the eight registers, the stack pointer as it was. */
  pushAll(): void {
    this.check(this.call("cpu_pusha", this.size));
  }

  /** POPA: the registers, but for the stack pointer, which moves past them. */
  popAll(): void {
    this.check(this.call("cpu_popa", this.size));
  }

  /** The selector in the segment register that operand n names. */
  segmentRegisterOperand(n: number): Value {
    const number = this.segmentNumberOperand(n);
    return this.load(4, this.mul(number, SEG_SIZE), CPU + C_SEG + SEG_SEL);
  }

  /** Leaves through POP Sreg: the stack pointer moves only if the segment loads. */
  leavePopSegment(segment: number, selector: Value): void {
    this.leave("cpu_pop_sreg", segment, selector, this.size);
  }

  /** Leaves through LDS and its like: the general register is written only if the segment loads. */
  leaveLoadFar(segment: number, selector: Value, offset: Value): void {
    const to = this.registerOffset(0);
    this.leave("cpu_load_far", segment, selector, this.convert(offset, "i32"), to, this.size);
  }

  /** Reads `size` bytes at the stack pointer plus `offset`, which stays. */
  peek(size = this.size, offset = 0): Value {
    const sp = this.stackPointer().read();
    const at = offset ? this.add(sp, offset) : sp;
    if (this.flat) return this.atLinear(at, size, true).read();
    return this.atLinear(this.segmentAddress(SS, this.stackOffset(at), size, false), size).read();
  }

  /** Moves the stack pointer by `n` bytes. */
  release(n: Operand): void {
    this.setStackPointer(this.add(this.stackPointer().read(), n));
  }

  /** An offset within the stack segment: 16 bits wide where SS.B is clear. */
  stackOffset(offset: Value): Value {
    if (this.long) return offset;
    return this.select(this.stack32(), offset, this.and(offset, 0xffff));
  }

  /** Non-zero if the stack pointer is 32 bits wide. */
  stack32(): Value {
    return this.and(this.readState(4, C_MODE), MODE_STACK32);
  }

  /** Replaces the stack pointer: SP alone where SS.B is clear. */
  setStackPointer(v: Value): void {
    if (this.flat || this.long) {
      this.stackPointer().write(v);
      return;
    }
    this.if(
      this.stack32(),
      () => this.register(R_SP, 4).write(v),
      () => this.register(R_SP, 2).write(v),
    );
  }
}
