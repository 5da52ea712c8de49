/**
 * The interpreter's binding: a definition's operands are taken from the decoded record that the
 * handler is given (core/wasm/layout.ts, REC_*), and its ways on are tail calls.
 */
import binaryen from "binaryen";
import {
  C_BUDGET,
  C_EIP,
  CPU,
  PROFILE,
  PROFILE_EIP,
  PROFILE_INTERPRETED,
  REC_A,
  REC_B,
  REC_BASE,
  REC_COUNT,
  REC_DELTA,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_INDEX,
  REC_LENGTH,
  REC_LINK,
  REC_PREFIX,
  REC_SCALE,
  REC_SEG,
  RECORD_SIZE,
  RECORDS,
} from "../../core/wasm/layout.ts";
import { PLACE_BASE, PLACE_CHECKED } from "../isa/forms.ts";
import { SPECIAL } from "../isa/plan.ts";
import type { Row } from "../isa/rows.ts";
import type { Place } from "../semantics/context.ts";
import { FormContext } from "../semantics/form.ts";
import type { HelperName } from "../semantics/runtime.ts";
import type { IntType, Operand, Value } from "../semantics/value.ts";

const STALE = SPECIAL.indexOf("stale");
/** Helpers that change the ring, and the function that does such an instruction and finds the way on. */
const WHOLE: Partial<Record<HelperName, HelperName>> = {
  insn_int: "cpu_int",
  insn_iret: "cpu_iret",
};

/** Name of the function table with one handler per form. */
export const HANDLERS = "handlers";

