/**
 * The locals and the processor state in memory: what is in locals is written back where control leaves and around
 * helpers of the core that look at it, and read again behind those that may change it.
 */
import {
  C_BUDGET,
  C_EIP,
  C_FLAG_AUX,
  C_FLAG_RES,
  CPU,
  JIT_TLB_CHANGES,
  JIT_TLB_CHANGES_USER,
  TLB_CHANGES,
} from "../../core/wasm/layout.ts";
import type { HelperName } from "../semantics/runtime.ts";
import type { IntType, Operand, Value, Vector } from "../semantics/value.ts";
import { LocalContext } from "./local_context.ts";
import { MOST_SLOTS, NO_PAGE, pageOfSlot } from "./micro.ts";
import { REGISTERS } from "./state.ts";

const ALL = Array.from({ length: REGISTERS }, (_, i) => i);
/** NO_PAGE four times. */
const NO_PAGES = [...new Uint8Array(new Uint32Array(4).fill(NO_PAGE).buffer)];

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

/** A context whose state goes to memory and comes back. */
export abstract class WrittenBackContext extends LocalContext {
  // ---- all of it -------------------------------------------------------------------------------------

  /** Loads the locals from the processor state; to be emitted when it is known which are used. */
  loadAll(): void {
    const { state } = this;
    this.#loadRegisters(state.used);
    this.set(state.budget, this.readBack(4, C_BUDGET));
    this.#keepPages();
  }

  #loadRegisters(which: Iterable<number> = ALL): void {
    const { state } = this;
    for (const i of which) this.set(state.registers[i], this.readBack(4, i * 8));
    this.loadFlags();
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
      this.writeBack(8, C_FLAG_RES, state.result);
      this.writeBack(4, C_FLAG_AUX, state.aux);
    });
  }

  /** Writes everything back, with C_EIP as given. */
  storeAll(eip: Value): void {
    this.#storeRegisters();
    this.writeBack(4, C_BUDGET, this.state.budget);
    this.store(8, CPU, this.convert(eip, "i64"), C_EIP);
  }

  /** Before a helper that may look at any register and change it. */
  protected expose(): void {
    this.exposeGeneral();
    this.settle();
    this.#storeFlags();
    this.writeBack(4, C_BUDGET, this.state.budget);
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
    this.set(state.registers[0], this.readBack(4, 0));
    state.groups.forget();
    this.set(state.budget, this.readBack(4, C_BUDGET));
    this.#keepPages();
  }

  /** After such a helper. */
  protected takeBack(): void {
    this.#loadRegisters();
    this.state.groups.forget();
    this.set(this.state.budget, this.readBack(4, C_BUDGET));
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
