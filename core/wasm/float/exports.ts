// The library laid open, for its tests: compiled by itself in place of core/wasm/index.ts.
export * from "./f32";
export * from "./f64";
export { f80_add, f80_div, f80_mul, f80_operand_a, f80_operand_b, f80_sqrt, f80_sub } from "./f80";
export { float_begin_sse, float_begin_x87, float_precomputation } from "./state";
import { float } from "./state";

export function float_flags(): u32 {
  return float.flags;
}
import { X } from "./f80";

export function f80_sig(): u64 {
  return X.sig;
}

export function f80_se(): u32 {
  return X.se;
}
