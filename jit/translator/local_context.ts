/**
 * Registers and flags in locals.
 *
 * Flags are not computed at all until something asks for them: mostly an exit, off the way.
 */
import type binaryen from "binaryen";
import {
  C_FLAG_AUX,
  C_FLAG_RES,
  FLAGS_FROM_INC,
  FLAGS_FROM_LOGIC,
  R_ZERO,
} from "../../core/wasm/layout.ts";
import type { Row } from "../isa/rows.ts";
import { constantOf } from "../semantics/fold.ts";
import type { KnownFlags } from "../semantics/flags.ts";
import { FormContext } from "../semantics/form.ts";
import type { IntType, Operand, Value } from "../semantics/value.ts";
import type { WasmModule } from "../wasm/module.ts";
import type { Variable } from "./micro.ts";
import { type RegionState, REGISTERS } from "./state.ts";

/** Flags that ask for so many earlier ones in turn are computed at once. */
const DEEPEST = 2;

const isLocal = (v: Operand): v is Value => typeof v !== "number" && "local" in v;

/** A context whose registers and flags are locals. */
export abstract class LocalContext extends FormContext {
  state!: RegionState;

  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    place: number,
    noFlags: boolean,
    before?: LocalContext,
  ) {
    super(m, row, size, place, noFlags, 2, before);
    if (before) this.state = before.state;
  }

  // ---- flags -----------------------------------------------------------------------------------------

  /** At a block's start nothing is known of the flags but their two words, and nothing of registers. */
  begin(recording: boolean): void {
    this.flags = null;
    this.state.depth = this.depth;
    this.state.groups.begin(recording);
    this.state.runs.begin(recording);
  }

  /** What is emitted now runs whenever its block does. */
  protected get certain(): boolean {
    return this.depth === this.state.depth;
  }

  protected override setAll(flags: KnownFlags): void {
    this.flags = flags;
    if (flags.depth > DEEPEST) this.settle();
  }

  protected override setAux(
    aux: KnownFlags["aux"],
    carry: () => Value,
    depth: number,
  ): void {
    if (!this.flags) {
      this.#computeFlags();
      this.set(this.state.aux, aux());
      return;
    }
    const { result } = this.flags;
    this.flags = { result, aux, depth, compared: null, carry, origin: null };
    if (depth > DEEPEST) this.settle();
  }

  override flagsWhen(condition: Value, set: () => void): void {
    if (this.noFlags) return;
    if ("constant" in condition) {
      if (condition.constant) set();
      return;
    }
    this.settle();
    this.if(condition, () => {
      set();
      this.settle();
    });
    this.flags = null;
  }

  /** Computes the flags into their two locals, for a way that leaves; what is known stays known. */
  protected writeFlags(): void {
    const { flags, state } = this;
    if (!flags) return;
    this.set(state.aux, flags.aux());
    this.set(state.result, this.wideResult(flags.result));
    this.set(state.from, 0);
  }

  /** As writeFlags for a way within the region: they need not be computed there. */
  protected passFlags(): void {
    const { flags, state } = this;
    if (!flags?.origin) return this.writeFlags();
    const { from, size, a, b } = flags.origin;
    // it may be computed from what these locals hold up to now
    const second = from === FLAGS_FROM_LOGIC ? null : b();
    this.set(state.from, from << 2 | Math.log2(size));
    this.set(state.fromA, a);
    if (second) this.set(state.fromB, second);
  }

  /** At a block's start: has the flags in their two locals. */
  #computeFlags(): void {
    const { state } = this;
    this.unlikely(state.from, () => {
      this.invoke("cpu_flags_from", state.from, state.fromA, state.fromB);
      this.loadFlags();
    });
  }

  /** Reads the flags' two words. */
  protected loadFlags(): void {
    const { state } = this;
    this.set(state.from, 0);
    this.set(state.result, this.readBack(8, C_FLAG_RES));
    this.set(state.aux, this.readBack(4, C_FLAG_AUX));
  }

  protected override carryLater(): () => Value {
    const { state } = this;
    return () => {
      const carry = this.variable("i32");
      this.set(carry, state.fromB);
      this.if(this.ltU(state.from, FLAGS_FROM_INC << 2), () => {
        this.#computeFlags();
        this.set(carry, this.shrU(state.aux, 31));
      });
      return carry;
    };
  }

  /** A branch that is seldom taken: what it does is kept off the way. */
  unlikely(condition: Value, then: () => void): void {
    if ("constant" in condition) return this.if(condition, then);
    const branch = this.block(then);
    this.emit((this.m as unknown as WasmModule).if(this.get(condition), branch, undefined, true));
  }

  /** Computes the flags into their two locals for good. */
  protected settle(): void {
    this.writeFlags();
    this.flags = null;
  }

  // ---- memory's side ---------------------------------------------------------------------------------

  /** From the processor state in memory, whatever the locals hold. */
  protected readBack(size: number, offset: number): Value {
    return super.readState(size, offset);
  }

  /** To the processor state in memory alone. */
  protected writeBack(size: number, offset: number, v: Operand): void {
    super.writeState(size, offset, v);
  }

  // ---- registers -------------------------------------------------------------------------------------

  override readState(
    size: number,
    offset: number,
    type: IntType = size === 8 ? "i64" : "i32",
  ): Value {
    const { state } = this;
    if (offset === C_FLAG_AUX || offset >> 3 === C_FLAG_RES >> 3) this.#computeFlags();
    if (offset === C_FLAG_AUX) return this.copy(state.aux);
    if (offset >= C_FLAG_RES && offset < C_FLAG_RES + 8) {
      const v = this.shrU(this.copy(state.result), (offset - C_FLAG_RES) * 8);
      if (size === 8) return v;
      return this.zeroExtend(this.convert(v, "i32"), size);
    }
    if (offset < REGISTERS * 8) {
      state.used.add(offset >> 3);
      const whole = this.copy(state.registers[offset >> 3]);
      if (this.certain) state.groups.read(offset >> 3, whole);
      const v = this.shrU(whole, (offset & 7) * 8);
      return this.convert(this.zeroExtend(v, size), type);
    }
    if (offset === R_ZERO) return this.constant(0, type);
    return super.readState(size, offset, type);
  }

  /** A value that stays when the variable changes. */
  copy(v: Variable): Value {
    return this.let(v.type, this.get(v));
  }

  override writeState(size: number, offset: number, v: Operand): void {
    if (offset === C_FLAG_AUX) this.set(this.state.aux, v);
    else if (offset === C_FLAG_RES) this.set(this.state.result, v);
    else super.writeState(size, offset, v);
  }

  protected override writeGeneral(offset: number, v: Operand, size: number): void {
    const register = this.state.registers[offset >> 3];
    this.state.used.add(offset >> 3);
    this.state.dirty.add(offset >> 3);
    const value = this.convert(typeof v === "number" ? this.constant(v) : v, "i32");
    this.state.groups.written(offset >> 3, size >= 4 && this.certain ? value : null);
    if (size >= 4) {
      this.set(register, value);
      return;
    }
    const shift = (offset & 7) * 8;
    const mask = size === 1 ? 0xff : 0xffff;
    const part = this.shl(this.and(value, mask), shift);
    this.set(register, this.or(this.and(register, ~(mask << shift)), part));
  }

  override add(a: Operand, b: Operand): Value {
    const sum = super.add(a, b);
    this.#moved(a, b, 1, sum);
    this.#moved(b, a, 1, sum);
    if (isLocal(a) && isLocal(b)) this.state?.groups.added(a, b, sum);
    return sum;
  }

  override sub(a: Operand, b: Operand): Value {
    const difference = super.sub(a, b);
    this.#moved(a, b, -1, difference);
    return difference;
  }

  override shl(a: Operand, b: Operand): Value {
    const shifted = super.shl(a, b);
    if (isLocal(a) && typeof b === "number" && b < 4) this.state?.groups.scaled(a, b, shifted);
    return shifted;
  }

  #moved(from: Operand, by: Operand, sign: number, to: Value): void {
    const bytes = constantOf(by);
    if (typeof from === "number" || "constant" in from || bytes === null) return;
    this.state?.groups.moved(from, sign * Number(BigInt.asIntN(32, bytes)), to);
  }
}
