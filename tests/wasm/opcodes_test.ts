/** The writer's opcodes, read back by Binaryen under the names that Binaryen knows them by. */
import assert from "node:assert/strict";
import binaryen from "binaryen";
import { LANES, MEMORY, NUMERIC, VECTOR, VECTOR_MEMORY } from "../../jit/wasm/opcodes.ts";
import { WasmModule } from "../../jit/wasm/module.ts";
import { WASM_TYPES } from "../../jit/semantics/value.ts";

const { i32, i64, v128 } = WASM_TYPES;
type Operations = Record<string, (...args: unknown[]) => number>;
const namespace = (m: WasmModule, name: string) => m[name as "i32"] as unknown as Operations;

/** A module of one function whose result is an operation on its parameters, as text. */
function text(parameters: number[], result: number, build: (m: WasmModule, p: number[]) => number) {
  const m = new WasmModule();
  const types = result === 0 ? [] : [result];
  const gets = parameters.map((_, i) => m.local.get(i));
  const body = m.block(null, [
    result === 0 ? build(m, gets) : m.local.set(parameters.length, build(m, gets)),
    ...result === 0 ? [] : [m.return_call("g", [m.local.get(parameters.length)])],
  ]);
  m.addFunction("f", { parameters, results: types }, types, body);
  if (result !== 0) {
    m.addFunction(
      "g",
      { parameters: types, results: types },
      [],
      m.return_call("g", [m.local.get(0)]),
    );
  }
  m.addFunctionExport("f", "f");
  const bytes = m.emitBinary();
  new WebAssembly.Module(bytes);
  const read = binaryen.readBinary(bytes);
  const out = read.emitText();
  read.dispose();
  return out;
}

/** Names in text differ a little from those in binaryen.js. */
function textName(type: string, name: string): string {
  const renamed: Record<string, string> = {
    "i32.wrap": "i32.wrap_i64",
    "i64.extend_s": "i64.extend_i32_s",
    "i64.extend_u": "i64.extend_i32_u",
  };
  const full = `${type}.${name}`;
  return `(${renamed[full] ?? full.replace("saturate", "sat")}`;
}

const has = (out: string, name: string) =>
  assert.ok(new RegExp(`${name.replace(/[(.]/g, "\\$&")}[\\s]`).test(out), `${name} in ${out}`);

Deno.test("operations on numbers", () => {
  for (const [type, names] of Object.entries(NUMERIC)) {
    const own = type === "i32" ? i32 : i64;
    for (const name of Object.keys(names)) {
      const one = /^(eqz|clz|ctz|popcnt|wrap|extend)/.test(name);
      const operand = name === "wrap" ? i64 : /^extend_[su]$/.test(name) ? i32 : own;
      const result = /^(eq|ne|lt|gt|le|ge)/.test(name) ? i32 : own;
      const parameters = one ? [operand] : [operand, operand];
      has(text(parameters, result, (m, p) => namespace(m, type)[name](...p)), textName(type, name));
    }
  }
});

Deno.test("loads and stores", () => {
  for (const [type, names] of Object.entries({ ...MEMORY, v128: VECTOR_MEMORY })) {
    const own = { i32, i64, v128 }[type]!;
    for (const name of Object.keys(names)) {
      const store = name.startsWith("store");
      const out = text(
        store ? [i32, own] : [i32],
        store ? 0 : own,
        (m, p) => namespace(m, type)[name](300, 1, ...p),
      );
      has(out, textName(type, name));
      assert.match(out, /offset=300/);
    }
  }
});

Deno.test("operations on vectors", () => {
  for (const [shape, names] of Object.entries(VECTOR)) {
    for (const name of Object.keys(names)) {
      const one = /^(abs|neg|not|sqrt|popcnt|bitmask|a(ll|ny)_true|extadd)/.test(name);
      const scalar = shape === "i64x2" ? i64 : i32;
      const parameters = name === "splat"
        ? [scalar]
        : name === "bitselect"
        ? [v128, v128, v128]
        : /^sh[lr]/.test(name)
        ? [v128, i32]
        : one
        ? [v128]
        : [v128, v128];
      const result = /bitmask|_true/.test(name) ? i32 : v128;
      has(
        text(parameters, result, (m, p) => namespace(m, shape)[name](...p)),
        textName(shape, name),
      );
    }
  }
  for (const shape of Object.keys(LANES)) {
    const scalar = shape === "i64x2" ? i64 : i32;
    const extract = (m: WasmModule, p: number[]) => namespace(m, shape).extract_lane(p[0], 1);
    has(text([v128], scalar, extract), `(${shape}.extract_lane`);
    const replace = (m: WasmModule, p: number[]) => namespace(m, shape).replace_lane(p[0], 1, p[1]);
    has(text([v128, scalar], v128, replace), `(${shape}.replace_lane`);
  }
});

Deno.test("constants of every length", () => {
  for (let n = -40; n <= 40; n++) {
    for (const sign of [1, -1]) {
      const v = sign * Math.trunc(1.7 ** Math.abs(n));
      const of32 = text([], i32, (m) => namespace(m, "i32").const(v | 0));
      assert.match(of32, new RegExp(`i32.const ${v | 0}\\)`));
      const big = BigInt(v) * 12345678901n;
      const of64 = text([], i64, (m) => namespace(m, "i64").const(big));
      assert.match(of64, new RegExp(`i64.const ${BigInt.asIntN(64, big)}\\)`));
    }
  }
});

Deno.test("bulk memory", () => {
  const bulk = (name: "copy" | "fill") =>
    text([i32, i32, i32], 0, (m, [a, b, c]) => m.memory[name](a, b, c));
  has(bulk("copy"), "(memory.copy");
  has(bulk("fill"), "(memory.fill");
});
