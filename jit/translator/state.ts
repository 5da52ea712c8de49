/**
 * Processor state in locals.
 *
 * Within a region the general registers, the two flag words and the budget live in locals. They are
 * written back where control leaves, and around helpers of the core that look at them. Flags are not
 * computed at all until something asks for them: mostly an exit, off the way.
 */
import type binaryen from "binaryen";
import {
  C_BUDGET,
  C_EIP,
  C_FLAG_AUX,
  C_FLAG_RES,
  CPU,
  FLAGS_FROM_INC,
  FLAGS_FROM_LOGIC,
  JIT_TLB_CHANGES,
  JIT_TLB_CHANGES_USER,
  R_ZERO,
  TLB_CHANGES,
} from "../../core/wasm/layout.ts";
import type { Row } from "../isa/rows.ts";
import { constantOf } from "../semantics/fold.ts";
import type { Emitter } from "../semantics/emitter.ts";
import type { KnownFlags } from "../semantics/flags.ts";
import { FormContext } from "../semantics/form.ts";
import type { HelperName } from "../semantics/runtime.ts";
import type { IntType, Operand, Value, Vector } from "../semantics/value.ts";
import { Groups } from "./groups.ts";
import type { WasmModule } from "../wasm/module.ts";
import { MOST_SLOTS, NO_PAGE, pageOfSlot, Slots, type Variable } from "./micro.ts";
import type { RegionBlock } from "./region.ts";
import { Runs } from "./runs.ts";
import type { Way } from "./structure.ts";

const REGISTERS = 8;
const ALL = Array.from({ length: REGISTERS }, (_, i) => i);
/** NO_PAGE four times. */
const NO_PAGES = [...new Uint8Array(new Uint32Array(4).fill(NO_PAGE).buffer)];
/** Flags that ask for so many earlier ones in turn are computed at once. */
const DEEPEST = 2;

/** Helpers that neither read nor write what is in locals (but for cpu_flags_from), nor change translations. */
const PURE = new Set<HelperName>([
  "cpu_tlb_known",
  "cpu_tlb_probe",
  "cpu_segment_address",
  "cpu_jump_ok",
  "cpu_raise",
  "cpu_no_fault",
  "cpu_flags_from",
  "cpu_code_known",
  "cpu_settled",
  "cpu_segment_known",
]);

/** The locals that all instructions of a region share. */
export interface RegionState {
  registers: Variable[];
  result: Variable;
  aux: Variable;
  /** Non-zero: the flags are not in these two words, but what cpu_flags_from makes of three others. */
  from: Variable;
  fromA: Variable;
  fromB: Variable;
  budget: Variable;
  /** EIP of the region's first block. */
  origin: Variable;
  /** Where the exit at hand leads: an EIP, the record it leaves from, the handler to go on with. */
  target: Variable;
  record: Variable;
  handler: Variable;
  /** Number of the block that the dispatcher goes to. */
  next: Variable;
  slots: Slots;
  groups: Groups;
  runs: Runs;
  /** How deep in blocks the statements of a region's block stand; deeper ones are conditional. */
  depth: number;
  blocks: RegionBlock[];
  /** How to get from a block to another. */
  way(from: number, to: number): Way;
  /** Registers that some instruction touches, and those that one writes. */
  used: Set<number>;
  dirty: Set<number>;
  /** Whether blocks are counted. */
  profile: boolean;
}

