/**
 * The translator's binding: operands are bound to locals and constants.
 *
 * Within a region the general registers, the two flag words, the TLB tag and the budget live in
 * locals. They are written back where control leaves: at the region's few exits, and around helpers
 * of the core that look at them.
 */
import type binaryen from "binaryen";
import {
  C_BUDGET,
  C_EIP,
  C_FLAG_AUX,
  C_FLAG_RES,
  C_MODE,
  C_TLB_TAG,
  CPU,
  PREFIX_ADDR16,
  R_ZERO,
  REC_HANDLER,
} from "../../core/wasm/layout.ts";
import { operandWidth, PLACE_CHECKED, PLACE_CHECKED_STACK, PLACE_REGISTER } from "../isa/forms.ts";
import { isMemory } from "../isa/operands.ts";
import { SPECIAL } from "../isa/plan.ts";
import type { Row } from "../isa/rows.ts";
import { Context, type Place } from "../semantics/context.ts";
import { type HelperName, HELPERS } from "../semantics/runtime.ts";
import type { IntType, Operand, Value } from "../semantics/value.ts";
import type { DecodedInstruction } from "./region.ts";

const STALE = SPECIAL.indexOf("stale");
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

/** Labels of a region's exits, innermost first. */
export const EXITS = ["link", "lookup", "again", "fault", "record"] as const;
export type Exit = (typeof EXITS)[number];

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
  x: RegionContext,
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

