/** Bit tests and scans. */
import type { Context, Place } from "./context.ts";
import { define } from "./define.ts";
import type { Value } from "./value.ts";

/**
 * The place a bit offset names: a register takes the offset modulo its width; memory takes a register
 * offset as a signed bit displacement from the operand's address.
 */
function bitPlace(x: Context): { place: Place; bit: Value } {
  const bits = x.size * 8;
  if (x.row.operands[1] === "Ib") {
    return { place: x.operand(0), bit: x.convert(x.and(x.immediate("i32"), bits - 1), x.type) };
  }
  const offset = x.operand(1).read();
  const bit = x.and(offset, bits - 1);
  if (!x.inMemory(0)) return { place: x.operand(0), bit };
  const units = x.shrS(x.signExtend(offset, x.size), Math.log2(bits));
  const displacement = x.mul(units, x.size);
  const bytes = x.long
    ? x.signExtend(x.convert(displacement, "i64"), x.size === 8 ? 8 : 4)
    : displacement;
  return { place: x.memoryAt(bytes), bit };
}

/** A bit that PF, of a result's low byte, does not see. */
const NOT_IN_PARITY = 0x100;

function bitOperation(
  name: string,
  change: ((x: Context, v: Value, mask: Value) => Value) | null,
): void {
  define(name, (x) => {
    const { place, bit } = bitPlace(x);
    const v = change ? place.modify() : place.read();
    if (change) place.write(change(x, v, x.shl(x.constant(1, v.type), bit)));
    const cf = x.convert(x.and(x.shrU(v, bit), 1), "i32");
    x.setCarry(cf); // ZF is unchanged; OF SF AF PF, undefined, stay as well
    x.next();
  });
}
bitOperation("bt", null);
bitOperation("bts", (x, v, mask) => x.or(v, mask));
bitOperation("btr", (x, v, mask) => x.and(v, x.not(mask)));
bitOperation("btc", (x, v, mask) => x.xor(v, mask));

/**
 * BSF and BSR: with a zero source ZF is set and the destination stays. The other flags are those of a logical
 * operation with the index (jit/isa/undefined.ts), to which a bit is added that keeps ZF clear.
 */
function scan(name: string, find: (x: Context, v: Value) => Value): void {
  define(name, (x) => {
    const dst = x.operand(0);
    const v = x.operand(1).read();
    const zero = x.eqz(v);
    const index = find(x, v);
    x.if(x.eqz(zero), () => dst.write(index));
    const shown = x.or(x.convert(index, "i32"), NOT_IN_PARITY);
    x.flagsLogic(x.select(zero, x.constant(0), shown), 4);
    x.next();
  });
}
scan("bsf", (x, v) => x.ctz(v));
scan("bsr", (x, v) => x.xor(x.clz(v), v.type === "i64" ? 63 : 31));
