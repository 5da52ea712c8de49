/**
 * Vector operands and operations, for the meanings in packed.ts, shuffle.ts, vector_move.ts and sse.ts.
 *
 * MMX registers are the mantissas of the x87 registers, which lie at C_FX by their physical numbers.
 * Whoever uses one calls {@link enterMmx}, which brings TOP to 0.
 */
import { C_FX, C_TS, CPU, FX_ST, FX_XMM } from "../../core/wasm/layout.ts";
import { operandWidth } from "../isa/forms.ts";
import { isVector } from "../isa/operands.ts";
import type { Context, VectorPlace } from "./context.ts";
import type { IntType, Operand, Value, Vector } from "./value.ts";

const DEVICE_NOT_AVAILABLE = 7;
const MMX = CPU + C_FX + FX_ST;
const XMM = CPU + C_FX + FX_XMM;

/** True if the row has an MMX operand. */
export function isMmx(x: Context): boolean {
  return x.row.operands.some((o) => o[0] === "P" || o[0] === "Q");
}

/** True if an operand is an MMX register. */
function usesMmx(x: Context): boolean {
  return x.row.operands.some((o, n) => "PQ".includes(o[0]) && !x.inMemory(n));
}

/** First of all: #NM, and for MMX a pending #MF. */
export function ready(x: Context): void {
  if (usesMmx(x)) x.check(x.call("cpu_mmx_ready"));
  else x.if(x.readState(4, C_TS), () => x.fault(DEVICE_NOT_AVAILABLE));
}

/** Once nothing can fault any more: an instruction with MMX registers leaves TOP 0 and all tags valid. */
export function enterMmx(x: Context): void {
  if (usesMmx(x)) x.invoke("cpu_mmx_enter");
}

/**
 * Operand n as a vector. A register is read whole, whatever its width says; 16 bytes of memory must be
 * aligned unless `unaligned`.
 */
export function vector(x: Context, n: number, unaligned = false): VectorPlace {
  const operand = x.row.operands[n];
  const width = operandWidth(operand, x.size);
  if (x.inMemory(n)) {
    const memory = x.vectorMemory(width, width === 16 && !unaligned);
    return {
      read: () => memory.read(),
      modify: () => memory.modify(),
      write: (v) => {
        memory.write(v);
        enterMmx(x);
      },
    };
  }
  if (!isVector(operand)) throw new Error(`${x.row.name}: ${operand} is no vector`);
  const slot = x.registerOffset(n);
  if (operand[0] === "V" || operand[0] === "W") {
    const read = () => x.loadVector(16, slot, XMM);
    return {
      read,
      modify: read,
      write: (v) => {
        // always all of it: a host reads 16 bytes slowly that it wrote in part just before
        const old = width === 16 ? v : x.loadVector(16, slot, XMM);
        x.storeVector(16, slot, width === 16 ? v : shuffle(x, old, v, lowBytes(width)), XMM);
      },
    };
  }
  const read = () => x.loadVector(8, slot, MMX);
  return {
    read,
    modify: read,
    write: (v) => {
      enterMmx(x);
      x.storeVector(8, slot, v, MMX);
      x.store(2, slot, 0xffff, MMX + 8);
    },
  };
}

/** Address of operand n for a helper: its register, or a copy of the memory operand at `scratch`. */
export function vectorAddress(x: Context, n: number, scratch: number): Value {
  const operand = x.row.operands[n];
  if (!x.inMemory(n) && "VW".includes(operand[0])) return x.add(x.registerOffset(n), XMM);
  const v = vector(x, n).read();
  x.storeVector(16, scratch, v);
  return x.constant(scratch);
}

/** A WebAssembly vector operation by name: "i8x16.add". Numbers are i32 constants. */
export function simd(x: Context, name: string, ...args: (Vector | Operand)[]): Vector {
  return x.letVector(expression(x, name, args));
}

/** A WebAssembly vector operation whose result is a scalar: "i8x16.bitmask". */
export function fromLanes(x: Context, name: string, v: Vector, type: IntType = "i32"): Value {
  return x.let(type, expression(x, name, [v]));
}

function expression(x: Context, name: string, args: (Vector | Operand)[]): number {
  const [lanes, operation] = name.split(".");
  // deno-lint-ignore no-explicit-any
  return (x.m as any)[lanes][operation](
    ...args.map((a) => typeof a === "object" && "vector" in a ? x.getVector(a) : x.get(a)),
  );
}

/** Lane n of a vector. */
export function lane(x: Context, v: Vector, type: IntType, n = 0): Value {
  const e = x.getVector(v);
  return x.let(
    type,
    type === "i64" ? x.m.i64x2.extract_lane(e, n) : x.m.i32x4.extract_lane(e, n),
  );
}

/** The vector of a scalar, zero above it. */
export function scalar(x: Context, v: Value): Vector {
  const zero = x.m.v128.const(new Uint8Array(16));
  return x.letVector(
    v.type === "i64"
      ? x.m.i64x2.replace_lane(zero, 0, x.get(v))
      : x.m.i32x4.replace_lane(zero, 0, x.get(v)),
  );
}

/** The vector of two i64. */
export function pair(x: Context, low: Value, high: Value): Vector {
  const first = x.getVector(scalar(x, low));
  return x.letVector(x.m.i64x2.replace_lane(first, 1, x.get(high)));
}

/** A constant vector. */
export function bytes(x: Context, values: readonly number[]): Vector {
  return x.letVector(x.m.v128.const(values));
}

/** A constant of 16 bytes with the same `size` low bytes of `value` again and again. */
export function repeated(x: Context, value: number, size: 1 | 2 | 4): Vector {
  return bytes(x, Array.from({ length: 16 }, (_, i) => (value >>> ((i % size) * 8)) & 0xff));
}

/** Bytes of a and b by number: 0 to 15 are a's, 16 to 31 b's. */
export function shuffle(x: Context, a: Vector, b: Vector, mask: readonly number[]): Vector {
  // deno-lint-ignore no-explicit-any
  return x.letVector(x.m.i8x16.shuffle(x.getVector(a), x.getVector(b), mask as any));
}

/** Mask that takes the `n` low bytes from the second vector. */
function lowBytes(n: number): number[] {
  return Array.from({ length: 16 }, (_, i) => i < n ? 16 + i : i);
}

/** c ? a : b. */
export function selectVector(x: Context, c: Value, a: Vector, b: Vector): Vector {
  return x.letVector(x.m.select(x.get(c), x.getVector(a), x.getVector(b)));
}
