/**
 * Flags, as two words that are cheap to write and to read: see core/wasm/cpu/flags.ts for what they
 * hold. Where the code emitted just before has set them, a condition is computed from the values at
 * hand instead.
 */
import type binaryen from "binaryen";
import {
  C_EFLAGS,
  C_FLAG_AUX,
  C_FLAG_RES,
  FLAGS_FROM_ADD,
  FLAGS_FROM_CMP,
  FLAGS_FROM_DEC,
  FLAGS_FROM_INC,
  FLAGS_FROM_LOGIC,
  FLAGS_FROM_SUB,
} from "../../core/wasm/layout.ts";
import type { Row } from "../isa/rows.ts";
import { Instruction } from "./instruction.ts";
import type { Operand, Value } from "./value.ts";

/** Flags whose two words are at hand or can be computed, and the comparison they come from, if it is known. */
export interface KnownFlags {
  /** The result, sign-extended to its own type. */
  result: Value;
  /** Computes the second word; may be said more than once, or never. */
  aux: () => Operand;
  /** How many earlier flags `aux` asks for in turn. */
  depth: number;
  /** Both operands, where it was a subtraction (or could have been one). */
  compared: { a: Value; b: Value; size: number } | null;
  /** Computes CF (0 or 1) where that is cheaper than the second word. */
  carry: (() => Value) | null;
  /** What they can be computed from later, where two values are enough. */
  origin: FlagOrigin | null;
}

/** Values from which cpu_flags_from computes both words. */
export interface FlagOrigin {
  /** FLAGS_FROM_*. */
  from: number;
  size: number;
  a: Value;
  /** Computes the second value. */
  b: () => Value;
}

const CARRY_BITS = 0xc0000000 | 0;
const CARRY_AND_ADJUST = 0xc0000008 | 0;

