/**
 * binary32 and binary64 against the host's own SSE unit: results and MXCSR flags of every operation in
 * every rounding mode, with and without DAZ and FTZ.
 */
import assert from "node:assert/strict";
import { compileCore } from "../../core/build/asc.ts";
import { buildCached, isCached, readCached } from "../../core/build/cache.ts";
import { hashInputs, ROOT } from "../../core/build/inputs.ts";
import { runsI386 } from "../i386.ts";
import { bytes, DATA, runNatively } from "./native.ts";
import { Random } from "../random.ts";
import { bits, pattern } from "./values.ts";

type Number_ = number | bigint;
type Library = Record<string, (...args: Number_[]) => Number_>;

/** The library by itself. */
async function library(): Promise<Library> {
  const source = 'export * from "./float/exports";';
  const hash = await hashInputs(["core/build", "core/wasm/float"], source);
  if (!isCached(hash)) {
    await buildCached(hash, async () => ({
      "float.wasm": await compileCore(new URL("core/wasm/", ROOT), { "index.ts": source }),
    }));
  }
  const module = await WebAssembly.compile(readCached(hash, "float.wasm")!);
  return (await WebAssembly.instantiate(module, { env: {} })).exports as unknown as Library;
}

/** Widths of an operation's operands and result: f = float, i = integer. */
interface Operation {
  name: string;
  /** Operand kinds: 32 or 64 for a float, "i" for a 32-bit integer. */
  from: (32 | 64)[] | ["i"];
  to: 32 | 64 | "i" | "eflags";
  /** Instruction with xmm0 (and xmm1, or eax) as operands; the result in xmm0, eax or EFLAGS. */
  code: number[];
  ours(x: Library, a: Number_, b: Number_): Number_;
}

const COMPARED = [0x01, 0x40, 0x00, 0x45]; // CF, ZF, none, all: less, equal, greater, unordered

function operations(): Operation[] {
  const list: Operation[] = [];
  for (const width of [32, 64] as const) {
    const prefix = width === 32 ? 0xf3 : 0xf2;
    const other = width === 32 ? 64 : 32;
    const f = `f${width}_`;
    const two = { add: 0x58, mul: 0x59, sub: 0x5c, min: 0x5d, div: 0x5e, max: 0x5f };
    for (const [name, opcode] of Object.entries(two)) {
      list.push({
        name: f + name,
        from: [width, width],
        to: width,
        code: [prefix, 0x0f, opcode, 0xc1],
        ours: (x, a, b) => x[f + name](a, b),
      });
    }
    list.push({
      name: f + "sqrt",
      from: [width],
      to: width,
      code: [prefix, 0x0f, 0x51, 0xc0],
      ours: (x, a) => x[f + "sqrt"](a),
    });
    for (const [name, opcode, signal] of [["ucomi", 0x2e, 0], ["comi", 0x2f, 1]] as const) {
      list.push({
        name: f + name,
        from: [width, width],
        to: "eflags",
        code: [...(width === 64 ? [0x66] : []), 0x0f, opcode, 0xc1],
        ours: (x, a, b) => COMPARED[x[f + "compare"](a, b, signal) as number],
      });
    }
    list.push({
      name: `${f}to_f${other}`,
      from: [width],
      to: other,
      code: [prefix, 0x0f, 0x5a, 0xc0],
      ours: (x, a) => x[`${f}to_f${other}`](a),
    });
    for (const [opcode, truncate] of [[0x2d, 0], [0x2c, 1]]) {
      list.push({
        name: `${f}to_i32 ${truncate}`,
        from: [width],
        to: "i",
        code: [prefix, 0x0f, opcode, 0xc0],
        ours: (x, a) => (x[f + "to_i32"](a, truncate) as number) >>> 0,
      });
    }
    list.push({
      name: f + "from_integer",
      from: ["i"],
      to: width,
      code: [prefix, 0x0f, 0x2a, 0xc0],
      ours: (x, a) => x[f + "from_integer"](BigInt.asIntN(32, BigInt(a))),
    });
  }
  return list;
}

interface Case {
  operation: Operation;
  a: bigint;
  b: bigint;
  mxcsr: number;
}

