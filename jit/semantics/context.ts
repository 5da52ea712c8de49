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
  C_EFLAGS,
  C_FLAG_AUX,
  C_FLAG_RES,
  C_MODE,
  C_SEG,
  C_TLB_TAG,
  CPU,
  MODE_STACK32,
  R_SP,
  SEG_SEL,
  SEG_SIZE,
  SPLIT,
  SS,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_READ,
  TLB_WRITE,
} from "../../core/wasm/layout.ts";
import type { Row } from "../isa/rows.ts";
import { Emitter } from "./emitter.ts";
import { type HelperName, HELPERS } from "./runtime.ts";
import { binaryenType, type IntType, type Operand, type Value } from "./value.ts";

/** Somewhere an operand lives. */
export interface Place {
  /** Width in bytes. */
  readonly size: number;
  /** Its value, zero-extended. */
  read(): Value;
  /** Its value, when {@link write} follows: memory is probed for writing at once. */
  modify(): Value;
  /** Replaces it. Memory may fault. */
  write(v: Operand): void;
}

/** Flags whose two words are at hand, and the comparison or result they come from, if it is known. */
interface KnownFlags {
  /** The result, sign-extended to its own type. */
  result: Value;
  aux: Operand;
  /** Both operands, where it was a subtraction. */
  compared: { a: Value; b: Value; size: number } | null;
}

const CARRY_BITS = 0xc0000000 | 0;
const CARRY_AND_ADJUST = 0xc0000008 | 0;

