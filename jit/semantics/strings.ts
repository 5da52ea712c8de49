/**
 * String instructions: one call each into the core, which repeats, crosses pages, and stops at a fault
 * or at the end of the slice with the registers where they stand (core/wasm/cpu/strings.ts).
 */
import { define } from "./define.ts";
import type { HelperName } from "./runtime.ts";

const STRINGS: [string, HelperName, HelperName][] = [
  ["movs", "cpu_movs", "cpu_long_movs"],
  ["cmps", "cpu_cmps", "cpu_long_cmps"],
  ["stos", "cpu_stos", "cpu_long_stos"],
  ["lods", "cpu_lods", "cpu_long_lods"],
  ["scas", "cpu_scas", "cpu_long_scas"],
];

for (const [name, helper, long] of STRINGS) {
  define(name, (x) => {
    const size = x.row.arg === 1 ? 1 : x.size;
    // 0: left early (fault, or to be continued at the same instruction)
    x.check(x.call(x.long ? long : helper, x.record(), size));
    x.next();
  });
}
