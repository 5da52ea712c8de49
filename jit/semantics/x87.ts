/**
 * The x87's arithmetic. What an instruction computes is core/wasm/cpu/x87's business; here is only the
 * order that keeps state precise: #NM and #MF first, then memory, then registers and status.
 */
import type { Context } from "./context.ts";
import { define } from "./define.ts";

/** The memory operand's offset as FDP keeps it: 32 bits, so far, in 64-bit code too. */
const operandOffset = (x: Context) => x.convert(x.effectiveAddress(), "i32");

/** No operand in memory. */
function registers(x: Context): void {
  x.check(x.call("cpu_x87_register", x.record()));
  x.next();
}

/** Reads memory, then works on it. */
function load(x: Context): void {
  x.check(x.call("cpu_x87_begin"));
  const [operand] = x.row.operands;
  const wide = operand === "Mx";
  const low = x.memory(operand === "Mw" ? 2 : operand === "Md" ? 4 : 8).read();
  const high = wide ? x.memory(2, 8).read() : 0;
  x.invoke("cpu_x87_load", x.record(), operandOffset(x), x.convert(low, "i64"), high);
  x.next();
}

/** Converts, writes memory, then pops and tells what was inexact. */
function store(x: Context): void {
  const [operand] = x.row.operands;
  if (operand === "Mx") {
    const helper = x.long ? "cpu_long_x87_store_wide" : "cpu_x87_store_wide";
    x.check(x.call(helper, x.record(), x.effectiveAddress()));
    x.next();
    return;
  }
  x.check(x.call("cpu_x87_begin"));
  const size = operand === "Mw" ? 2 : operand === "Md" ? 4 : 8;
  const place = x.memory(size);
  place.modify(); // a fault goes before what an unmasked exception would do
  x.if(x.call("cpu_x87_prepare", x.record(), operandOffset(x)), () => {
    const v = x.call("cpu_x87_value");
    place.write(size === 8 ? v : x.convert(v, "i32"));
    x.invoke("cpu_x87_finish", x.record(), operandOffset(x));
  });
  x.next();
}

const EITHER = `
fadd fmul fcom fcomp fsub fsubr fdiv fdivr fld
`;
const MEMORY = `
fiadd fimul ficom ficomp fisub fisubr fidiv fidivr fild fbld
`;
const STORES = "fst fstp fist fistp fisttp fbstp";
const REGISTERS = `
faddp fmulp fsubp fsubrp fdivp fdivrp fcompp fucom fucomp fucompp
fcomi fcomip fucomi fucomip
fcmovb fcmove fcmovbe fcmovu fcmovnb fcmovne fcmovnbe fcmovnu
fxch ffree ffreep fnop fneni fndisi fnsetpm fincstp fdecstp
fchs fabs ftst fxam fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz
fsqrt frndint fscale fxtract fprem fprem1
f2xm1 fyl2x fyl2xp1 fptan fpatan fsin fcos fsincos
`;

for (const name of EITHER.trim().split(/\s+/)) {
  define(name, (x) => x.inMemory(0) ? load(x) : registers(x));
}
for (const name of MEMORY.trim().split(/\s+/)) define(name, load);
for (const name of STORES.split(" ")) {
  define(name, (x) => x.inMemory(0) ? store(x) : registers(x));
}
for (const name of REGISTERS.trim().split(/\s+/)) define(name, registers);
