/**
 * An instruction in one of its forms (jit/isa/forms.ts): which operands lie in memory, which in
 * registers, and in what order a record names the registers. What both bindings share.
 */
import type binaryen from "binaryen";
import { operandWidth, PLACE_CHECKED, PLACE_CHECKED_STACK, PLACE_REGISTER } from "../isa/forms.ts";
import { isMemory } from "../isa/operands.ts";
import type { Row } from "../isa/rows.ts";
import { Context, type Place } from "./context.ts";
import type { IntType } from "./value.ts";

/** Context of an instruction whose form is known. */
export abstract class FormContext extends Context {
  protected readonly place: number;
  readonly flatOperand: boolean;

  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    place: number,
    noFlags: boolean,
    parameters: number,
    before?: FormContext,
  ) {
    const flat = place !== PLACE_CHECKED && place !== PLACE_CHECKED_STACK;
    super(m, row, size, noFlags, flat, parameters, before);
    this.place = place;
    this.flatOperand = place !== PLACE_CHECKED;
  }

  /** The register that operand n names. */
  protected abstract registerOperand(n: number, size: number): Place;

  #inMemoryPlace(): boolean {
    return this.place !== PLACE_REGISTER && this.place !== PLACE_CHECKED_STACK;
  }

  #isMemoryOperand(operand: string): boolean {
    if (operand[0] === "M" || operand[0] === "O") return true;
    return isMemory(operand) && this.#inMemoryPlace();
  }

  inMemory(n: number): boolean {
    if (n >= this.row.operands.length) return false;
    return this.#inMemoryPlace() && "EMOQW".includes(this.row.operands[n][0]);
  }

  /** True if operand n is the second register that the record names (REC_B), not the first (REC_A). */
  protected isSecondRegister(n: number): boolean {
    return this.row.operands.slice(0, n).some((o) =>
      "EGZAPQVW".includes(o[0]) && !this.#isMemoryOperand(o) && o !== "Ap"
    );
  }

  operand(n: number): Place {
    const operand = this.row.operands[n];
    const size = operandWidth(operand, this.size);
    if (this.#isMemoryOperand(operand)) return this.memory(size);
    if (operand[0] !== "I" && operand !== "1") return this.registerOperand(n, size);
    const type: IntType = /[vzs]$/.test(operand) ? this.type : "i32";
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
}
