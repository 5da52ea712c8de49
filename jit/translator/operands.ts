/** Operands of a region's instructions: registers are locals, what the record says is a constant. */
import type binaryen from "binaryen";
import { C_MODE, PREFIX_ADDR16, R_ZERO } from "../../core/wasm/layout.ts";
import { PLACE_CHECKED } from "../isa/forms.ts";
import type { Row } from "../isa/rows.ts";
import type { Place } from "../semantics/context.ts";
import type { IntType, Value } from "../semantics/value.ts";
import type { DecodedInstruction, RegionBlock } from "./region.ts";
import { WrittenBackContext } from "./written_back.ts";

/** Context of an instruction's operands. */
export abstract class OperandContext extends WrittenBackContext {
  readonly #i: DecodedInstruction | null;
  /** Number of its block. */
  protected readonly number: number;

  /**
   * @param block number of the instruction's block
   * @param before the context of the instruction before it, or the region's
   */
  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    place: number,
    noFlags: boolean,
    instruction: DecodedInstruction | null,
    block = 0,
    before?: OperandContext,
  ) {
    super(m, row, size, place, noFlags, before);
    this.#i = instruction;
    this.number = block;
  }

  protected get instruction(): DecodedInstruction {
    if (!this.#i) throw new Error("no instruction here");
    return this.#i;
  }

  /** Its block. */
  protected get home(): RegionBlock {
    return this.state.blocks[this.number];
  }

  // ---- operands --------------------------------------------------------------------------------------

  #slot(n: number): number {
    return this.isSecondRegister(n) ? this.instruction.b : this.instruction.a;
  }

  registerOffset(n: number): Value {
    return this.constant(this.#slot(n));
  }

  protected registerOperand(n: number, size: number): Place {
    return this.register(this.#slot(n), size);
  }

  immediate(type: IntType = this.type): Value {
    return this.constant(this.instruction.immediate, type);
  }

  immediate2(): Value {
    return this.constant(this.instruction.immediate >> 32n);
  }

  effectiveAddress(): Value {
    const { base, index, scale, displacement } = this.instruction;
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
    const narrow = this.place === PLACE_CHECKED && this.instruction.prefixes & PREFIX_ADDR16;
    return narrow ? this.and(a, 0xffff) : a;
  }

  segment(): Value {
    return this.constant(this.instruction.segment);
  }

  segmentNumberOperand(_n: number): Value {
    return this.constant(this.instruction.b);
  }

  prefixes(): Value {
    return this.constant(this.instruction.prefixes);
  }

  record(): Value {
    return this.constant(this.instruction.record);
  }

  override stack32(): Value {
    return this.and(super.readState(4, C_MODE), 2);
  }
}
