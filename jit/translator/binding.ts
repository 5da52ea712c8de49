/**
 * The translator's binding: operands are bound to the state in locals and to constants, ways on to
 * branches within the region and to its exits.
 */
import type binaryen from "binaryen";
import { C_MODE, PREFIX_ADDR16, R_ZERO, REC_HANDLER } from "../../core/wasm/layout.ts";
import { PLACE_CHECKED } from "../isa/forms.ts";
import { SPECIAL } from "../isa/plan.ts";
import type { Row } from "../isa/rows.ts";
import type { Place } from "../semantics/context.ts";
import { type HelperName, HELPERS } from "../semantics/runtime.ts";
import type { IntType, Operand, Value } from "../semantics/value.ts";
import type { DecodedInstruction } from "./region.ts";
import { LocalContext } from "./state.ts";

const STALE = SPECIAL.indexOf("stale");

/** Labels of a region's exits, innermost first. */
export const EXITS = ["link", "lookup", "again", "fault", "record"] as const;
export type Exit = (typeof EXITS)[number];

/** Context of one instruction of a region, or (without one) of its entry and exits. */
export class RegionContext extends LocalContext {
  readonly #i: DecodedInstruction | null;

  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    place: number,
    noFlags: boolean,
    instruction: DecodedInstruction | null,
    before?: RegionContext,
  ) {
    super(m, row, size, place, noFlags, before);
    this.#i = instruction;
  }

  get #instruction(): DecodedInstruction {
    if (!this.#i) throw new Error("no instruction here");
    return this.#i;
  }

  // ---- operands --------------------------------------------------------------------------------------

  #slot(n: number): number {
    return this.isSecondRegister(n) ? this.#instruction.b : this.#instruction.a;
  }

  registerOffset(n: number): Value {
    return this.constant(this.#slot(n));
  }

  protected registerOperand(n: number, size: number): Place {
    return this.register(this.#slot(n), size);
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
    const narrow = this.place === PLACE_CHECKED && this.#instruction.prefixes & PREFIX_ADDR16;
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
    this.expose();
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
