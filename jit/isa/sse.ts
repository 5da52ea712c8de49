/** Rows of SSE to SSSE3 but for packed integers: moves, shuffles, and floating point. */

const MOVES = `
0f10 vmov_unaligned Vx,Wx np
0f11 vmov_unaligned Wx,Vx np
0f10 vmov_unaligned Vx,Wx 66
0f11 vmov_unaligned Wx,Vx 66
0f10 vmov Vx,Wd f3 mem
0f10 vmov Vd,Wd f3 reg
0f11 vmov Wd,Vd f3
0f10 vmov Vx,Wq f2 mem
0f10 vmov Vq,Wq f2 reg
0f11 vmov Wq,Vq f2
0f12 vmov Vq,Wq np mem
0f12 mov_high_to_low Vq,Wx np reg
0f12 vmov Vq,Wq 66 mem
0f12 movddup Vx,Wq f2
0f12 movsldup Vx,Wx f3
0f13 vmov Wq,Vq np mem
0f13 vmov Wq,Vq 66 mem
0f14 unpcklps Vx,Wx np
0f14 unpcklpd Vx,Wx 66
0f15 unpckhps Vx,Wx np
0f15 unpckhpd Vx,Wx 66
0f16 mov_low_to_high Vx,Wq np
0f16 mov_low_to_high Vx,Wq 66 mem
0f16 movshdup Vx,Wx f3
0f17 mov_high_to_low Wq,Vx np mem
0f17 mov_high_to_low Wq,Vx 66 mem
0f28 vmov Vx,Wx np
0f28 vmov Vx,Wx 66
0f29 vmov Wx,Vx np
0f29 vmov Wx,Vx 66
0f2b vmov Wx,Vx np mem
0f2b vmov Wx,Vx 66 mem
0f50 movmskps Gd,Wx np reg
0f50 movmskpd Gd,Wx 66 reg
0f6f vmov Vx,Wx 66
0f6f vmov_unaligned Vx,Wx f3
0f7f vmov Wx,Vx 66
0f7f vmov_unaligned Wx,Vx f3
0f7e movq_zero Vx,Wq f3
0fd6 vmov Wq,Vq 66 mem
0fd6 movq_zero Wx,Vx 66 reg
0fd6 movq2dq Vx,Qq f3 reg
0fd6 vmov Pq,Wx f2 reg
0fe7 vmov Wx,Vx 66 mem
0ff0 vmov_unaligned Vx,Wx f2 mem
0fc6 shufps Vx,Wx,Ib np
0fc6 shufpd Vx,Wx,Ib 66
0f54 andps Vx,Wx np
0f54 andps Vx,Wx 66
0f55 andnps Vx,Wx np
0f55 andnps Vx,Wx 66
0f56 orps Vx,Wx np
0f56 orps Vx,Wx 66
0f57 xorps Vx,Wx np
0f57 xorps Vx,Wx 66
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
0f2a cvtsi2ss Vd,Ed f3
0f2a cvtsi2sd Vq,Ed f2
0f2c cvttps2pi Pq,Wq np
0f2c cvttpd2pi Pq,Wx 66
0f2c cvttss2si Gd,Wd f3
0f2c cvttsd2si Gd,Wq f2
0f2d cvtps2pi Pq,Wq np
0f2d cvtpd2pi Pq,Wx 66
0f2d cvtss2si Gd,Wd f3
0f2d cvtsd2si Gd,Wq f2
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
    return FORMATS.map(([prefix, suffix, w]) => `0f${opcode} ${name}${suffix} V${w},W${w} ${prefix}`);
  });
}

/** Lines of the table. */
export function sseLines(): string[] {
  const rest = [MOVES, FLOATS].flatMap((text) => text.trim().split("\n"));
  return [...rest, ...arithmeticLines()].map((line) => `${line} fault`);
}
