/**
 * The instruction table: one line per instruction form. See rows.ts for the notation.
 *
 * Order: the one-byte map, the 0F map, the x87 (x87.ts), then what is refused on purpose. An opcode that
 * stands in no line is #UD.
 */
import { mmxLines } from "./mmx.ts";
import { parseRow, type Row } from "./rows.ts";
import { sseLines } from "./sse.ts";
import { X87 } from "./x87.ts";

const SZAPC = "w=oszapc";
const LOGIC = "w=oszapc u=a";

/** The eight operations of opcodes 00..3F and group 1, in encoding order. */
const ALU: [string, string, string][] = [
  ["add", SZAPC, "lock"],
  ["or", LOGIC, "lock"],
  ["adc", SZAPC + " r=c", "lock"],
  ["sbb", SZAPC + " r=c", "lock"],
  ["and", LOGIC, "lock"],
  ["sub", SZAPC, "lock"],
  ["xor", LOGIC, "lock"],
  ["cmp", SZAPC, ""],
];

function hex(n: number): string {
  return n.toString(16).padStart(2, "0");
}

function aluLines(): string[] {
  return ALU.flatMap(([name, flags, lock], i) => {
    const nf = name === "cmp" ? "" : "nf";
    const o = i * 8;
    return [
      `${hex(o)} ${name} Eb,Gb ${flags} ${lock} ${nf}`,
      `${hex(o + 1)} ${name} Ev,Gv ${flags} ${lock} ${nf}`,
      `${hex(o + 2)} ${name} Gb,Eb ${flags} ${nf}`,
      `${hex(o + 3)} ${name} Gv,Ev ${flags} ${nf}`,
      `${hex(o + 4)} ${name} Ab,Ib ${flags} ${nf}`,
      `${hex(o + 5)} ${name} Av,Iz ${flags} ${nf}`,
      `80/${i} ${name} Eb,Ib ${flags} ${lock} ${nf}`,
      `81/${i} ${name} Ev,Iz ${flags} ${lock} ${nf}`,
      `82/${i} ${name} Eb,Ib ${flags} ${lock} ${nf} i64`,
      `83/${i} ${name} Ev,Is ${flags} ${lock} ${nf}`,
    ];
  });
}

/** Shift group, opcodes C0 C1 D0..D3; /6 is an undocumented alias of /4 that processors execute. */
function shiftLines(): string[] {
  const ops = ["rol", "ror", "rcl", "rcr", "shl", "shr", "shl", "sar"];
  return ops.flatMap((name, i) => {
    const rotate = i < 4;
    const r = name === "rcl" || name === "rcr" ? "r=c" : "";
    const by1 = rotate ? `w=oc ${r} nf` : "w=oszapc u=a nf";
    const byN = rotate ? `m=oc u=o ${r} nf` : "m=oszapc u=oa nf";
    return [
      `c0/${i} ${name} Eb,Ib ${byN}`,
      `c1/${i} ${name} Ev,Ib ${byN}`,
      `d0/${i} ${name} Eb,1 ${by1}`,
      `d1/${i} ${name} Ev,1 ${by1}`,
      `d2/${i} ${name} Eb,Cb ${byN}`,
      `d3/${i} ${name} Ev,Cb ${byN}`,
    ];
  });
}

