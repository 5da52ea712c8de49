/**
 * The emitter: a thin language over Binaryen in which the meanings of instructions are written.
 *
 * Every operation puts its result in a fresh local and returns a {@link Value}; statements are
 * collected in blocks. Binaryen's passes later fold the locals away. The emitter knows nothing of x86.
 */
import type binaryen from "binaryen";
import { constantOf, fold } from "./fold.ts";
import {
  binaryenType,
  type IntType,
  type Operand,
  type Value,
  type Vector,
  WASM_TYPES,
} from "./value.ts";

type Expression = number;

/** Builds one WASM function's body. */
export class Emitter {
  readonly m: binaryen.Module;
  /** Types of the locals after the parameters. */
  readonly localTypes: number[];
  readonly #parameters: number;
  readonly #blocks: Expression[][];

  /**
   * @param parameters how many parameters the function has (they are locals 0, 1, …)
   * @param same another emitter whose function this one goes on with
   */
  constructor(m: binaryen.Module, parameters: number, same?: Emitter) {
    this.m = m;
    this.#parameters = parameters;
    this.localTypes = same?.localTypes ?? [];
    this.#blocks = same ? same.#blocks : [[]];
  }

  /** True where what is emitted runs whenever the function does. */
  protected get unconditional(): boolean {
    return this.#blocks.length === 1;
  }

  /** How many blocks are open around what is emitted. */
  protected get depth(): number {
    return this.#blocks.length;
  }

  // ---- values ------------------------------------------------------------------------------

  /** Parameter n as a value. */
  parameter(n: number, type: IntType = "i32"): Value {
    return { type, local: n };
  }

  /** A constant. */
  constant(n: number | bigint, type: IntType = "i32"): Value {
    return { type, constant: BigInt(n) };
  }

  /** A fresh local that holds the expression's value. */
  let(type: IntType, e: Expression): Value {
    const local = this.variable(type);
    this.emit(this.m.local.set(local.local, e));
    return local;
  }