/** Context of one instruction of a region, or (without one) of its entry and exits. */
export class RegionContext extends Context {
  state!: RegionState;
  readonly #i: DecodedInstruction | null;
  readonly #place: number;
  readonly flatOperand: boolean;

  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    place: number,
    noFlags: boolean,
    instruction: DecodedInstruction | null,
    before?: RegionContext,
  ) {
    const flat = place !== PLACE_CHECKED && place !== PLACE_CHECKED_STACK;
    super(m, row, size, noFlags, flat, 1, before);
    this.#i = instruction;
    this.#place = place;
    this.flatOperand = place !== PLACE_CHECKED;
    if (before) this.state = before.state;
  }

  get #instruction(): DecodedInstruction {
    if (!this.#i) throw new Error("no instruction here");
    return this.#i;
  }

  /** At a block's start nothing is known of the flags. */
  forgetFlags(): void {
    this.flags = null;
  }

  // ---- state in locals -----------------------------------------------------------------------------

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
  #expose(): void {
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
    this.#expose();
    const result = super.call(helper, ...args);
    this.#resume();
    return result;
  }

  override invoke(helper: HelperName, ...args: Operand[]): void {
    if (PURE.has(helper)) return super.invoke(helper, ...args);
    this.#expose();
    super.invoke(helper, ...args);
    this.#resume();
  }

  // ---- operands --------------------------------------------------------------------------------------

  #isMemoryOperand(operand: string): boolean {
    if (operand[0] === "M" || operand[0] === "O") return true;
    return isMemory(operand) && this.#inMemoryPlace();
  }

  #inMemoryPlace(): boolean {
    return this.#place !== PLACE_REGISTER && this.#place !== PLACE_CHECKED_STACK;
  }

  inMemory(n: number): boolean {
    if (n >= this.row.operands.length) return false;
    return this.#inMemoryPlace() && "EMOQW".includes(this.row.operands[n][0]);
  }

  #slot(n: number): number {
    const earlier = this.row.operands.slice(0, n).some((o) =>
      "EGZAPQVW".includes(o[0]) && !this.#isMemoryOperand(o) && o !== "Ap"
    );
    return earlier ? this.#instruction.b : this.#instruction.a;
  }

  registerOffset(n: number): Value {
    return this.constant(this.#slot(n));
  }

  operand(n: number): Place {
    const operand = this.row.operands[n];
    const size = operandWidth(operand, this.size);
    if (this.#isMemoryOperand(operand)) return this.memory(size);
    if (operand[0] !== "I" && operand !== "1") return this.register(this.#slot(n), size);
    const type: IntType = size === 8 ? "i64" : "i32";
    const read = () => operand === "1" ? this.constant(1, this.type) : this.immediate(type);
    return {
      size,
      read,
      modify: read,
      write: () => {
        throw new Error(`${this.row.name}: an immediate is no destination`);
      },
    };
  }

  immediate(type: IntType = this.type): Value {
    return this.constant(this.#instruction.immediate, type);
  }

  immediate2(): Value {
    return this.constant(this.#instruction.immediate >> 32n);
  }

  effectiveAddress(): Value {
    const { base, index, scale, displacement } = this.#instruction;
    let a: Value | null = base === R_ZERO ? null : this.readState(4, base);
    if (index !== R_ZERO) {
      const i = this.readState(4, index);
      const scaled = scale ? this.shl(i, scale) : i;
      a = a ? this.add(a, scaled) : scaled;
    }
    if (!a) a = this.constant(displacement);
    else if (displacement) a = this.add(a, displacement);
    return this.wrapAddress(a);
  }

  wrapAddress(a: Value): Value {
    const narrow = this.#place === PLACE_CHECKED && this.#instruction.prefixes & PREFIX_ADDR16;
    return narrow ? this.and(a, 0xffff) : a;
  }

  segment(): Value {
    return this.constant(this.#instruction.segment);
  }

  segmentNumberOperand(_n: number): Value {
    return this.constant(this.#instruction.b);
  }

  prefixes(): Value {
    return this.constant(this.#instruction.prefixes);
  }

  record(): Value {
    return this.constant(this.#instruction.record);
  }

  override stack32(): Value {
    return this.and(super.readState(4, C_MODE), 2);
  }

  // ---- ways on ---------------------------------------------------------------------------------------

  /** To one of the region's exits. */
  exit(exit: Exit, record?: number): void {
    if (record !== undefined) this.set(this.state.record, record);
    this.emit(this.m.br(exit));
  }

  next(): void {
    // the instruction may have written over the ones behind it
    if (!this.#writesMemory()) return;
    const { record } = this.#instruction;
    const handler = this.load(4, record + 32, REC_HANDLER);
    this.if(this.eq(handler, STALE), () => this.exit("record", record + 32));
  }

  #writesMemory(): boolean {
    return this.row.implicitMemory || this.inMemory(0);
  }

  #eipPlus(bytes: number): Value {
    const sum = bytes ? this.add(this.state.eip, bytes) : this.copy(this.state.eip);
    return this.size === 2 ? this.and(sum, 0xffff) : sum;
  }

  nextEip(): Value {
    const { delta, length } = this.#instruction;
    return this.convert(this.#eipPlus(delta + length), this.type);
  }

  /** Counts the instructions of this way out of the block. */
  #account(): void {
    this.set(this.state.budget, this.sub(this.state.budget, this.#instruction.count));
  }

  checkRelative(): void {
    if (!this.flat) this.checkTarget(this.#eipPlus(this.#instruction.displacement));
  }

  jumpRelative(): void {
    const { displacement, link, record } = this.#instruction;
    this.set(this.state.target, this.#eipPlus(displacement));
    this.#account();
    const number = this.size === 2 ? undefined : this.state.numbers.get(link);
    if (link && number !== undefined) {
      this.if(this.leS(this.state.budget, 0), () => this.exit("again"));
      this.set(this.state.next, number);
      this.set(this.state.eip, this.state.target);
      this.emit(this.m.br(this.state.loop));
    } else this.exit("link", record);
  }

  jumpTo(eip: Value): void {
    const { state } = this;
    this.set(state.target, this.convert(eip, "i32"));
    this.#account();
    if (this.row.name === "ret" && this.size === 4) this.#returnWithin();
    this.exit("lookup");
  }

  /** A return mostly goes back to a call of this region. */
  #returnWithin(): void {
    const { state } = this;
    if (!state.returns.length) return;
    this.if(this.leS(state.budget, 0), () => this.exit("again"));
    const offset = this.sub(state.target, state.origin);
    for (const site of state.returns) {
      this.if(this.eq(offset, site.offset), () => {
        this.set(state.next, site.number);
        this.set(state.eip, state.target);
        this.emit(this.m.br(state.loop));
      });
    }
  }

  leave(helper: HelperName, ...args: Operand[]): void {
    this.#expose();
    this.storeAll(this.state.eip);
    super.invoke("cpu_enter_slow", this.record());
    super.invoke(helper, ...args);
    this.tail("resume");
  }

  faulted(): void {
    this.exit("fault", this.#instruction.record);
  }

  /** Tail call of a function of the interpreter. */
  tail(name: string, ...args: Value[]): void {
    const i32 = this.parameterTypes(1);
    this.emit(this.m.return_call(name, args.map((a) => this.get(a)), i32));
  }

  /** Tail call of a record's handler. */
  dispatch(record: Value): void {
    const i32 = this.parameterTypes(1);
    const handler = this.load(4, record, REC_HANDLER);
    this.emit(
      this.m.return_call_indirect("handlers", this.get(handler), [this.get(record)], i32, i32),
    );
  }
}

/** Helpers by name, for the module's imports. */
export const HELPER_NAMES = Object.keys(HELPERS) as HelperName[];