const ONE_BYTE = `
06 push_sreg - stack arg=0 i64
0e push_sreg - stack arg=1 i64
16 push_sreg - stack arg=2 i64
1e push_sreg - stack arg=3 i64
07 pop_sreg - stack ends arg=0 i64
17 pop_sreg - stack ends arg=2 i64
1f pop_sreg - stack ends arg=3 i64
27 daa - w=oszapc u=o r=ac i64
2f das - w=oszapc u=o r=ac i64
37 aaa - w=oszapc u=oszp r=a i64
3f aas - w=oszapc u=oszp r=a i64
40+r inc Zv w=oszap nf i64
48+r dec Zv w=oszap nf i64
50+r push Zv stack d64
58+r pop Zv stack d64
60 pusha - stack i64
61 popa - stack i64
62 bound Gv,Mv mem fault i64
63 arpl Ew,Gw w=z fault i64
63 movsxd Gv,Ez o64
68 push Iz stack d64
69 imul3 Gv,Ev,Iz w=oc u=szap nf
6a push Is stack d64
6b imul3 Gv,Ev,Is w=oc u=szap nf
6c ins - slow=insn_io
6d ins - slow=insn_io
6e outs - slow=insn_io
6f outs - slow=insn_io
70+c jcc Jb near r=oszapc f64
84 test Eb,Gb w=oszapc u=a
85 test Ev,Gv w=oszapc u=a
86 xchg Eb,Gb lock
87 xchg Ev,Gv lock
88 mov Eb,Gb
89 mov Ev,Gv
8a mov Gb,Eb
8b mov Gv,Ev
8c/0 mov_from_sreg Ev,Sw
8c/1 mov_from_sreg Ev,Sw
8c/2 mov_from_sreg Ev,Sw
8c/3 mov_from_sreg Ev,Sw
8c/4 mov_from_sreg Ev,Sw
8c/5 mov_from_sreg Ev,Sw
8d lea Gv,Mv mem
8e/0 mov_to_sreg Sw,Ew fault ends
8e/2 mov_to_sreg Sw,Ew fault ends
8e/3 mov_to_sreg Sw,Ew fault ends
8e/4 mov_to_sreg Sw,Ew fault ends
8e/5 mov_to_sreg Sw,Ew fault ends
8f/0 pop Ev stack d64
90+r xchg Zv,Av
98 cbw Av
99 cwd Av
9a call_far Ap fault ends i64
9b wait - fault
9c pushf - stack r=oszapc d64
9d popf - stack w=oszapc ends d64
9e sahf - w=szapc
9f lahf - r=szapc
a0 mov Ab,Ob
a1 mov Av,Ov
a2 mov Ob,Ab
a3 mov Ov,Av
a4 movs - stack arg=1
a5 movs - stack arg=4
a6 cmps - stack m=oszapc arg=1
a7 cmps - stack m=oszapc arg=4
a8 test Ab,Ib w=oszapc u=a
a9 test Av,Iz w=oszapc u=a
aa stos - stack arg=1
ab stos - stack arg=4
ac lods - stack arg=1
ad lods - stack arg=4
ae scas - stack m=oszapc arg=1
af scas - stack m=oszapc arg=4
b0+r mov Zb,Ib
b8+r mov Zv,Iv
c2 ret Iw stack ends f64
c3 ret - stack ends f64
c4 load_far Gv,Mv mem fault ends arg=0 i64
c5 load_far Gv,Mv mem fault ends arg=3 i64
c6/0 mov Eb,Ib
c7/0 mov Ev,Iz
c8 enter Iw,Ib stack d64
c9 leave - stack d64
ca ret_far Iw stack ends
cb ret_far - stack ends
cc int3 - slow=insn_int3
cd int Ib slow=insn_int
ce into - fault r=o i64
cf iret - slow=insn_iret
d4 aam Ib w=oszapc u=oac fault i64
d5 aad Ib w=oszapc u=oac i64
d6 salc - r=c i64
d7 xlat - fault
e0 loopne Jb near r=z f64
e1 loope Jb near r=z f64
e2 loop Jb near f64
e3 jcxz Jb near f64
e4 in Ib slow=insn_io
e5 in Ib slow=insn_io
e6 out Ib slow=insn_io
e7 out Ib slow=insn_io
e8 call Jz stack ends f64
e9 jmp Jz near ends f64
ea jmp_far Ap fault ends i64
eb jmp Jb near ends f64
ec in - slow=insn_io
ed in - slow=insn_io
ee out - slow=insn_io
ef out - slow=insn_io
f1 int1 - slow=insn_int1
f4 hlt - slow=insn_privileged
f5 cmc - w=c r=c
f6/0 test Eb,Ib w=oszapc u=a
f6/1 test Eb,Ib w=oszapc u=a
f6/2 not Eb lock
f6/3 neg Eb w=oszapc lock nf
f6/4 mul Eb w=oc u=szap
f6/5 imul1 Eb w=oc u=szap
f6/6 div Eb m=oszapc u=oszapc fault
f6/7 idiv Eb m=oszapc u=oszapc fault
f7/0 test Ev,Iz w=oszapc u=a
f7/1 test Ev,Iz w=oszapc u=a
f7/2 not Ev lock
f7/3 neg Ev w=oszapc lock nf
f7/4 mul Ev w=oc u=szap
f7/5 imul1 Ev w=oc u=szap
f7/6 div Ev m=oszapc u=oszapc fault
f7/7 idiv Ev m=oszapc u=oszapc fault
f8 clc - w=c
f9 stc - w=c
fa cli - slow=insn_privileged
fb sti - slow=insn_privileged
fc cld -
fd std -
fe/0 inc Eb w=oszap lock nf
fe/1 dec Eb w=oszap lock nf
ff/0 inc Ev w=oszap lock nf
ff/1 dec Ev w=oszap lock nf
ff/2 call_indirect Ev stack ends f64
ff/3 call_far_indirect Mv mem fault ends
ff/4 jmp_indirect Ev near ends f64
ff/5 jmp_far_indirect Mv mem fault ends
ff/6 push Ev stack d64
`;