/** An instruction with flags. */
export abstract class FlagInstruction extends Instruction {
  /** The flags as values, where the code emitted last has set them for certain. */
  protected flags: KnownFlags | null = null;

  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    noFlags: boolean,
    parameters: number,
    before?: FlagInstruction,
  ) {
    super(m, row, size, noFlags, parameters, before);
    this.flags = before?.flags ?? null;
  }

  /** Flags of a + b (+ carry) = sum, at the operand size. */
  flagsAdd(a: Value, b: Value, sum: Value, size = this.size): void {
    if (this.noFlags) return;
    this.#setFlags(
      sum,
      size,
      () => {
        const carries = this.or(this.and(a, b), this.and(this.or(a, b), this.not(sum)));
        return this.#carryBits(carries, size);
      },
      this.row.name === "adc" ? {} : {
        carry: () => this.ltU(this.zeroExtend(sum, size), this.zeroExtend(a, size)),
        origin: { from: FLAGS_FROM_ADD, size, a: sum, b: () => b },
      },
    );
  }

  /** Flags of a - b (- borrow) = difference. */
  flagsSub(a: Value, b: Value, difference: Value, size = this.size): void {
    if (this.noFlags) return;
    // the operand that stays in a register is at hand anyway
    const origin: FlagOrigin = this.row.name === "sub"
      ? { from: FLAGS_FROM_SUB, size, a: difference, b: () => b }
      : { from: FLAGS_FROM_CMP, size, a, b: () => b };
    const carry = () => this.ltU(this.zeroExtend(a, size), this.zeroExtend(b, size));
    this.#setFlags(
      difference,
      size,
      () => {
        const na = this.not(a);
        const borrows = this.or(this.and(na, b), this.and(this.or(na, b), difference));
        return this.#carryBits(borrows, size);
      },
      // a subtraction with borrow is no comparison
      this.row.name === "sbb" ? {} : { compared: { a, b, size }, carry, origin },
    );
  }

  /** Flags of a logical operation: CF = OF = AF = 0. */
  flagsLogic(result: Value, size = this.size): void {
    if (this.noFlags) return;
    // the flags of a comparison with zero
    const compared = { a: result, b: this.constant(0, result.type), size };
    const zero = () => this.constant(0);
    const origin = { from: FLAGS_FROM_LOGIC, size, a: result, b: zero };
    this.#setFlags(result, size, () => 0, { compared, carry: zero, origin });
  }

  /** INC and DEC: like flagsAdd/flagsSub with b = 1, but CF stays. */
  flagsKeepCarry(a: Value, result: Value, decrement: boolean, size = this.size): void {
    if (this.noFlags) return;
    const carryBefore = this.#carryBefore();
    this.#setFlags(
      result,
      size,
      () => {
        const one = this.constant(1, a.type);
        const na = decrement ? this.not(a) : a;
        const chain = decrement ? result : this.not(result);
        const bits = this.#carryBits(
          this.or(this.and(na, one), this.and(this.or(na, one), chain)),
          size,
        );
        const overflow = this.xor(bits, this.shl(bits, 1)); // bit 31
        const carry = this.shl(carryBefore(), 31);
        const upper = this.or(carry, this.and(this.shrU(this.xor(carry, overflow), 1), 1 << 30));
        return this.or(upper, this.and(bits, 8));
      },
      {
        carry: carryBefore,
        origin: {
          from: decrement ? FLAGS_FROM_DEC : FLAGS_FROM_INC,
          size,
          a: result,
          b: carryBefore,
        },
      },
    );
  }

  /** Result flags from `result`; CF and OF as given (0 or 1), AF set (undefined; see jit/isa/undefined.ts). */
  flagsShift(result: Value, cf: Value, of: Value, size = this.size): void {
    if (this.noFlags) return;
    this.#setFlags(result, size, () => {
      return this.or(this.or(this.shl(cf, 31), this.shl(this.xor(cf, of), 30)), 8);
    }, { carry: () => cf });
  }

  /** What a division leaves: SF, ZF and PF clear, AF set, CF and OF as they were. */
  flagsDivided(): void {
    const before = this.#before();
    const aux = () => this.or(this.and(before.aux(), CARRY_BITS), 8);
    this.#setFlags(this.constant(1), 4, aux, { depth: before.depth });
  }

  /** CF and OF as given (0 or 1); all other flags stay. */
  flagsRotate(cf: Value, of: Value): void {
    if (this.noFlags) return;
    const before = this.#before();
    this.setAux(
      () => {
        const keep = this.and(before.aux(), ~CARRY_BITS);
        return this.or(keep, this.or(this.shl(cf, 31), this.shl(this.xor(cf, of), 30)));
      },
      () => cf,
      before.depth,
    );
  }

  /** Sets flags (by `set`) only if a condition holds. */
  flagsWhen(condition: Value, set: () => void): void {
    if (!this.noFlags) this.if(condition, set);
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

  #setFlags(
    result: Value,
    size: number,
    aux: KnownFlags["aux"],
    known: Partial<KnownFlags> = {},
  ): void {
    const more = { depth: 0, compared: null, carry: null, origin: null, ...known };
    this.setAll({ result: this.signExtend(result, size), aux, ...more });
  }

  /** Replaces all flags. A binding may put off writing them. */
  protected setAll(flags: KnownFlags): void {
    const aux = flags.aux();
    this.writeState(8, C_FLAG_RES, this.wideResult(flags.result));
    this.writeState(4, C_FLAG_AUX, aux);
    this.flags = this.unconditional ? { ...flags, aux: () => aux } : null;
  }

  /** Replaces the second word alone. */
  protected setAux(aux: KnownFlags["aux"], _carry: () => Value, _depth: number): void {
    this.writeState(4, C_FLAG_AUX, aux());
    this.flags = null;
  }

  /** A result as the first word keeps it. */
  protected wideResult(result: Value): Value {
    if (result.type === "i64") return result;
    if ("constant" in result) return this.constant(BigInt.asIntN(32, result.constant), "i64");
    return this.let("i64", this.m.i64.extend_s(this.get(result)));
  }

  /** The second word as it is now, for what is computed from it later. */
  #before(): { aux: KnownFlags["aux"]; depth: number } {
    if (this.flags) return { aux: this.flags.aux, depth: this.flags.depth + 1 };
    const aux = this.readState(4, C_FLAG_AUX);
    return { aux: () => aux, depth: 0 };
  }

  /** CF as it is now, for what is computed from it later. */
  #carryBefore(): () => Value {
    const { flags } = this;
    if (!flags) return this.carryLater();
    return flags.carry ?? (() => this.shrU(this.#word(flags), 31));
  }

  /** CF as it is now, where nothing is known of the flags. A binding may put off its computation. */
  protected carryLater(): () => Value {
    const carry = this.shrU(this.readState(4, C_FLAG_AUX), 31);
    return () => carry;
  }

  /** CF as 0 or 1. */
  carry(): Value {
    return this.#carryBefore()();
  }

  /** OF as 0 or 1. */
  overflow(): Value {
    const aux = this.#aux();
    return this.shrU(this.xor(aux, this.shl(aux, 1)), 31);
  }

  #aux(): Value {
    return this.flags ? this.#word(this.flags) : this.readState(4, C_FLAG_AUX);
  }

  #word(flags: KnownFlags): Value {
    const known = flags.aux();
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
    const zero = () => this.eqz(known ?? this.readState(8, C_FLAG_RES));
    // bit 31: SF
    const sign = (): Value => {
      if (known) {
        return known.type === "i32" ? known : this.convert(this.shrU(known, 32), "i32");
      }
      return this.xor(this.readState(4, C_FLAG_RES + 4), this.shl(this.#aux(), 31));
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
          : this.readState(1, C_FLAG_RES);
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
    const f = this.readState(4, C_EFLAGS);
    this.writeState(4, C_EFLAGS, this.or(this.and(f, ~clear), set));
  }
}