/** Makes the shared locals. */
export function regionState(
  x: Emitter,
  blocks: RegionBlock[],
  way: RegionState["way"],
  profile = false,
): RegionState {
  const i32 = () => x.variable("i32");
  return {
    registers: Array.from({ length: REGISTERS }, i32),
    result: x.variable("i64"),
    aux: i32(),
    from: i32(),
    fromA: i32(),
    fromB: i32(),
    budget: i32(),
    origin: i32(),
    target: i32(),
    record: i32(),
    handler: i32(),
    next: i32(),
    slots: new Slots(blocks),
    groups: new Groups(),
    runs: new Runs(i32()),
    depth: 0,
    blocks,
    way,
    used: new Set(),
    dirty: new Set(),
    profile,
  };
}

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
      this.#loadFlags();
    });
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

  // ---- all of it -------------------------------------------------------------------------------------

  /** Loads the locals from the processor state; to be emitted when it is known which are used. */
  loadAll(): void {
    const { state } = this;
    this.#loadRegisters(state.used);
    this.set(state.budget, super.readState(4, C_BUDGET));
    this.#keepPages();
  }

  #loadRegisters(which: Iterable<number> = ALL): void {
    const { state } = this;
    for (const i of which) this.set(state.registers[i], super.readState(4, i * 8));
    this.#loadFlags();
  }

  #loadFlags(): void {
    const { state } = this;
    this.set(state.from, 0);
    this.set(state.result, super.readState(8, C_FLAG_RES));
    this.set(state.aux, super.readState(4, C_FLAG_AUX));
  }

  get #user(): boolean {
    return this.state.blocks[0].user;
  }

  /** Address of TLB_CHANGES as it was when the pages at hand began to be looked up. */
  get #changesSeen(): number {
    return this.#user ? JIT_TLB_CHANGES_USER : JIT_TLB_CHANGES;
  }

  /** All that any region may have: each finds what the one before it has looked up. */
  #forgetPages(): void {
    const none = this.letVector(this.m.v128.const(NO_PAGES));
    for (let n = 0; n < MOST_SLOTS; n += 4) this.storeVector(16, pageOfSlot(n, this.#user), none);
    this.store(4, this.#changesSeen, this.load(4, TLB_CHANGES));
  }

  /** Forgets them if the TLB has changed since they were looked up. */
  #keepPages(): void {
    const changed = this.ne(this.load(4, TLB_CHANGES), this.load(4, this.#changesSeen));
    this.unlikely(changed, () => this.#forgetPages());
  }

  // ---- memory ----------------------------------------------------------------------------------------

  /** Values that stand for addresses so many bytes further on. */
  readonly #further = new WeakMap<Value, number>();

  /** An address that loads and stores take, so many bytes behind a value. */
  protected behind(v: Value, bytes: number): Value {
    const address = { ...v };
    this.#further.set(address, bytes);
    return address;
  }

  #offset(address: Operand): number {
    return typeof address === "number" ? 0 : this.#further.get(address) ?? 0;
  }

  override loadExpression(size: number, address: Operand, offset: number, type: IntType): number {
    return super.loadExpression(size, address, offset + this.#offset(address), type);
  }

  override store(size: number, address: Operand, v: Operand, offset = 0): void {
    super.store(size, address, v, offset + this.#offset(address));
  }

  override loadVector(size: number, address: Operand, offset = 0): Vector {
    return super.loadVector(size, address, offset + this.#offset(address));
  }

  override storeVector(size: number, address: Operand, v: Vector, offset = 0): void {
    super.storeVector(size, address, v, offset + this.#offset(address));
  }

  /** Writes registers and flags back; the flags must have been written to their locals. */
  #storeRegisters(): void {
    this.#storeGeneral();
    this.#storeFlags();
  }

  #storeGeneral(): void {
    const { state } = this;
    for (const i of state.dirty) {
      this.store(8, CPU, this.convert(this.copy(state.registers[i]), "i64"), i * 8);
    }
  }

  #storeFlags(): void {
    const { state } = this;
    this.if(state.from, () => {
      this.invoke("cpu_flags_from", state.from, state.fromA, state.fromB);
    }, () => {
      super.writeState(8, C_FLAG_RES, state.result);
      super.writeState(4, C_FLAG_AUX, state.aux);
    });
  }

  /** Writes everything back, with C_EIP as given. */
  storeAll(eip: Value): void {
    this.#storeRegisters();
    super.writeState(4, C_BUDGET, this.state.budget);
    this.store(8, CPU, this.convert(eip, "i64"), C_EIP);
  }

  /** Before a helper that may look at any register and change it. */
  protected expose(): void {
    this.exposeGeneral();
    this.settle();
    this.#storeFlags();
    super.writeState(4, C_BUDGET, this.state.budget);
  }

  /** Before a helper that looks at no flags: general registers alone. */
  protected exposeGeneral(): void {
    for (const i of ALL) {
      this.state.used.add(i);
      this.state.dirty.add(i);
    }
    this.#storeGeneral();
  }

  /** Behind that, where the flags are wanted after all. */
  protected exposeFlags(): void {
    this.writeFlags();
    this.#storeFlags();
  }

  /** After a helper that may have changed EAX alone, of registers and flags; and the budget. */
  protected takeBackResult(): void {
    const { state } = this;
    this.set(state.registers[0], super.readState(4, 0));
    state.groups.forget();
    this.set(state.budget, super.readState(4, C_BUDGET));
    this.#keepPages();
  }

  /** After such a helper. */
  protected takeBack(): void {
    this.#loadRegisters();
    this.state.groups.forget();
    this.set(this.state.budget, super.readState(4, C_BUDGET));
    this.#keepPages();
    this.flags = null;
  }

  /** A helper was called that may have written to memory. */
  protected helped = false;

  override call(helper: HelperName, ...args: Operand[]): Value {
    if (PURE.has(helper)) return super.call(helper, ...args);
    this.helped = true;
    this.expose();
    const result = super.call(helper, ...args);
    this.takeBack();
    return result;
  }

  /** Calls a helper for which all that it needs was written back. */
  protected callReady(helper: HelperName, ...args: Operand[]): Value {
    return super.call(helper, ...args);
  }

  /** Calls a helper when all is written back and nothing will be looked at again. */
  protected invokeLast(helper: HelperName, ...args: Operand[]): void {
    super.invoke(helper, ...args);
  }

  override invoke(helper: HelperName, ...args: Operand[]): void {
    if (PURE.has(helper)) return super.invoke(helper, ...args);
    this.helped = true;
    this.expose();
    super.invoke(helper, ...args);
    this.takeBack();
  }
}