const TWO_BYTE = `
0f00/0 sldt Ev
0f00/1 str Ev
0f00/2 lldt Ew slow=insn_privileged
0f00/3 ltr Ew slow=insn_privileged
0f00/4 verr Ew w=z fault
0f00/5 verw Ew w=z fault
0f01/0 sgdt Mv mem arg=0 f64
0f01/1 sidt Mv mem arg=1 f64
0f01/2 lgdt Mv mem slow=insn_privileged
0f01/3 lidt Mv mem slow=insn_privileged
0f01/4 smsw Ev
0f01/6 lmsw Ew slow=insn_privileged
0f01/7 invlpg Mv mem slow=insn_privileged
0f01/7:0 swapgs - reg o64 slow=insn_privileged
0f01/7:1 rdtscp - reg slow=insn_rdtscp
0f02 lar Gv,Ew w=z fault
0f03 lsl Gv,Ew w=z fault
0f05 syscall - o64 slow=insn_ud
0f06 clts - slow=insn_privileged
0f07 sysret - slow=insn_privileged
0f08 invd - slow=insn_privileged
0f09 wbinvd - slow=insn_privileged
0f0b ud2 - slow=insn_ud
0f0d nop Ev
0f18 nop Ev
0f19 nop Ev
0f1a nop Ev
0f1b nop Ev
0f1c nop Ev
0f1d nop Ev
0f1e nop Ev
0f1f nop Ev
0f20/0 mov_cr Rd slow=insn_privileged
0f20/2 mov_cr Rd slow=insn_privileged
0f20/3 mov_cr Rd slow=insn_privileged
0f20/4 mov_cr Rd slow=insn_privileged
0f21 mov_dr Rd slow=insn_privileged
0f22/0 mov_cr Rd slow=insn_privileged
0f22/2 mov_cr Rd slow=insn_privileged
0f22/3 mov_cr Rd slow=insn_privileged
0f22/4 mov_cr Rd slow=insn_privileged
0f23 mov_dr Rd slow=insn_privileged
0f30 wrmsr - slow=insn_privileged
0f31 rdtsc - slow=insn_rdtsc
0f32 rdmsr - slow=insn_privileged
0f33 rdpmc - slow=insn_privileged
0f35 sysexit - slow=insn_privileged
0f40+c cmov Gv,Ev r=oszapc
0f80+c jcc Jz near r=oszapc f64
0f90+c setcc Eb r=oszapc
0fa0 push_sreg - stack arg=4 d64
0fa1 pop_sreg - stack ends arg=4 d64
0fa2 cpuid - slow=insn_cpuid
0fa3 bt Ev,Gv w=c u=osap
0fa4 shld Ev,Gv,Ib m=oszapc u=oa
0fa5 shld Ev,Gv,Cb m=oszapc u=oa
0fa8 push_sreg - stack arg=5 d64
0fa9 pop_sreg - stack ends arg=5 d64
0fab bts Ev,Gv w=c u=osap lock
0fac shrd Ev,Gv,Ib m=oszapc u=oa
0fad shrd Ev,Gv,Cb m=oszapc u=oa
0fae/0 fxsave Mv mem np fault
0fae/1 fxrstor Mv mem np fault
0fae/2 ldmxcsr Md mem np fault
0fae/3 stmxcsr Md mem np fault
0fae/5 nop - reg np
0fae/6 nop - reg np
0fae/7 nop - reg np
0fae/7 clflush Mb mem np
0faf imul2 Gv,Ev w=oc u=szap nf
0fb0 cmpxchg Eb,Gb w=oszapc lock
0fb1 cmpxchg Ev,Gv w=oszapc lock
0fb2 load_far Gv,Mv mem fault ends arg=2
0fb3 btr Ev,Gv w=c u=osap lock
0fb4 load_far Gv,Mv mem fault ends arg=4
0fb5 load_far Gv,Mv mem fault ends arg=5
0fb6 movzx Gv,Eb
0fb7 movzx Gv,Ew
0fba/4 bt Ev,Ib w=c u=osap
0fba/5 bts Ev,Ib w=c u=osap lock
0fba/6 btr Ev,Ib w=c u=osap lock
0fba/7 btc Ev,Ib w=c u=osap lock
0fbb btc Ev,Gv w=c u=osap lock
0fbc bsf Gv,Ev w=oszapc u=osapc
0fbd bsr Gv,Ev w=oszapc u=osapc
0fbe movsx Gv,Eb
0fbf movsx Gv,Ew
0fc0 xadd Eb,Gb w=oszapc lock
0fc1 xadd Ev,Gv w=oszapc lock
0fc3 movnti My,Gy mem np
0fc7/1 cmpxchg8b Mt mem w=z lock
0fc8+r bswap Zv
`;

function lines(text: string): string[] {
  return text.split("\n").filter((l) => l !== "");
}

/** Every row, in table order. */
export const TABLE: readonly Row[] = [
  ...aluLines(),
  ...shiftLines(),
  ...lines(ONE_BYTE),
  ...lines(TWO_BYTE),
  ...X87,
  ...mmxLines(),
  ...sseLines(),
].map(parseRow);