const SLOT = 32; // a, b, result, MXCSR in, MXCSR out

function operand(r: Random, kind: 32 | 64 | "i"): bigint {
  if (kind === "i") return bits(r, 32) >> BigInt(r.pick([0, r.below(32)]));
  return kind === 32 ? pattern(r, 8, 23) : pattern(r, 11, 52);
}

/** Straight-line code for one case whose slot is at `at`. */
function emit(c: Case, at: number): number[] {
  const { from, to, code } = c.operation;
  const absolute = (n: number) => bytes(at + n, 4);
  const load = (
    register: number,
    n: number,
  ) => [0xf3, 0x0f, 0x7e, register << 3 | 5, ...absolute(n)];
  const inputs = from[0] === "i" ? [0xa1, ...absolute(0)] : [...load(0, 0), ...load(1, 8)];
  const store = to === "i"
    ? [0xa3, ...absolute(16)]
    : to === "eflags"
    ? [0x9c, 0x58, 0xa3, ...absolute(16)]
    : to === 32
    ? [0xf3, 0x0f, 0x11, 0x05, ...absolute(16)]
    : [0x66, 0x0f, 0xd6, 0x05, ...absolute(16)];
  return [
    ...[0x0f, 0xae, 0x15, ...absolute(24)], // ldmxcsr
    ...inputs,
    ...code,
    ...store,
    ...[0x0f, 0xae, 0x1d, ...absolute(28)], // stmxcsr
  ];
}

const CASES = Number(Deno.env.get("CASES") ?? 1500);
const SEED = Number(Deno.env.get("SEED") ?? 20260722);

const ignore = !await runsI386();
Deno.test(
  "float: binary32 and binary64 as the host's SSE unit computes them",
  { ignore },
  async () => {
    const x = await library();
    const r = new Random(SEED);
    const cases: Case[] = operations().flatMap((operation) =>
      Array.from({ length: CASES }, () => ({
        operation,
        a: operand(r, operation.from[0]),
        b: operand(r, operation.from[1] ?? operation.from[0]),
        mxcsr: 0x1f80 | r.below(4) << 13 | r.pick([0, 0, 0x40, 0x8000, 0x8040]),
      }))
    );
    const data = new Uint8Array(cases.length * SLOT);
    const view = new DataView(data.buffer);
    const code: number[] = [];
    cases.forEach((c, i) => {
      view.setBigUint64(i * SLOT, c.a, true);
      view.setBigUint64(i * SLOT + 8, c.b, true);
      view.setUint32(i * SLOT + 24, c.mxcsr, true);
      for (const byte of emit(c, DATA + i * SLOT)) code.push(byte);
    });
    const native = await runNatively(Uint8Array.from(code), data);
    const result = new DataView(native.buffer, native.byteOffset);
    const wrong = new Map<string, string>();
    let count = 0;
    cases.forEach((c, i) => {
      const { operation: o } = c;
      const wide = o.to === 64;
      let theirs = wide
        ? result.getBigUint64(i * SLOT + 16, true)
        : BigInt(result.getUint32(i * SLOT + 16, true));
      if (o.to === "eflags") theirs &= 0x45n;
      const theirFlags = result.getUint32(i * SLOT + 28, true) & 0x3f;
      x.float_begin_sse(c.mxcsr);
      const argument = (v: bigint, kind: unknown) => kind === 64 ? v : Number(v);
      const given = o.ours(x, argument(c.a, o.from[0]), argument(c.b, o.from[0]));
      const ours = BigInt.asUintN(wide ? 64 : 32, BigInt(given));
      const ourFlags = x.float_flags() as number;
      if (ours !== theirs || ourFlags !== theirFlags) {
        count++;
        const h = (v: bigint | number) => v.toString(16);
        wrong.set(
          o.name,
          `${o.name}(${h(c.a)}, ${h(c.b)}) mxcsr ${h(c.mxcsr)}: ours ${h(ours)} flags ${
            h(ourFlags)
          }, the processor's ${h(theirs)} flags ${h(theirFlags)}`,
        );
      }
    });
    assert.equal(
      count,
      0,
      `${count} of ${cases.length}, seed ${SEED}\n` + [...wrong.values()].join("\n"),
    );
  },
);
