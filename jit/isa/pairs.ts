/**
 * Pairs of instructions that get a handler of their own: what a handler costs beside its work is the
 * way to the next one, and a comparison's flags need not go through memory to the jump behind it.
 *
 * Comparisons with any jump behind them are spelled out below. The others are the pairs that compiled
 * code executes most: counted over the compute kernels of bench/guest, each kernel weighing the same,
 * the most frequent first. A line is `first + second`, by the handlers' keys (plan.ts).
 */
const MEASURED = `
mov 0 8 mb,rb 1 + cmp 0 32 r,i 0
inc 0 32 r 0 + mov 0 8 mb,rb 1
movzx 0 32 r,mb 1 + inc 0 32 r 0
mov 0 32 r,m 1 + mov 0 32 r,m 1
add 0 32 r,r 0 nf + cmp 0 32 r,i 0
mov 0 8 mb,i 1 + add 0 32 r,r 0 nf
sub 0 32 r,i 0 + jcc 3 32 j 0
xor 0 32 r,r 0 nf + mov 0 32 r,r 0
inc 0 32 r 0 nf + cmp 0 32 r,i 0
mov 0 32 m,r 1 + mov 0 32 r,r 0
mov 0 32 r,r 0 + shl 0 32 r,i 0 nf
movzx 0 32 r,mb 1 + inc 0 32 r 0 nf
xor 0 8 rb,rb 0 + shr 0 32 r,i 0
xor 0 32 r,r 0 nf + cmp 0 32 r,i 0
shr 0 32 r,i 0 + movzx 0 32 r,rb 0
inc 0 32 r 0 nf + xor 0 8 rb,rb 0
mov 0 32 r,m 2 + xor 0 32 r,r 0 nf
movzx 0 32 r,rb 0 + mov 0 32 r,m 2
mov 0 32 r,r 0 + mov 0 32 r,m 1
mov 0 32 r,m 1 + add 0 32 r,i 0
mov 0 32 m,r 1 + mov 0 32 m,r 1
lea 0 32 r,m 1 + movzx 0 32 r,mb 1
add 0 32 r,i 0 + cmp 0 8 mb,i 1
jcc 7 32 j 0 + movzx 0 32 r,mb 1
movzx 0 32 r,mb 1 + add 0 32 r,i 0
movzx 0 32 r,mb 1 + jmp_indirect 0 32 m 2
mov 0 32 r,m 1 + lea 0 32 r,m 1
lea 0 32 r,m 1 + mov 0 32 m,r 1
mov 0 32 r,r 0 + rol 0 32 r,i 0 nf
lea 0 32 r,m 1 + call 0 32 j 0
add 0 32 r,i 0 + ret 0 32  0
mov 0 32 r,r 0 + cmp 0 32 r,i 0
sub 0 32 r,i 0 + mov 0 32 m,r 1
mov 0 32 m,r 1 + mov 0 32 r,m 1
mov 0 32 m,i 1 + mov 0 32 r,m 1
mov 0 32 r,m 1 + mov 0 32 m,r 1
shl 0 32 r,i 0 nf + xor 0 32 r,r 0
shl 0 32 r,i 0 nf + xor 0 32 r,r 0 nf
mov 0 32 r,r 0 + shr 0 32 r,i 0 nf
mov 0 32 m,r 1 + movzx 0 32 r,mb 1
mov 0 32 m,r 1 + call_indirect 0 32 m 2
movzx 0 32 r,mb 1 + mov 0 32 m,r 1
movzx 0 32 r,mb 1 + movzx 0 32 r,mb 1
add 0 32 r,r 0 nf + mov 0 32 r,r 0
inc 0 32 r 0 nf + test 0 8 rb,rb 0
mov 0 8 mb,rb 2 + inc 0 32 r 0 nf
movzx 0 32 r,mb 2 + mov 0 8 mb,rb 2
jcc 5 32 j 0 + inc 0 32 r 0 nf
mov 0 32 r,m 1 + mov 0 32 m,r 2
mov 0 32 r,m 1 + add 0 32 r,r 0
mov 0 32 r,r 0 + inc 0 32 r 0
xor 0 32 r,r 0 nf + add 0 32 r,r 0 nf
mov 0 32 m,r 2 + inc 0 32 r 0 nf
add 0 32 r,i 0 nf + cmp 0 32 r,i 0
movzx 0 32 r,mb 1 + test 0 8 rb,rb 0
mov 0 32 r,m 1 + add 0 32 r,r 0 nf
mov 0 32 r,r 0 + mov 0 32 r,r 0
mov 0 32 r,r 0 + lea 0 32 r,m 1
inc 0 32 r 0 + movzx 0 32 r,mb 1
inc 0 32 r 0 nf + inc 0 32 r 0
shr 0 32 r,i 0 + lea 0 32 r,m 2
mov 0 32 r,r 0 + shr 0 32 r,i 0
xor 0 32 r,r 0 + mov 0 32 r,r 0
add 0 32 r,i 0 nf + xor 0 32 r,r 0 nf
and 0 32 r,i 0 + jcc 5 32 j 0
rol 0 32 r,i 0 nf + and 0 32 r,i 0
shr 0 32 r,i 0 nf + add 0 32 r,i 0 nf
imul3 0 32 r,r,i 0 nf + mov 0 32 r,r 0
lea 0 32 r,m 2 + xor 0 32 r,r 0 nf
jcc 6 32 j 0 + lea 0 32 r,m 1
lea 0 32 r,m 2 + mov 0 32 r,r 0
mov 0 32 m,r 1 + cmp 0 32 r,r 0
add 0 32 r,i 0 + mov 0 32 m,r 1
shr 0 32 r,i 0 nf + xor 0 32 r,r 0 nf
add 0 32 r,r 0 + mov 0 32 m,r 1
mov 0 32 r,m 1 + add 0 32 r,i 0 nf
add 0 32 r,r 0 + mov 0 32 r,m 1
xor 0 32 r,r 0 + jmp 0 32 j 0
add 0 32 r,i 0 nf + cmp 0 32 r,r 0
inc 0 32 r 0 + mov 0 32 r,m 1
sub 0 32 r,i 0 nf + cmp 0 32 r,r 0
dec 0 32 r 0 + mov 0 32 r,m 1
mov 0 32 r,r 0 + dec 0 32 r 0
mov 0 32 r,m 1 + sub 0 32 r,i 0 nf
mov 0 32 r,m 1 + mov 0 32 r,r 0
xor 0 32 r,r 0 + mov 0 32 r,m 2
xor 0 32 r,r 0 + mov 0 32 r,m 1
shl 0 32 r,Cb 0 nf + xor 0 32 r,r 0
mov 0 32 r,r 0 + shl 0 32 r,Cb 0 nf
lea 0 32 r,m 2 + mov 0 32 m,r 1
mov 0 32 m,r 2 + add 0 32 r,i 0 nf
lea 0 32 r,m 1 + lea 0 32 r,m 1
mov 0 8 mb,i 1 + mov 0 32 r,r 0
pop 0 32 r 0 + ret 0 32  0
add 0 32 r,r 0 nf + sub 0 32 r,i 0
sub 0 32 r,r 0 nf + cmp 0 32 r,r 0
and 0 32 r,r 0 nf + xor 0 32 r,r 0 nf
ror 0 32 r,i 0 nf + xor 0 32 r,r 0 nf
mov 0 32 r,r 0 + ror 0 32 r,i 0 nf
shl 0 32 r,i 0 + mov 0 32 m,r 1
mov 0 32 m,r 1 + lea 0 32 r,m 1
push 0 32 r 0 + mov 0 32 r,m 1
mov 0 32 r,i 0 + mov 0 32 m,r 2
add 0 32 r,r 0 + lea 0 32 r,m 1
lea 0 32 r,m 1 + sub 0 32 r,i 0
mov 0 8 mb,i 1 + add 0 32 r,r 0
cmp 0 32 r,i 0 + mov 0 32 m,r 1
and 0 32 r,i 0 + mov 0 32 r,m 2
shl 0 32 r,i 0 nf + add 0 32 r,i 0 nf
inc 0 32 r 0 + mov 0 32 r,r 0
mov 0 32 r,r 0 + mov 0 32 r,m 2
mov 0 32 m,r 1 + shl 0 32 r,i 0 nf
mov 0 32 m,r 1 + jcc 5 32 j 0
mov 0 32 r,m 2 + and 0 32 r,i 0
mov 0 32 r,m 2 + shl 0 32 r,i 0
add 0 32 r,r 0 + shl 0 32 r,i 0
or 0 32 r,r 0 + jcc 5 32 j 0
adc 0 32 r,i 0 nf + mov 0 32 r,r 0
shl 0 32 r,i 0 + mov 0 32 r,m 1
mov 0 32 r,r 0 + or 0 32 r,r 0
mov 0 32 r,r 0 + mul 0 32 r 0
mov 0 32 m,r 1 + adc 0 32 r,i 0 nf
mov 0 32 m,r 2 + add 0 32 r,i 0
mov 0 32 r,m 2 + imul2 0 32 r,r 0
mul 0 32 r 0 + mov 0 32 r,m 1
imul2 0 32 r,r 0 + mov 0 32 m,r 1
mov 0 32 m,r 1 + lea 0 32 r,m 2
mov 0 32 r,m 1 + cmp 0 32 r,r 0
add 0 32 r,r 0 nf + cmp 0 32 r,r 0
inc 0 32 r 0 nf + add 0 32 r,r 0 nf
jcc 4 32 j 0 + imul3 0 32 r,r,i 0 nf
inc 0 32 r 0 nf + sub 0 32 r,r 0 nf
xor 0 32 r,r 0 + mov 0 32 m,r 1
add 0 32 m,r 1 + ret 0 32  0
mov 0 32 m,r 1 + pop 0 32 r 0
mov 0 32 m,r 1 + ret 0 32  0
lea 0 32 r,m 2 + mov 0 32 r,m 1
lea 0 32 r,m 1 + add 0 32 r,i 0
inc 0 32 r 0 nf + dec 0 32 r 0
dec 0 32 r 0 + mov 0 32 m,r 1
jcc 12 32 j 0 + mov 0 32 r,m 1
mov 0 32 r,m 1 + inc 0 32 r 0 nf
mov 0 32 m,r 2 + jmp 0 32 j 0
mov 0 8 mb,i 1 + mov 0 32 r,m 2
shr 0 32 r,Cb 0 nf + xor 0 32 r,r 0
mov 0 32 r,r 0 + shr 0 32 r,Cb 0 nf
mov 0 32 m,r 2 + ret 0 32  0
mov 0 32 r,m 1 + add 0 32 m,r 1
and 0 32 r,r 0 + mov 0 32 r,m 1
and 0 32 r,r 0 nf + xor 0 32 r,r 0
xor 0 32 r,r 0 nf + and 0 32 r,r 0 nf
rol 0 32 r,i 0 nf + xor 0 32 r,r 0
rol 0 32 r,i 0 nf + xor 0 32 r,r 0 nf
ror 0 32 r,i 0 nf + add 0 32 r,r 0
ror 0 32 r,i 0 nf + ror 0 32 r,i 0 nf
inc 0 32 r 0 nf + add 0 32 r,r 0
mov 0 32 r,r 0 + and 0 32 r,r 0 nf
mov 0 32 r,r 0 + not 0 32 r 0
mov 0 32 r,m 1 + and 0 32 r,r 0 nf
mov 0 32 r,m 1 + ror 0 32 r,i 0 nf
mov 0 32 r,m 2 + inc 0 32 r 0 nf
not 0 32 r 0 + and 0 32 r,r 0
mov 0 32 m,r 1 + mov 0 32 r,m 2
mov 0 32 r,m 2 + mov 0 32 r,r 0
mov 0 32 r,i 0 + mov 0 32 m,r 1
mov 0 32 r,m 1 + xor 0 32 r,r 0
lea 0 32 r,m 1 + mov 0 32 r,r 0
add 0 32 r,i 0 + lea 0 32 r,m 1
jcc 12 32 j 0 + mov 0 32 m,r 1
mov 0 32 r,i 0 + call 0 32 j 0
mov 0 32 r,i 0 + mov 0 32 r,i 0
lea 0 32 r,m 1 + xchg 0 16 r,r 0
add 0 32 r,i 0 + mov 0 32 r,m 1
xor 0 32 r,r 0 nf + add 0 32 r,r 0
xor 0 32 r,r 0 nf + xor 0 32 r,r 0 nf
rol 0 32 r,i 0 nf + add 0 32 r,r 0 nf
rol 0 32 r,i 0 nf + ror 0 32 r,i 0 nf
rol 0 32 r,i 0 nf + shr 0 32 r,i 0 nf
ror 0 32 r,i 0 nf + shr 0 32 r,i 0 nf
shr 0 32 r,i 0 nf + xor 0 32 r,r 0
jcc 14 32 j 0 + lea 0 32 r,m 1
jcc 15 32 j 0 + mov 0 32 m,r 1
xchg 0 16 r,r 0 + mov 0 32 r,r 0
mov 0 32 r,r 0 + jmp 0 32 j 0
add 0 32 r,r 0 + jmp 0 32 j 0
add 0 32 r,r 0 nf + xor 0 32 r,r 0
mov 0 32 r,m 2 + add 0 32 r,r 0
mov 0 32 r,m 2 + add 0 32 r,r 0 nf
mov 0 32 r,m 1 + mov 0 32 r,i 0
xor 0 32 r,r 0 + ret 0 32  0
add 0 32 r,m 2 + xor 0 32 m,r 1
xor 0 32 m,r 1 + ret 0 32  0
mov 0 32 r,m 1 + add 0 32 r,m 2
mov 0 32 r,m 1 + mov 0 32 r,m 2
mov 0 32 r,m 2 + add 0 32 m,r 1
mov 0 32 r,m 1 + test 0 8 rb,i 0
jcc 4 32 j 0 + inc 0 32 r 0 nf
jcc 6 32 j 0 + inc 0 32 r 0 nf
or 0 32 r,r 0 + movzx 0 32 r,mb 2
shl 0 32 r,i 0 nf + or 0 32 r,r 0
movzx 0 32 r,mb 2 + shl 0 32 r,i 0 nf
mov 0 32 m,r 1 + jmp 0 32 j 0
mov 0 32 r,r 0 + call 0 32 j 0
mov 0 32 r,r 0 + inc 0 32 r 0 nf
xor 0 32 r,r 0 + mov 0 8 mb,rb 1
inc 0 32 r 0 nf + shl 0 32 r,i 0 nf
push 0 32 r 0 + mov 0 32 r,r 0
mov 0 32 m,r 1 + mov 0 32 r,i 0
lea 0 32 r,m 1 + mov 0 32 r,i 0
imul2 0 32 r,r 0 + mov 0 8 mb,i 1
jcc 4 32 j 0 + imul2 0 32 r,r 0
pop 0 32 r 0 + pop 0 32 r 0
xor 0 32 r,r 0 + mov 0 32 m,r 2
cmp 0 32 m,r 2 + jcc 14 32 j 0
mov 0 32 r,m 2 + cmp 0 32 m,r 2
push 0 32 r 0 + push 0 32 r 0
jcc 4 32 j 0 + mov 0 32 r,m 1
mov 0 32 r,m 1 + imul2 0 32 r,m 1 nf
imul2 0 32 r,m 1 nf + add 0 32 r,r 0
jcc 13 32 j 0 + mov 0 32 r,m 1
sar 0 32 r,1 0 + mov 0 32 r,m 2
jcc 15 32 j 0 + lea 0 32 r,m 2
mov 0 32 r,m 1 + cmp 0 32 m,r 1
mov 0 32 r,m 1 + lea 0 32 r,m 2
mov 0 32 r,m 2 + lea 0 32 r,m 1
lea 0 32 r,m 1 + cmp 0 32 r,r 0
lea 0 32 r,m 2 + sar 0 32 r,1 0
sub 0 32 r,r 0 nf + sub 0 32 r,r 0 nf
mov 0 32 r,m 1 + sub 0 32 r,r 0 nf
movzx 0 32 r,mb 2 + movzx 0 32 r,mb 2
or 0 32 r,r 0 + mov 0 32 m,r 2
shl 0 32 r,i 0 nf + shl 0 32 r,i 0 nf
movzx 0 32 r,mb 2 + or 0 32 r,r 0
mov 0 32 r,r 0 + push 0 32 r 0
push 0 32 r 0 + xor 0 32 r,r 0
mov 0 32 r,r 0 + mov 0 32 m,r 1
dec 0 32 r 0 + jcc 5 32 j 0
jcc 4 32 j 0 + mov 0 32 m,r 1
jcc 5 32 j 0 + pop 0 32 r 0
xor 0 32 r,r 0 + lea 0 32 r,m 1
mov 0 32 r,m 1 + xor 0 32 r,r 0 nf
`;

/** Comparison forms and the conditions (all but O, NO, P, NP) that are met behind them. */
const COMPARISONS = [
  "cmp 0 32 r,r 0",
  "cmp 0 32 r,i 0",
  "cmp 0 32 m,i 1",
  "cmp 0 32 m,r 1",
  "cmp 0 32 r,m 1",
  "cmp 0 8 rb,rb 0",
  "cmp 0 8 rb,i 0",
  "cmp 0 8 mb,i 1",
  "cmp 0 8 mb,rb 1",
  "cmp 0 8 rb,mb 1",
  "test 0 32 r,r 0",
  "test 0 32 r,i 0",
  "test 0 32 m,i 1",
  "test 0 8 rb,rb 0",
  "test 0 8 rb,i 0",
  "test 0 8 mb,i 1",
];
const CONDITIONS = [2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15];

/** Every pair, by the keys of its two handlers. */
export const PAIRS: [string, string][] = [
  ...COMPARISONS.flatMap((first) =>
    CONDITIONS.map((c): [string, string] => [first, `jcc ${c} 32 j 0`])
  ),
  ...MEASURED.trim().split("\n").map((l) => l.split(" + ") as [string, string]),
];
