/**
 * One instruction at one operand size: the emitter with the core's helpers and the two ways a fault
 * leaves. The layers above add flags (flags.ts), memory (memory.ts), and registers and stack
 * (context.ts).
 */
import type binaryen from "binaryen";
import { CPU } from "../../core/wasm/layout.ts";
import type { Row } from "../isa/rows.ts";
import { Emitter } from "./emitter.ts";
import { ALL_HELPERS, type HelperName } from "./runtime.ts";
import { binaryenType, type IntType, type Operand, type Value } from "./value.ts";

/** An instruction being emitted. */
export abstract class Instruction extends Emitter {
  readonly row: Row;
  /** Operand size in bytes: 1, 2, 4 or 8. */
  readonly size: number;
  /** Type that holds a value of the operand size. */
  readonly type: IntType;
  /** Flags are dead after this instruction: do not compute them. */
  readonly noFlags: boolean;
  /** 64-bit code: addresses, the stack pointer and RIP have eight bytes. A binding says so at once. */
  long = false;
  /** Undone before a fault leaves: set by definitions that change a register early. */
  cleanup: (() => void) | null = null;

  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    noFlags: boolean,
    parameters: number,
    before?: Instruction,
  ) {
    super(m, parameters, before);
    this.row = row;
    this.size = size;
    this.type = size === 8 ? "i64" : "i32";
    this.noFlags = noFlags;
  }

  /** Bytes of an address that no prefix narrows, of the stack pointer and of RIP. */
  get addressBytes(): 4 | 8 {
    return this.long ? 8 : 4;
  }

  /** Type of an address. */
  get addressType(): IntType {
    return this.long ? "i64" : "i32";
  }

  /** Reads processor state at an offset from CPU. A binding may keep some of it elsewhere. */
  readState(size: number, offset: number, type: IntType = size === 8 ? "i64" : "i32"): Value {
    return this.load(size, CPU + offset, 0, type);
  }

  /** Writes processor state at an offset from CPU. */
  writeState(size: number, offset: number, v: Operand): void {
    this.store(size, CPU, v, offset);
  }

  /** Leaves because a fault is pending. */
  abstract faulted(): void;

  /** Calls a core function for its value. */
  call(helper: HelperName, ...args: Operand[]): Value {
    const h = ALL_HELPERS[helper];
    if (h.result === null) throw new Error(`${helper} has no result`);
    return this.let(h.result, this.#call(helper, args));
  }

  /** Calls a core function that gives nothing back. */
  invoke(helper: HelperName, ...args: Operand[]): void {
    this.emit(this.#call(helper, args));
  }

  #call(helper: HelperName, args: Operand[]): number {
    const h = ALL_HELPERS[helper];
    return this.m.call(
      helper,
      args.map((a, i) => this.get(a, h.parameters[i])),
      h.result === null ? 0 : binaryenType(h.result),
    );
  }

  /** Raises an exception for this instruction and leaves. */
  fault(vector: number, error: Operand = 0): void {
    this.invoke("cpu_raise", vector, error);
    this.leaveFaulted();
  }

  /** Leaves with a fault pending, as things were before the instruction. */
  protected leaveFaulted(): void {
    this.cleanup?.();
    this.faulted();
  }

  /** Leaves if a helper said (by zero) that it faulted. */
  check(ok: Value): void {
    this.if(this.eqz(ok), () => this.leaveFaulted());
  }
}
