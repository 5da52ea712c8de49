/**
 * Processor state in locals.
 *
 * Within a region the general registers, the two flag words, the TLB tag and the budget live in
 * locals. They are written back where control leaves, and around helpers of the core that look at
 * them.
 */
import type binaryen from "binaryen";
import {
  C_BUDGET,
  C_EIP,
  C_FLAG_AUX,
  C_FLAG_RES,
  C_TLB_TAG,
  CPU,
  R_ZERO,
} from "../../core/wasm/layout.ts";
import type { Row } from "../isa/rows.ts";
import type { Emitter } from "../semantics/emitter.ts";
import { FormContext } from "../semantics/form.ts";
import type { HelperName } from "../semantics/runtime.ts";
import type { IntType, Operand, Value } from "../semantics/value.ts";

const REGISTERS = 8;
const ALL = Array.from({ length: REGISTERS }, (_, i) => i);

/** Helpers that neither read nor write general registers and flags. */
const PURE = new Set<HelperName>([
  "cpu_tlb_fill",
  "cpu_commit",
  "cpu_segment_address",
  "cpu_raise",
  "cpu_no_fault",
]);

/** A local that can be assigned. */
type Variable = { type: IntType; local: number };

/** The locals that all instructions of a region share. */
export interface RegionState {
  registers: Variable[];
  result: Variable;
  aux: Variable;
  tag: Variable;
  budget: Variable;
  /** EIP of the current block's first instruction. */
  eip: Variable;
  /** EIP of the region's first block. */
  origin: Variable;
  /** Where the exit at hand leads: an EIP, and the record it leaves from. */
  target: Variable;
  record: Variable;
  /** Number of the block to go to. */
  next: Variable;
  /** Block numbers by first record. */
  numbers: Map<number, number>;
  /** Where calls of the region return to: block number, and offset from the region's start. */
  returns: { number: number; offset: number }[];
  /** Registers that some instruction touches, and those that one writes. */
  used: Set<number>;
  dirty: Set<number>;
  /** Label of the loop around all blocks. */
  loop: string;
}

/** Makes the shared locals. */
export function regionState(
  x: Emitter,
  numbers: Map<number, number>,
  returns: RegionState["returns"],
): RegionState {
  const i32 = () => x.variable("i32");
  return {
    registers: Array.from({ length: REGISTERS }, i32),
    result: x.variable("i64"),
    aux: i32(),
    tag: i32(),
    budget: i32(),
    eip: i32(),
    origin: i32(),
    target: i32(),
    record: i32(),
    next: i32(),
    numbers,
    returns,
    used: new Set(),
    dirty: new Set(),
    loop: "blocks",
  };
}

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
    super(m, row, size, place, noFlags, 1, before);
    if (before) this.state = before.state;
  }

  /** At a block's start nothing is known of the flags. */
  forgetFlags(): void {
    this.flags = null;
  }

  override readState(
    size: number,
    offset: number,
    type: IntType = size === 8 ? "i64" : "i32",
  ): Value {
    const { state } = this;
    if (offset === C_FLAG_AUX) return state.aux;
    if (offset === C_TLB_TAG) return state.tag;
    if (offset >= C_FLAG_RES && offset < C_FLAG_RES + 8) {
      const shift = (offset - C_FLAG_RES) * 8;
      const v = shift ? this.shrU(state.result, shift) : state.result;
      if (size === 8) return v;
      return this.zeroExtend(this.convert(v, "i32"), size);
    }
    if (offset < REGISTERS * 8) {
      const register = state.registers[offset >> 3];
      state.used.add(offset >> 3);
      const shifted = offset & 7 ? this.shrU(register, (offset & 7) * 8) : this.copy(register);
      return this.convert(this.zeroExtend(shifted, size), type);
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
    if (size >= 4) {
      this.set(register, value);
      return;
    }
    const shift = (offset & 7) * 8;
    const mask = size === 1 ? 0xff : 0xffff;
    const part = this.shl(this.and(value, mask), shift);
    this.set(register, this.or(this.and(register, ~(mask << shift)), part));
  }

  /** Loads the locals from the processor state; to be emitted when it is known which are used. */
  loadAll(): void {
    const { state } = this;
    this.#loadRegisters(state.used);
    this.#loadTag();
    this.set(state.budget, super.readState(4, C_BUDGET));
    this.set(state.eip, super.readState(4, C_EIP));
    this.set(state.origin, state.eip);
  }

  #loadRegisters(which: Iterable<number> = ALL): void {
    const { state } = this;
    for (const i of which) this.set(state.registers[i], super.readState(4, i * 8));
    this.set(state.result, super.readState(8, C_FLAG_RES));
    this.set(state.aux, super.readState(4, C_FLAG_AUX));
  }

  /** Writes registers and flags back. */
  storeRegisters(which: Iterable<number> = this.state.dirty): void {
    const { state } = this;
    for (const i of which) this.store(8, CPU, this.convert(state.registers[i], "i64"), i * 8);
    super.writeState(8, C_FLAG_RES, state.result);
    super.writeState(4, C_FLAG_AUX, state.aux);
  }

  /** Writes everything back, with C_EIP as given. */
  storeAll(eip: Value): void {
    this.storeRegisters();
    super.writeState(4, C_BUDGET, this.state.budget);
    this.store(8, CPU, this.convert(eip, "i64"), C_EIP);
  }

  /** Before a helper that may look at any register and change it. */
  protected expose(): void {
    for (const i of ALL) {
      this.state.used.add(i);
      this.state.dirty.add(i);
    }
    this.storeRegisters();
    super.writeState(4, C_BUDGET, this.state.budget);
  }

  /** After such a helper. */
  #resume(): void {
    this.#loadRegisters();
    this.#loadTag();
    this.set(this.state.budget, super.readState(4, C_BUDGET));
    this.flags = null;
  }

  /** The address space's number may change under a helper that touches page tables. */
  #loadTag(): void {
    this.set(this.state.tag, super.readState(4, C_TLB_TAG));
  }

  override call(helper: HelperName, ...args: Operand[]): Value {
    if (PURE.has(helper)) {
      const result = super.call(helper, ...args);
      this.#loadTag();
      return result;
    }
    this.expose();
    const result = super.call(helper, ...args);
    this.#resume();
    return result;
  }

  override invoke(helper: HelperName, ...args: Operand[]): void {
    if (PURE.has(helper)) return super.invoke(helper, ...args);
    this.expose();
    super.invoke(helper, ...args);
    this.#resume();
  }
}