/** Context of one instruction at one operand size. */
export abstract class Context extends Emitter {
  readonly row: Row;
  /** Operand size in bytes: 1, 2, 4 or 8. */
  readonly size: number;
  /** Type that holds a value of the operand size. */
  readonly type: IntType;
  /** Flags are dead after this instruction: do not compute them. */
  readonly noFlags: boolean;
  /** Segments are flat and the stack is 32 bits wide: no limit is checked. */
  readonly flat: boolean;
  /** The flags as values, where the code emitted last has set them for certain. */
  protected flags: KnownFlags | null = null;
  /** Undone before a fault leaves: set by definitions that change a register early. */
  cleanup: (() => void) | null = null;

  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    noFlags: boolean,
    flat: boolean,
    parameters: number,
    before?: Context,
  ) {
    super(m, parameters, before);
    this.flags = before?.flags ?? null;
    this.row = row;
    this.size = size;
    this.type = size === 8 ? "i64" : "i32";
    this.noFlags = noFlags;
    this.flat = flat;
  }

  // ---- what a binding provides -----------------------------------------------------------------

  /** Operand n of the row. */
  abstract operand(n: number): Place;
  /** The immediate, sign-extended, in the given type. */
  abstract immediate(type?: IntType): Value;
  /** The second, 8-bit immediate (ENTER) or the selector of a far pointer. */
  abstract immediate2(): Value;
  /** Effective address of the memory operand, before segmentation. */
  abstract effectiveAddress(): Value;
  /** Segment number of the memory operand. */
  abstract segment(): Value;
  /** The instruction's prefix bits, PREFIX_*. */
  abstract prefixes(): Value;
  /** Address of the decoded record, for helpers that read it themselves. */
  abstract record(): Value;
  /** True if operand n lies in memory. */
  abstract inMemory(n: number): boolean;
  /** On to the following instruction. */
  abstract next(): void;
  /** To a target relative to this instruction, as decoded. */
  abstract jumpRelative(): void;
  /** EIP of the following instruction. */
  abstract nextEip(): Value;
  /** To an address. */
  abstract jumpTo(eip: Value): void;
  /** Leaves through a helper that finds its own way on. */
  abstract leave(helper: HelperName, ...args: Operand[]): void;
  /** Leaves because a fault is pending. */
  abstract faulted(): void;
  /** Number of the segment register that operand n names. */
  abstract segmentNumberOperand(n: number): Value;
  /** Offset from CPU of the register that operand 0 names, for helpers that write it late. */
  abstract registerOffset(n: number): Value;

  // ---- registers ---------------------------------------------------------------------------------

  /** A register by its offset from CPU. */
  register(offset: number, size = this.size): Place {
    const type: IntType = size === 8 ? "i64" : "i32";
    const read = () => this.load(size, CPU + offset, 0, type);
    return {
      size,
      read,
      modify: read,
      write: (v) => this.writeRegister(CPU + offset, v, size),
    };
  }

  /** Writes a register slot; a 32-bit write clears the upper half, as 64-bit mode wants it. */
  protected writeRegister(address: Operand, v: Operand, size: number): void {
    if (size === 4) {
      const value = typeof v === "number" ? this.constant(v) : v;
      this.store(8, address, this.convert(value, "i64"));
    } else this.store(size, address, v);
  }

  // ---- helpers -----------------------------------------------------------------------------------

  /** Calls a core function for its value. */
  call(helper: HelperName, ...args: Operand[]): Value {
    const h = HELPERS[helper];
    if (h.result === null) throw new Error(`${helper} has no result`);
    return this.let(h.result, this.#call(helper, args));
  }

  /** Calls a core function that gives nothing back. */
  invoke(helper: HelperName, ...args: Operand[]): void {
    this.emit(this.#call(helper, args));
  }

  #call(helper: HelperName, args: Operand[]): number {
    const h = HELPERS[helper];
    return this.m.call(
      helper,
      args.map((a, i) => this.get(a, h.parameters[i])),
      h.result === null ? 0 : binaryenType(h.result),
    );
  }

  /** Raises an exception for this instruction and leaves. */
  fault(vector: number, error: Operand = 0): void {
    this.invoke("cpu_raise", vector, error);
    this.#leaveFaulted();
  }

  #leaveFaulted(): void {
    this.cleanup?.();
    this.faulted();
  }

  /** Leaves if a helper said (by zero) that it faulted. */
  check(ok: Value): void {
    this.if(this.eqz(ok), () => this.#leaveFaulted());
  }

  // ---- memory ------------------------------------------------------------------------------------

  /** The memory operand as a place of `size` bytes, `displacement` bytes further on. */
  memory(size = this.size, displacement = 0): Place {
    let effective: Value | null = null;
    const linear = (write: boolean) => {
      effective ??= displacement
        ? this.add(this.effectiveAddress(), displacement)
        : this.effectiveAddress();
      return this.flatOperand
        ? effective
        : this.segmentAddress(this.segment(), effective, size, write);
    };
    return this.#linearPlace(linear, size);
  }

  /** Memory `bytes` further on than the memory operand. */
  memoryAt(bytes: Value): Place {
    const effective = this.add(this.effectiveAddress(), bytes);
    return this.#linearPlace(
      (write) =>
        this.flatOperand
          ? effective
          : this.segmentAddress(this.segment(), effective, this.size, write),
      this.size,
    );
  }

  /** True if the memory operand's address needs no segment check. */
  abstract readonly flatOperand: boolean;

  /** Linear address of an offset in a segment, with all checks; leaves on a fault. */
  segmentAddress(segment: Operand, offset: Operand, size: number, write: boolean): Value {
    const a = this.call("cpu_segment_address", segment, offset, size, write ? 1 : 0);
    this.if(this.eq(a, this.constant(-1, "i64")), () => this.#leaveFaulted());
    return this.convert(a, "i32");
  }

  /** Memory at a linear address as a place. */
  atLinear(linear: Value, size = this.size): Place {
    return this.#linearPlace(() => linear, size);
  }

  #linearPlace(linear: (write: boolean) => Value, size: number): Place {
    const type: IntType = size === 8 ? "i64" : "i32";
    let host: Value | null = null;
    return {
      size,
      read: () => this.load(size, this.#translate(linear(false), size, 0), 0, type),
      modify: () => {
        host = this.#translate(linear(true), size, 3);
        return this.load(size, host, 0, type);
      },
      write: (v) => {
        const h = host ?? this.#translate(linear(true), size, 1);
        this.store(size, h, v);
        this.if(this.eq(h, CPU + SPLIT), () => this.check(this.call("cpu_commit")));
      },
    };
  }

  /**
   * Host address for an access: the TLB's when its tag agrees, else tlb_fill's.
   *
   * @param access 0 read, 1 write, 3 read then write
   */
  #translate(linear: Value, size: number, access: 0 | 1 | 3): Value {
    const host = this.variable("i32");
    const shift = 12 - 5; // entries are 32 bytes
    const entry = this.and(this.shrU(linear, shift), (TLB_ENTRIES - 1) << 5);
    const last = size === 1 ? linear : this.add(linear, size - 1);
    const tag = this.or(this.and(last, ~0xfff), this.load(4, CPU + C_TLB_TAG));
    const hit = this.eq(tag, this.load(4, entry, TLB + (access === 0 ? TLB_READ : TLB_WRITE)));
    this.if(hit, () => {
      this.set(host, this.add(linear, this.load(4, entry, TLB + TLB_ADDEND)));
    }, () => {
      this.set(host, this.call("cpu_tlb_fill", this.convert(linear, "i64"), size, access));
      this.check(host);
    });
    return host;
  }

  // ---- the stack ---------------------------------------------------------------------------------

  /** Pushes a value of `size` bytes: memory first, then the stack pointer. */
  push(v: Operand, size = this.size): void {
    const sp = this.register(R_SP, 4).read();
    if (this.flat) {
      const at = this.sub(sp, size);
      this.atLinear(at, size).write(v);
      this.register(R_SP, 4).write(at);
      return;
    }
    const at = this.stackOffset(this.sub(sp, size));
    this.atLinear(this.segmentAddress(SS, at, size, true), size).write(v);
    this.setStackPointer(at);
  }

  /** Moves the stack pointer down by the operand size but writes only a word there. */
  pushWord(v: Operand): void {
    const sp = this.register(R_SP, 4).read();
    const at = this.flat ? this.sub(sp, this.size) : this.stackOffset(this.sub(sp, this.size));
    const linear = this.flat ? at : this.segmentAddress(SS, at, 2, true);
    this.atLinear(linear, 2).write(v);
    this.setStackPointer(at);
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
    const sp = this.register(R_SP, 4).read();
    const at = offset ? this.add(sp, offset) : sp;
    if (this.flat) return this.atLinear(at, size).read();
    return this.atLinear(this.segmentAddress(SS, this.stackOffset(at), size, false), size).read();
  }

  /** Moves the stack pointer by `n` bytes. */
  release(n: Operand): void {
    this.setStackPointer(this.add(this.register(R_SP, 4).read(), n));
  }

  /** An offset within the stack segment: 16 bits wide where SS.B is clear. */
  stackOffset(offset: Value): Value {
    return this.select(this.stack32(), offset, this.and(offset, 0xffff));
  }

  /** Non-zero if the stack pointer is 32 bits wide. */
  stack32(): Value {
    return this.and(this.load(4, CPU + C_MODE), MODE_STACK32);
  }

  /** Replaces the stack pointer: SP alone where SS.B is clear. */
  setStackPointer(v: Value): void {
    if (this.flat) {
      this.register(R_SP, 4).write(v);
      return;
    }
    this.if(
      this.stack32(),
      () => this.register(R_SP, 4).write(v),
      () => this.register(R_SP, 2).write(v),
    );
  }

  // ---- flags: see core/wasm/cpu/flags.ts for the two words ---------------------------------------

  /** Flags of a + b (+ carry) = sum, at the operand size. */
  flagsAdd(a: Value, b: Value, sum: Value, size = this.size): void {
    if (this.noFlags) return;
    const carries = this.or(this.and(a, b), this.and(this.or(a, b), this.not(sum)));
    this.#setFlags(sum, this.#carryBits(carries, size), size);
  }

  /** Flags of a - b (- borrow) = difference. */
  flagsSub(a: Value, b: Value, difference: Value, size = this.size): void {
    if (this.noFlags) return;
    const na = this.not(a);
    const borrows = this.or(this.and(na, b), this.and(this.or(na, b), difference));
    this.#setFlags(difference, this.#carryBits(borrows, size), size);
    // a subtraction with borrow is no comparison
    if (this.flags && this.row.name !== "sbb") this.flags.compared = { a, b, size };
  }

  /** Flags of a logical operation: CF = OF = AF = 0. */
  flagsLogic(result: Value, size = this.size): void {
    if (!this.noFlags) this.#setFlags(result, 0, size);
  }

  /** INC and DEC: like flagsAdd/flagsSub with b = 1, but CF stays. */
  flagsKeepCarry(a: Value, result: Value, decrement: boolean, size = this.size): void {
    if (this.noFlags) return;
    const one = this.constant(1, a.type);
    const na = decrement ? this.not(a) : a;
    const chain = decrement ? result : this.not(result);
    const bits = this.#carryBits(
      this.or(this.and(na, one), this.and(this.or(na, one), chain)),
      size,
    );
    const overflow = this.xor(bits, this.shl(bits, 1)); // bit 31
    const carry = this.and(this.#aux(), 1 << 31);
    const upper = this.or(carry, this.and(this.shrU(this.xor(carry, overflow), 1), 1 << 30));
    this.#setFlags(result, this.or(upper, this.and(bits, 8)), size);
  }

  /** Result flags from `result`; CF and OF as given (0 or 1), AF zero. */
  flagsShift(result: Value, cf: Value, of: Value, size = this.size): void {
    if (this.noFlags) return;
    const aux = this.or(this.shl(cf, 31), this.shl(this.xor(cf, of), 30));
    this.#setFlags(result, aux, size);
  }

  /** CF and OF as given (0 or 1); all other flags stay. */
  flagsRotate(cf: Value, of: Value): void {
    if (this.noFlags) return;
    const keep = this.and(this.#aux(), ~CARRY_BITS);
    this.store(
      4,
      CPU,
      this.or(keep, this.or(this.shl(cf, 31), this.shl(this.xor(cf, of), 30))),
      C_FLAG_AUX,
    );
    this.flags = null;
  }

  /** Sets or clears CF alone, `cf` being 0 or 1. */
  setCarry(cf: Operand): void {
    this.flagsRotate(typeof cf === "number" ? this.constant(cf) : cf, this.overflow());
  }

  /** Sets or clears ZF alone, `zf` being 0 or 1. */
  setZero(zf: Value): void {
    const others = this.and(this.call("cpu_flags_arithmetic"), ~0x40);
    this.setArithmeticFlags(this.or(others, this.shl(zf, 6)));
  }

  /** Sets all six arithmetic flags from an EFLAGS image. */
  setArithmeticFlags(image: Value): void {
    this.invoke("cpu_set_flags_arithmetic", image);
    this.flags = null;
  }

  #carryBits(vector: Value, size: number): Value {
    if (size === 4) return this.and(vector, CARRY_AND_ADJUST);
    const low = this.convert(vector, "i32");
    const top = size === 8
      ? this.convert(this.shrU(vector, 32), "i32")
      : this.shl(low, 32 - size * 8);
    return this.or(this.and(top, CARRY_BITS), this.and(low, 8));
  }

  #setFlags(result: Value, aux: Operand, size: number): void {
    const signed = this.signExtend(result, size);
    const wide = signed.type === "i64"
      ? signed
      : this.let("i64", this.m.i64.extend_s(this.get(signed)));
    this.store(8, CPU, wide, C_FLAG_RES);
    this.store(4, CPU, aux, C_FLAG_AUX);
    this.flags = this.unconditional ? { result: signed, aux, compared: null } : null;
  }

  /** CF as 0 or 1. */
  carry(): Value {
    return this.shrU(this.#aux(), 31);
  }

  /** OF as 0 or 1. */
  overflow(): Value {
    const aux = this.#aux();
    return this.shrU(this.xor(aux, this.shl(aux, 1)), 31);
  }

  #aux(): Value {
    const known = this.flags?.aux;
    if (known === undefined) return this.load(4, CPU + C_FLAG_AUX);
    return typeof known === "number" ? this.constant(known) : known;
  }

  /** Condition 0..15 of Jcc, SETcc, CMOVcc: non-zero if it holds. */
  condition(code: number): Value {
    const compared = this.flags?.compared;
    const direct = compared && this.#comparison(code >> 1, compared);
    const holds = direct ?? this.#flagCondition(code >> 1);
    return code & 1 ? this.eqz(holds) : holds;
  }

  /** A condition straight from the operands of the comparison before it, where that is cheaper. */
  #comparison(
    condition: number,
    { a, b, size }: { a: Value; b: Value; size: number },
  ): Value | null {
    const unsigned = (v: Value) => this.zeroExtend(v, size);
    const signed = (v: Value) => this.signExtend(v, size);
    switch (condition) {
      case 1:
        return this.ltU(unsigned(a), unsigned(b));
      case 2:
        return this.eq(unsigned(a), unsigned(b));
      case 3:
        return this.eqz(this.ltU(unsigned(b), unsigned(a)));
      case 6:
        return this.ltS(signed(a), signed(b));
      case 7:
        return this.leS(signed(a), signed(b));
      default:
        return null;
    }
  }

  #flagCondition(condition: number): Value {
    const known = this.flags?.result;
    const zero = () => this.eqz(known ?? this.load(8, CPU + C_FLAG_RES));
    // bit 31: SF
    const sign = (): Value => {
      if (known) {
        return known.type === "i32" ? known : this.convert(this.shrU(known, 32), "i32");
      }
      return this.xor(this.load(4, CPU + C_FLAG_RES + 4), this.shl(this.#aux(), 31));
    };
    // bit 31: OF
    const over = () => {
      const a = this.#aux();
      return this.xor(a, this.shl(a, 1));
    };
    switch (condition) {
      case 0:
        return this.ltS(over(), 0);
      case 1:
        return this.ltS(this.#aux(), 0);
      case 2:
        return zero();
      case 3:
        return this.or(this.ltS(this.#aux(), 0), zero());
      case 4:
        return this.ltS(sign(), 0);
      case 5: {
        const low = known
          ? this.and(this.convert(known, "i32"), 0xff)
          : this.load(1, CPU + C_FLAG_RES);
        return this.and(this.xor(this.xor(this.popcnt(low), this.shrU(this.#aux(), 1)), 1), 1);
      }
      case 6:
        return this.ltS(this.xor(sign(), over()), 0);
      default:
        return this.or(this.ltS(this.xor(sign(), over()), 0), zero());
    }
  }

  /** Sets or clears bits of EFLAGS other than the arithmetic ones. */
  changeEflags(clear: number, set: number): void {
    const f = this.load(4, CPU + C_EFLAGS);
    this.store(4, CPU, this.or(this.and(f, ~clear), set), C_EFLAGS);
  }
}
