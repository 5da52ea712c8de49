/**
 * x87 control and state; the arithmetic is in x87.ts.
 *
 * Each is one call into core/wasm/cpu/fpu.ts, which also raises #NM (CR0.TS) and pending #MF.
 */
import { define } from "./define.ts";

const [INIT, CLEAR, WAIT, STATUS_AX] = [0, 1, 2, 4];

for (
  const [name, operation] of [["fninit", INIT], ["fnclex", CLEAR], ["wait", WAIT], [
    "fnstsw_ax",
    STATUS_AX,
  ]] as const
) {
  define(name, (x) => {
    x.check(x.call("cpu_fpu", operation, 0, 0));
    x.next();
  });
}

// words: control and status
const [LOAD_CONTROL, STORE_CONTROL, STORE_STATUS, LOAD_MXCSR, STORE_MXCSR] = [8, 9, 10, 11, 12];
for (
  const [name, operation, size] of [["fldcw", LOAD_CONTROL, 2], ["ldmxcsr", LOAD_MXCSR, 4]] as const
) {
  define(name, (x) => {
    x.check(x.call("cpu_fpu", 5, operation, 0)); // usable at all?
    const v = x.memory(size).read();
    x.check(x.call("cpu_fpu", operation, v, 0));
    x.next();
  });
}
for (
  const [name, operation, size] of [["fnstcw", STORE_CONTROL, 2], ["fnstsw", STORE_STATUS, 2], [
    "stmxcsr",
    STORE_MXCSR,
    4,
  ]] as const
) {
  define(name, (x) => {
    x.check(x.call("cpu_fpu", 5, operation, 0));
    x.memory(size).write(x.call("cpu_fpu_read", operation));
    x.next();
  });
}

// blocks of memory: the core moves them
const BLOCKS = ["fldenv", "fnstenv", "frstor", "fnsave", "fxsave", "fxrstor"];
for (const [i, name] of BLOCKS.entries()) {
  define(name, (x) => {
    x.check(
      x.call(
        x.long ? "cpu_long_fpu_block" : "cpu_fpu_block",
        i,
        x.record(),
        x.size,
        x.effectiveAddress(),
      ),
    );
    x.next();
  });
}
