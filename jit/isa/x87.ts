/** The x87's part of the instruction table, in the order of its escape opcodes D8 to DF. */

/** ModRM.reg of D8, DC, DA and DE. */
const ARITHMETIC = ["add", "mul", "com", "comp", "sub", "subr", "div", "divr"];
const CONDITIONS = ["b", "e", "be", "u"];

/** Memory operands of the even escapes. */
const memory = ARITHMETIC.flatMap((name, i) => [
  `d8/${i} f${name} Md mem fault`,
  `da/${i} fi${name} Md mem fault`,
  `dc/${i} f${name} Mq mem fault`,
  `de/${i} fi${name} Mw mem fault`,
]);

/**
 * Register operands: of D8 the destination is ST(0), of DC and DE it is ST(i), where SUB and SUBR, DIV
 * and DIVR are exchanged in the manual's names (not in what ModRM.reg means).
 */
const reversed = (i: number) => ARITHMETIC[i < 4 ? i : i ^ 1];
const registers = ARITHMETIC.flatMap((name, i) => [
  `d8/${i} f${name} T0,Ti reg fault`,
  `dc/${i} f${reversed(i)} ${i === 2 || i === 3 ? "T0,Ti" : "Ti,T0"} reg fault`,
  ...(i === 3
    ? []
    : [i === 2 ? "de/2 fcomp T0,Ti reg fault" : `de/${i} f${reversed(i)}p Ti,T0 reg fault`]),
]);

const conditional = CONDITIONS.flatMap((c, i) => [
  `da/${i} fcmov${c} T0,Ti reg fault r=oszapc`,
  `db/${i} fcmovn${c} T0,Ti reg fault r=oszapc`,
]);

const OTHERS = `
d9/0 fld Md mem fault
d9/2 fst Md mem fault
d9/3 fstp Md mem fault
d9/4 fldenv Mv mem fault
d9/5 fldcw Mw mem fault
d9/6 fnstenv Mv mem fault
d9/7 fnstcw Mw mem fault
d9/0 fld Ti reg fault
d9/1 fxch T0,Ti reg fault
d9/2:0 fnop - reg fault
d9/3 fstp Ti reg fault
d9/4:0 fchs - reg fault
d9/4:1 fabs - reg fault
d9/4:4 ftst - reg fault
d9/4:5 fxam - reg fault
d9/5:0 fld1 - reg fault
d9/5:1 fldl2t - reg fault
d9/5:2 fldl2e - reg fault
d9/5:3 fldpi - reg fault
d9/5:4 fldlg2 - reg fault
d9/5:5 fldln2 - reg fault
d9/5:6 fldz - reg fault
d9/6:0 f2xm1 - reg fault
d9/6:1 fyl2x - reg fault
d9/6:2 fptan - reg fault
d9/6:3 fpatan - reg fault
d9/6:4 fxtract - reg fault
d9/6:5 fprem1 - reg fault
d9/6:6 fdecstp - reg fault
d9/6:7 fincstp - reg fault
d9/7:0 fprem - reg fault
d9/7:1 fyl2xp1 - reg fault
d9/7:2 fsqrt - reg fault
d9/7:3 fsincos - reg fault
d9/7:4 frndint - reg fault
d9/7:5 fscale - reg fault
d9/7:6 fsin - reg fault
d9/7:7 fcos - reg fault
da/5:1 fucompp - reg fault
db/0 fild Md mem fault
db/1 fisttp Md mem fault
db/2 fist Md mem fault
db/3 fistp Md mem fault
db/5 fld Mx mem fault
db/7 fstp Mx mem fault
db/4:0 fneni - reg fault
db/4:1 fndisi - reg fault
db/4:2 fnclex - reg fault
db/4:3 fninit - reg fault
db/4:4 fnsetpm - reg fault
db/5 fucomi T0,Ti reg fault w=oszapc
db/6 fcomi T0,Ti reg fault w=oszapc
dd/0 fld Mq mem fault
dd/1 fisttp Mq mem fault
dd/2 fst Mq mem fault
dd/3 fstp Mq mem fault
dd/4 frstor Mv mem fault
dd/6 fnsave Mv mem fault
dd/7 fnstsw Mw mem fault
dd/0 ffree Ti reg fault
dd/1 fxch T0,Ti reg fault
dd/2 fst Ti reg fault
dd/3 fstp Ti reg fault
dd/4 fucom T0,Ti reg fault
dd/5 fucomp T0,Ti reg fault
de/3:1 fcompp - reg fault
df/0 fild Mw mem fault
df/1 fisttp Mw mem fault
df/2 fist Mw mem fault
df/3 fistp Mw mem fault
df/4 fbld Mx mem fault
df/5 fild Mq mem fault
df/6 fbstp Mx mem fault
df/7 fistp Mq mem fault
df/0 ffreep Ti reg fault
df/1 fxch T0,Ti reg fault
df/2 fstp Ti reg fault
df/3 fstp Ti reg fault
df/4:0 fnstsw_ax - reg fault
df/5 fucomip T0,Ti reg fault w=oszapc
df/6 fcomip T0,Ti reg fault w=oszapc
`;

/** Lines of the table, see rows.ts. */
export const X87: readonly string[] = [
  ...memory,
  ...registers,
  ...conditional,
  ...OTHERS.split("\n").filter((l) => l !== ""),
];
