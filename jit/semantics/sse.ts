/**
 * SSE floating point. Each is one call into core/wasm/cpu/sse*.ts with the addresses of its operands;
 * the call does nothing but note the flags if #XM is due.
 */
import { C_FX, C_VECTOR, CPU } from "../../core/wasm/layout.ts";
import type { Context } from "./context.ts";
import { define } from "./define.ts";
import { bytes, enterMmx, fromLanes, ready, simd, vector, vectorAddress } from "./vector.ts";

const SCRATCH = CPU + C_VECTOR;
const OUT = SCRATCH + 16;

/** Formats, by the mandatory prefix: np, 66, F3, F2. */
const FORMATS = ["ps", "pd", "ss", "sd"];
const [PS, PD, SS, SD] = [0, 1, 2, 3];

// SSE numbers its operations in opcode order; SQRT and the predicates of CMP follow
const ARITHMETIC = ["add", "mul", "sub", "min", "div", "max", "sqrt"];
const CMP = 8;

const FAST_OPERATIONS = ["add", "mul", "sub", "div"];
/** MXCSR but for the flags IE to UE: all exceptions masked, to nearest, no DAZ, no FTZ, PE set. */
const FAST_MASK = 0xffe0, FAST = 0x1fa0;
const MXCSR = CPU + C_FX + 24;

/**
 * The four operations where WebAssembly's result is the processor's and no flag changes: operands
 * normal, results normal and not next to the smallest. All else goes to the core.
 */
function fastArithmetic(x: Context, name: string, operation: number, format: number): void {
  ready(x);
  const double = (format & 1) !== 0;
  const [floats, integers] = double ? ["f64x2", "i64x2"] : ["f32x4", "i32x4"];
  const b = vector(x, 1).read();
  const dst = vector(x, 0);
  const a = dst.read();
  const r = simd(x, `${floats}.${name}`, a, b);
  const all = (value: number) => {
    const v = double ? Float64Array.of(value, value) : new Float32Array(4).fill(value);
    return bytes(x, [...new Uint8Array(v.buffer)]);
  };
  const smallest = all(double ? 2 ** -1022 : 2 ** -126);
  const size = simd(x, `${floats}.abs`, r);
  const good = [
    simd(x, `${floats}.ge`, simd(x, `${floats}.abs`, a), smallest),
    simd(x, `${floats}.ge`, simd(x, `${floats}.abs`, b), smallest),
    simd(x, `${floats}.ge`, size, all(double ? 2 ** -1021 : 2 ** -125)),
    simd(x, `${floats}.lt`, size, all(Infinity)),
  ].reduce((p, q) => simd(x, "v128.and", p, q));
  const lanes = format === SS || format === SD ? 1 : double ? 3 : 15;
  const bits = x.and(fromLanes(x, `${integers}.bitmask`, good), lanes);
  const masked = x.eq(x.and(x.load(4, MXCSR), FAST_MASK), FAST);
  x.if(x.and(masked, x.eq(bits, lanes)), () => dst.write(r), () => {
    x.storeVector(16, SCRATCH, b);
    const at = vectorAddress(x, 0, OUT);
    x.check(x.call("cpu_sse_arithmetic", operation, format, at, SCRATCH));
  });
  x.next();
}