  /** A fresh local to be set with {@link set}. */
  variable(type: IntType): { type: IntType; local: number } {
    this.localTypes.push(binaryenType(type));
    return { type, local: this.#parameters + this.localTypes.length - 1 };
  }

  /** Assigns a variable. */
  set(variable: { type: IntType; local: number }, v: Operand): void {
    this.emit(this.m.local.set(variable.local, this.get(v, variable.type)));
  }

  /** The Binaryen expression for a value. */
  get(v: Operand, type: IntType = "i32"): Expression {
    if (typeof v === "number") v = this.constant(v, type);
    if ("local" in v) return this.m.local.get(v.local, binaryenType(v.type));
    return v.type === "i32"
      ? this.m.i32.const(Number(BigInt.asIntN(32, v.constant)))
      // binaryen.js takes an i64 constant as a bigint
      : this.m.i64.const(BigInt.asIntN(64, v.constant) as never);
  }

  /** A fresh local that holds the vector. */
  letVector(e: Expression): Vector {
    this.localTypes.push(WASM_TYPES.v128);
    const vector = this.#parameters + this.localTypes.length - 1;
    this.emit(this.m.local.set(vector, e));
    return { vector };
  }

  /** The Binaryen expression for a vector. */
  getVector(v: Vector): Expression {
    return this.m.local.get(v.vector, WASM_TYPES.v128);
  }

  // ---- statements ----------------------------------------------------------------------------

  /** Appends a statement to the current block. */
  emit(e: Expression): void {
    this.#blocks[this.#blocks.length - 1].push(e);
  }

  /** Collects what `build` emits into one expression. */
  block(build: () => void): Expression {
    this.#blocks.push([]);
    build();
    const statements = this.#blocks.pop()!;
    return statements.length === 1 ? statements[0] : this.m.block(null, statements);
  }

  /** The function's whole body so far. */
  body(): Expression {
    return this.m.block(null, this.#blocks[0]);
  }

  /** Two-way branch. */
  if(condition: Operand, then: () => void, otherwise?: () => void): void {
    const known = typeof condition === "number" ? BigInt(condition) : constantOf(condition);
    if (known !== null) return known ? then() : otherwise?.();
    const t = this.block(then);
    const e = otherwise ? this.block(otherwise) : undefined;
    this.emit(this.m.if(this.get(condition), t, e));
  }

  // ---- operations ----------------------------------------------------------------------------

  #binary(name: string, a: Operand, b: Operand, result?: IntType): Value {
    const type = typeof a === "number" ? (typeof b === "number" ? "i32" : b.type) : a.type;
    const folded = fold(name, type, a, b);
    if (folded !== null) {
      return typeof folded === "bigint" ? this.constant(folded, result ?? type) : folded;
    }
    // deno-lint-ignore no-explicit-any
    const ns = this.m[type] as any;
    return this.let(result ?? type, ns[name](this.get(a, type), this.get(b, type)));
  }
  add(a: Operand, b: Operand): Value {
    return this.#binary("add", a, b);
  }
  sub(a: Operand, b: Operand): Value {
    return this.#binary("sub", a, b);
  }
  mul(a: Operand, b: Operand): Value {
    return this.#binary("mul", a, b);
  }
  /** Unsigned quotient; the divisor must have been tested against zero. */
  divU(a: Operand, b: Operand): Value {
    return this.#binary("div_u", a, b);
  }
  remU(a: Operand, b: Operand): Value {
    return this.#binary("rem_u", a, b);
  }
  /** Signed quotient; zero and the one overflow must have been tested. */
  divS(a: Operand, b: Operand): Value {
    return this.#binary("div_s", a, b);
  }
  remS(a: Operand, b: Operand): Value {
    return this.#binary("rem_s", a, b);
  }
  and(a: Operand, b: Operand): Value {
    return this.#binary("and", a, b);
  }
  or(a: Operand, b: Operand): Value {
    return this.#binary("or", a, b);
  }
  xor(a: Operand, b: Operand): Value {
    return this.#binary("xor", a, b);
  }
  not(a: Value): Value {
    return this.xor(a, -1);
  }
  shl(a: Operand, b: Operand): Value {
    return this.#binary("shl", a, b);
  }
  shrU(a: Operand, b: Operand): Value {
    return this.#binary("shr_u", a, b);
  }
  shrS(a: Operand, b: Operand): Value {
    return this.#binary("shr_s", a, b);
  }
  rotl(a: Operand, b: Operand): Value {
    return this.#binary("rotl", a, b);
  }
  rotr(a: Operand, b: Operand): Value {
    return this.#binary("rotr", a, b);
  }
  eq(a: Operand, b: Operand): Value {
    return this.#binary("eq", a, b, "i32");
  }
  ne(a: Operand, b: Operand): Value {
    return this.#binary("ne", a, b, "i32");
  }
  ltU(a: Operand, b: Operand): Value {
    return this.#binary("lt_u", a, b, "i32");
  }
  geU(a: Operand, b: Operand): Value {
    return this.#binary("ge_u", a, b, "i32");
  }
  ltS(a: Operand, b: Operand): Value {
    return this.#binary("lt_s", a, b, "i32");
  }
  leS(a: Operand, b: Operand): Value {
    return this.#binary("le_s", a, b, "i32");
  }
  eqz(a: Value): Value {
    const known = constantOf(a);
    if (known !== null) return this.constant(known ? 0 : 1);
    return this.let("i32", this.m[a.type].eqz(this.get(a)));
  }
  clz(a: Value): Value {
    return this.let(a.type, this.m[a.type].clz(this.get(a)));
  }
  ctz(a: Value): Value {
    return this.let(a.type, this.m[a.type].ctz(this.get(a)));
  }
  popcnt(a: Value): Value {
    return this.let(a.type, this.m[a.type].popcnt(this.get(a)));
  }
  /** c ? a : b, both evaluated. */
  select(c: Operand, a: Operand, b: Operand): Value {
    const type = typeof a === "number" ? (typeof b === "number" ? "i32" : b.type) : a.type;
    const known = typeof c === "number" ? BigInt(c) : constantOf(c);
    if (known !== null) {
      const chosen = known ? a : b;
      return typeof chosen === "number" ? this.constant(chosen, type) : chosen;
    }
    return this.let(
      type,
      this.m.select(this.get(c), this.get(a, type), this.get(b, type)),
    );
  }

  // ---- widths --------------------------------------------------------------------------------

  /** To another type, zero-extending or cutting. */
  convert(a: Value, type: IntType): Value {
    if (a.type === type) return a;
    const known = constantOf(a);
    if (known !== null) return this.constant(BigInt.asUintN(32, known), type);
    return type === "i64"
      ? this.let("i64", this.m.i64.extend_u(this.get(a)))
      : this.let("i32", this.m.i32.wrap(this.get(a)));
  }

  /** The low `size` bytes, zero-extended in the value's own type. */
  zeroExtend(a: Value, size: number): Value {
    if (size === 8 || (size === 4 && a.type === "i32")) return a;
    if (size === 4) return this.and(a, this.constant(0xffffffffn, "i64"));
    return this.and(a, size === 1 ? 0xff : 0xffff);
  }

  /** The low `size` bytes, sign-extended in the value's own type. */
  signExtend(a: Value, size: number): Value {
    if (size === 8 || (size === 4 && a.type === "i32")) return a;
    const known = constantOf(a);
    if (known !== null) return this.constant(BigInt.asIntN(size * 8, known), a.type);
    const ns = this.m[a.type];
    if (size === 1) return this.let(a.type, ns.extend8_s(this.get(a)));
    if (size === 2) return this.let(a.type, ns.extend16_s(this.get(a)));
    return this.let("i64", this.m.i64.extend32_s(this.get(a)));
  }

  /** The low `bits` bits of an i64, sign-extended. */
  signExtendBits(a: Value, bits: number): Value {
    return this.shrS(this.shl(a, 64 - bits), 64 - bits);
  }

  // ---- memory --------------------------------------------------------------------------------

  /** Loads `size` bytes at `address + offset`, zero-extended to `type`. */
  load(
    size: number,
    address: Operand,
    offset = 0,
    type: IntType = size === 8 ? "i64" : "i32",
  ): Value {
    return this.let(type, this.loadExpression(size, address, offset, type));
  }

  loadExpression(size: number, address: Operand, offset: number, type: IntType): Expression {
    const p = this.get(address);
    const ns = this.m[type];
    if (size === 1) return ns.load8_u(offset, 1, p);
    if (size === 2) return ns.load16_u(offset, 1, p);
    if (size === 4 && type === "i64") return this.m.i64.load32_u(offset, 1, p);
    return this.fullLoad(ns.load(offset, 1, p));
  }

  /** Sees each load of a whole value. */
  protected fullLoad(e: Expression): Expression {
    return e;
  }

  /** Stores the low `size` bytes of `v` at `address + offset`. */
  store(size: number, address: Operand, v: Operand, offset = 0): void {
    const type: IntType = typeof v === "number" ? (size === 8 ? "i64" : "i32") : v.type;
    const p = this.get(address);
    const e = this.get(v, type);
    const ns = this.m[type];
    if (size === 1) this.emit(ns.store8(offset, 1, p, e));
    else if (size === 2) this.emit(ns.store16(offset, 1, p, e));
    else if (size === 4 && type === "i64") this.emit(this.m.i64.store32(offset, 1, p, e));
    else if (size === 8 && type === "i32") {
      this.emit(this.m.i64.store(offset, 1, p, this.m.i64.extend_u(e)));
    } else this.emit(ns.store(offset, 1, p, e));
  }
}
