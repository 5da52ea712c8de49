/** Rows of SSE to SSSE3 but for packed integers: moves, shuffles, and floating point. */

const MOVES = `
0f10 movups Vx,Wx np common
0f11 movups Wx,Vx np common
0f10 movupd Vx,Wx 66
0f11 movupd Wx,Vx 66
0f10 movss Vx,Wd f3 mem common
0f10 movss Vd,Wd f3 reg common
0f11 movss Wd,Vd f3 common
0f10 movsd Vx,Wq f2 mem common
0f10 movsd Vq,Wq f2 reg common
0f11 movsd Wq,Vq f2 common
0f12 movlps Vq,Wq np mem
0f12 movhlps Vq,Wx np reg
0f12 movlpd Vq,Wq 66 mem
0f12 movddup Vx,Wq f2
0f12 movsldup Vx,Wx f3
0f13 movlps Wq,Vq np mem
0f13 movlpd Wq,Vq 66 mem
0f14 unpcklps Vx,Wx np
0f14 unpcklpd Vx,Wx 66
0f15 unpckhps Vx,Wx np
0f15 unpckhpd Vx,Wx 66
0f16 movhps Vx,Wq np mem
0f16 movlhps Vx,Wq np reg
0f16 movhpd Vx,Wq 66 mem
0f16 movshdup Vx,Wx f3
0f17 movhps Wq,Vx np mem
0f17 movhpd Wq,Vx 66 mem
0f28 movaps Vx,Wx np common
0f28 movapd Vx,Wx 66
0f29 movaps Wx,Vx np common
0f29 movapd Wx,Vx 66
0f2b movntps Wx,Vx np mem
0f2b movntpd Wx,Vx 66 mem
0f50 movmskps Gy,Wx np reg
0f50 movmskpd Gy,Wx 66 reg
0f6f movdqa Vx,Wx 66 common
0f6f movdqu Vx,Wx f3 common
0f7f movdqa Wx,Vx 66 common
0f7f movdqu Wx,Vx f3 common
0f7e movq_zero Vx,Wq f3 common
0fd6 movq Wq,Vq 66 mem common
0fd6 movq_zero Wx,Vx 66 reg common
0fd6 movq2dq Vx,Qq f3 reg
0fd6 movdq2q Pq,Wx f2 reg
0fe7 movntdq Wx,Vx 66 mem
0ff0 lddqu Vx,Wx f2 mem
0fc6 shufps Vx,Wx,Ib np
0fc6 shufpd Vx,Wx,Ib 66
0f54 andps Vx,Wx np
0f54 andpd Vx,Wx 66
0f55 andnps Vx,Wx np
0f55 andnpd Vx,Wx 66
0f56 orps Vx,Wx np
0f56 orpd Vx,Wx 66
0f57 xorps Vx,Wx np
0f57 xorpd Vx,Wx 66
`;

/** Arithmetic: opcode and name of the four formats. */
const ARITHMETIC = "51 sqrt,58 add,59 mul,5c sub,5d min,5e div,5f max";
const FORMATS = [["np", "ps", "x"], ["66", "pd", "x"], ["f3", "ss", "d"], ["f2", "sd", "q"]];

const FLOATS = `
0f52 rsqrtps Vx,Wx np
0f52 rsqrtss Vd,Wd f3
0f53 rcpps Vx,Wx np
0f53 rcpss Vd,Wd f3
0fc2 cmpps Vx,Wx,Ib np
0fc2 cmppd Vx,Wx,Ib 66
0fc2 cmpss Vd,Wd,Ib f3
0fc2 cmpsd Vq,Wq,Ib f2
0f7c haddpd Vx,Wx 66
0f7c haddps Vx,Wx f2
0f7d hsubpd Vx,Wx 66
0f7d hsubps Vx,Wx f2
0fd0 addsubpd Vx,Wx 66
0fd0 addsubps Vx,Wx f2
0f2e ucomiss Vd,Wd np w=oszapc
0f2e ucomisd Vq,Wq 66 w=oszapc
0f2f comiss Vd,Wd np w=oszapc
0f2f comisd Vq,Wq 66 w=oszapc
0f2a cvtpi2ps Vq,Qq np
0f2a cvtpi2pd Vx,Qq 66
0f2a cvtsi2ss Vd,Ey f3
0f2a cvtsi2sd Vq,Ey f2
0f2c cvttps2pi Pq,Wq np
0f2c cvttpd2pi Pq,Wx 66
0f2c cvttss2si Gy,Wd f3
0f2c cvttsd2si Gy,Wq f2
0f2d cvtps2pi Pq,Wq np
0f2d cvtpd2pi Pq,Wx 66
0f2d cvtss2si Gy,Wd f3
0f2d cvtsd2si Gy,Wq f2
0f5a cvtps2pd Vx,Wq np
0f5a cvtpd2ps Vx,Wx 66
0f5a cvtss2sd Vq,Wd f3
0f5a cvtsd2ss Vd,Wq f2
0f5b cvtdq2ps Vx,Wx np
0f5b cvtps2dq Vx,Wx 66
0f5b cvttps2dq Vx,Wx f3
0fe6 cvttpd2dq Vx,Wx 66
0fe6 cvtdq2pd Vx,Wq f3
0fe6 cvtpd2dq Vx,Wx f2
`;

function arithmeticLines(): string[] {
  return ARITHMETIC.split(",").flatMap((pair) => {
    const [opcode, name] = pair.split(" ");
    return FORMATS.map(([prefix, suffix, w]) =>
      `0f${opcode} ${name}${suffix} V${w},W${w} ${prefix}`
    );
  });
}

/** Lines of the table. */
export function sseLines(): string[] {
  const rest = [MOVES, FLOATS].flatMap((text) => text.trim().split("\n"));
  return [...rest, ...arithmeticLines()].map((line) => `${line} fault`);
}