for (const [operation, name] of ARITHMETIC.entries()) {
  for (const [format, suffix] of FORMATS.entries()) {
    if (FAST_OPERATIONS.includes(name)) {
      define(name + suffix, (x) => fastArithmetic(x, name, operation, format));
      continue;
    }
    define(name + suffix, (x) => {
      ready(x);
      const src = vectorAddress(x, 1, SCRATCH);
      const dst = vectorAddress(x, 0, OUT);
      x.check(x.call("cpu_sse_arithmetic", operation, format, dst, src));
      x.next();
    });
  }
}
for (const [format, suffix] of FORMATS.entries()) {
  define(`cmp${suffix}`, (x) => {
    ready(x);
    const src = vectorAddress(x, 1, SCRATCH);
    const dst = vectorAddress(x, 0, OUT);
    const operation = x.add(x.and(x.immediate("i32"), 7), CMP);
    x.check(x.call("cpu_sse_arithmetic", operation, format, dst, src));
    x.next();
  });
}
for (const [which, name] of ["hadd", "hsub", "addsub"].entries()) {
  for (const format of [PS, PD]) {
    define(name + FORMATS[format], (x) => {
      ready(x);
      const src = vectorAddress(x, 1, SCRATCH);
      const dst = vectorAddress(x, 0, OUT);
      x.check(x.call("cpu_sse_horizontal", which, format, dst, src));
      x.next();
    });
  }
}
for (const [root, name] of ["rcp", "rsqrt"].entries()) {
  for (const format of [PS, SS]) {
    define(name + FORMATS[format], (x) => {
      ready(x);
      const src = vectorAddress(x, 1, SCRATCH);
      const dst = vectorAddress(x, 0, OUT);
      x.invoke("cpu_sse_estimate", root, format === PS ? 4 : 1, dst, src);
      x.next();
    });
  }
}
for (const [signal, name] of ["ucomi", "comi"].entries()) {
  for (const format of [SS, SD]) {
    define(name + FORMATS[format], (x) => {
      ready(x);
      const src = vectorAddress(x, 1, SCRATCH);
      const dst = vectorAddress(x, 0, OUT);
      const flags = x.call("cpu_sse_compare", format, signal, dst, src);
      x.check(x.ne(flags, -1));
      x.setArithmeticFlags(flags);
      x.next();
    });
  }
}

// ---- conversions -----------------------------------------------------------------------------------
const [F32, F64, I32, I64] = [0, 1, 2, 3];
const TRUNCATE = 1, CLEAR_REST = 2;

/** To an XMM register. */
function converts(name: string, from: number, to: number, count: number, options = 0): void {
  define(name, (x) => {
    ready(x);
    const src = sourceAddress(x);
    if (x.row.operands[1][0] === "Q") enterMmx(x);
    const dst = vectorAddress(x, 0, OUT);
    const kind = x.size === 8 && x.row.operands[1] === "Ey" ? I64 : from;
    x.check(x.call("cpu_sse_convert", kind, to, count, options, dst, src));
    x.next();
  });
}

function sourceAddress(x: Context) {
  if (x.row.operands[1][0] !== "E") return vectorAddress(x, 1, SCRATCH);
  x.store(x.size, SCRATCH, x.operand(1).read());
  return x.constant(SCRATCH);
}

/** To an MMX or general register. */
function convertsOut(name: string, from: number, count: number, options = 0): void {
  define(name, (x) => {
    ready(x);
    const src = vectorAddress(x, 1, SCRATCH);
    enterMmx(x); // processors do so even if #XM follows
    const general = count === 1;
    const to = general && x.size === 8 ? I64 : I32;
    x.check(x.call("cpu_sse_convert", from, to, count, options, OUT, src));
    if (general) x.operand(0).write(x.load(x.size, OUT));
    else vector(x, 0).write(x.loadVector(8, OUT));
    x.next();
  });
}

converts("cvtdq2ps", I32, F32, 4);
converts("cvtdq2pd", I32, F64, 2);
converts("cvtps2dq", F32, I32, 4);
converts("cvttps2dq", F32, I32, 4, TRUNCATE);
converts("cvtpd2dq", F64, I32, 2, CLEAR_REST);
converts("cvttpd2dq", F64, I32, 2, CLEAR_REST | TRUNCATE);
converts("cvtps2pd", F32, F64, 2);
converts("cvtpd2ps", F64, F32, 2, CLEAR_REST);
converts("cvtss2sd", F32, F64, 1);
converts("cvtsd2ss", F64, F32, 1);
converts("cvtsi2ss", I32, F32, 1);
converts("cvtsi2sd", I32, F64, 1);
converts("cvtpi2ps", I32, F32, 2);
converts("cvtpi2pd", I32, F64, 2);
convertsOut("cvtps2pi", F32, 2);
convertsOut("cvttps2pi", F32, 2, TRUNCATE);
convertsOut("cvtpd2pi", F64, 2);
convertsOut("cvttpd2pi", F64, 2, TRUNCATE);
convertsOut("cvtss2si", F32, 1);
convertsOut("cvttss2si", F32, 1, TRUNCATE);
convertsOut("cvtsd2si", F64, 1);
convertsOut("cvttsd2si", F64, 1, TRUNCATE);