/** Context of a handler: one parameter, the record's address. */
export class RecordContext extends FormContext {
  /** The record's address is the parameter plus this many bytes. */
  readonly #at: number;
  /** What follows in the same handler, instead of the next record's. */
  then: (() => void) | null = null;
  /** Whether exits are counted (countExit). */
  profile = false;

  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    place: number,
    noFlags: boolean,
    parameters = 1,
    before?: RecordContext,
    long = false,
  ) {
    super(m, row, size, place, noFlags, parameters, before);
    this.#at = before ? before.#at + RECORD_SIZE : 0;
    this.profile = before?.profile ?? false;
    this.long = long;
  }

  /** Record field that holds the register slot of operand n. */
  #slotField(n: number): number {
    return this.isSecondRegister(n) ? REC_B : REC_A;
  }

  registerOffset(n: number): Value {
    return this.#field(1, this.#slotField(n));
  }

  protected registerOperand(n: number, size: number): Place {
    const type: IntType = size === 8 ? "i64" : "i32";
    const slot = this.registerOffset(n);
    const read = () => this.load(size, slot, CPU, type);
    return {
      size,
      read,
      modify: read,
      write: (v) => this.writeRegister(this.add(slot, CPU), v, size),
    };
  }

  immediate(type: IntType = this.type): Value {
    return this.#field(type === "i64" ? 8 : 4, REC_IMM, type);
  }

  immediate2(): Value {
    return this.#field(4, REC_IMM + 4);
  }

  effectiveAddress(): Value {
    const bytes = this.addressBytes;
    const base = this.load(bytes, this.#field(1, REC_BASE), CPU);
    const displacement = this.#field(bytes, REC_DISP);
    let a = this.add(base, displacement);
    if (this.place !== PLACE_BASE) {
      const index = this.load(bytes, this.#field(1, REC_INDEX), CPU);
      a = this.add(a, this.shl(index, this.convert(this.#field(1, REC_SCALE), index.type)));
    }
    return this.wrapAddress(a);
  }

  wrapAddress(a: Value): Value {
    return this.place === PLACE_CHECKED ? this.narrowed(a) : a;
  }

  segment(): Value {
    return this.#field(1, REC_SEG);
  }

  segmentNumberOperand(_n: number): Value {
    return this.#field(1, REC_B);
  }

  prefixes(): Value {
    return this.#field(2, REC_PREFIX);
  }

  record(): Value {
    return this.#at ? this.add(this.parameter(0), this.#at) : this.parameter(0);
  }

  /** A field of the record. */
  #field(size: number, offset: number, type?: IntType): Value {
    return this.load(size, this.parameter(0), this.#at + offset, type);
  }

  /** Leaves if the record was made stale since it was decoded. */
  leaveIfStale(): void {
    this.if(this.eq(this.#field(4, REC_HANDLER), STALE), () => this.#dispatch(this.record()));
  }

  /**
   * A full-width load has no sign, but Binaryen keeps the flag (set by default) when it later folds the
   * load into a zero extension, and gets a signed one.
   */
  protected override fullLoad(e: number): number {
    // deno-lint-ignore no-explicit-any
    (binaryen as any).Load.setSigned(e, false);
    return e;
  }

  // ---- ways on -----------------------------------------------------------------------------------

  /** Tail call of the handler that a record names. */
  #dispatch(record: Value): void {
    const index = this.load(4, record, REC_HANDLER);
    this.emit(
      // deno-lint-ignore no-explicit-any
      (this.m as any).return_call_indirect(
        HANDLERS,
        this.get(index),
        [this.get(record)],
        binaryen.i32,
        binaryen.i32,
      ),
    );
  }

  #tail(name: string, args: Value[]): void {
    this.emit(this.m.return_call(name, args.map((a) => this.get(a)), binaryen.i32));
  }

  /** Tail call of a record's handler, for the functions around the handlers. */
  goTo(record: Value): void {
    this.#dispatch(record);
  }

  /** Back to the core to find the way on. */
  resume(): void {
    this.#tail("resume", []);
  }

  next(): void {
    if (this.then) this.then();
    else this.#dispatch(this.add(this.parameter(0), this.#at + RECORD_SIZE));
  }

  nextEip(): Value {
    const at = this.add(this.#field(2, REC_DELTA), this.#field(1, REC_LENGTH));
    if (this.long) return this.add(this.load(8, CPU + C_EIP), this.convert(at, "i64"));
    const eip = this.add(this.load(4, CPU + C_EIP), at);
    return this.convert(this.size === 2 ? this.and(eip, 0xffff) : eip, this.type);
  }

  /** In a build that profiles: counts that the block is left here. C_EIP must still be the block's. */
  countExit(): void {
    if (!this.profile) return;
    const at = this.shrU(this.sub(this.record(), RECORDS), 1);
    const n = this.load(4, at, PROFILE + PROFILE_INTERPRETED);
    this.store(4, at, this.add(n, 1), PROFILE + PROFILE_INTERPRETED);
    this.store(4, at, this.load(4, CPU + C_EIP), PROFILE + PROFILE_EIP);
  }

  /** Counts the instructions of this way out of the block; leaves for the host when the slice is over. */
  #account(): void {
    const left = this.sub(this.load(4, CPU + C_BUDGET), this.#field(1, REC_COUNT));
    this.store(4, CPU, left, C_BUDGET);
    this.if(this.leS(left, 0), () => this.#tail("resume", []));
  }

  #relativeTarget(): Value {
    if (this.long) return this.add(this.load(8, CPU + C_EIP), this.#field(8, REC_IMM));
    const sum = this.add(this.load(4, CPU + C_EIP), this.#field(4, REC_DISP));
    return this.size === 2 ? this.and(sum, 0xffff) : sum;
  }

  checkRelative(): void {
    if (!this.flat || this.long) this.checkTarget(this.#relativeTarget());
  }

  jumpRelative(): void {
    this.countExit();
    this.store(8, CPU, this.convert(this.#relativeTarget(), "i64"), C_EIP);
    this.#account();
    const link = this.#field(4, REC_LINK);
    this.if(link, () => this.#dispatch(link));
    this.#tail("link", [this.record()]);
  }

  jumpTo(eip: Value): void {
    this.countExit();
    this.store(8, CPU, this.convert(eip, "i64"), C_EIP);
    this.#account();
    this.#tail("lookup", []);
  }

  leave(helper: HelperName, ...args: Operand[]): void {
    this.countExit();
    const whole = WHOLE[helper];
    if (whole) return this.#dispatch(this.call(whole, this.record()));
    this.invoke("cpu_enter_slow", this.record());
    this.invoke(helper, ...args);
    this.#tail("resume", []);
  }

  faulted(): void {
    this.#tail("fault", [this.record()]);
  }
}
