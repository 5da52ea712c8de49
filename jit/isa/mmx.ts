/** Rows of the packed-integer instructions: MMX registers without a prefix, XMM registers after 66. */

/** `opcode name`: dst = f(dst, src) in both register files. */
const BOTH = `
0f60 punpcklbw
0f61 punpcklwd
0f62 punpckldq
0f63 packsswb
0f64 pcmpgtb
0f65 pcmpgtw
0f66 pcmpgtd
0f67 packuswb
0f68 punpckhbw
0f69 punpckhwd
0f6a punpckhdq
0f6b packssdw
0f74 pcmpeqb
0f75 pcmpeqw
0f76 pcmpeqd
0fd1 psrlw
0fd2 psrld
0fd3 psrlq
0fd4 paddq
0fd5 pmullw
0fd8 psubusb
0fd9 psubusw
0fda pminub
0fdb pand
0fdc paddusb
0fdd paddusw
0fde pmaxub
0fdf pandn
0fe0 pavgb
0fe1 psraw
0fe2 psrad
0fe3 pavgw
0fe4 pmulhuw
0fe5 pmulhw
0fe8 psubsb
0fe9 psubsw
0fea pminsw
0feb por
0fec paddsb
0fed paddsw
0fee pmaxsw
0fef pxor
0ff1 psllw
0ff2 pslld
0ff3 psllq
0ff4 pmuludq
0ff5 pmaddwd
0ff6 psadbw
0ff8 psubb
0ff9 psubw
0ffa psubd
0ffb psubq
0ffc paddb
0ffd paddw
0ffe paddd
0f3800 pshufb
0f3801 phaddw
0f3802 phaddd
0f3803 phaddsw
0f3804 pmaddubsw
0f3805 phsubw
0f3806 phsubd
0f3807 phsubsw
0f3808 psignb
0f3809 psignw
0f380a psignd
0f380b pmulhrsw
0f381c pabsb
0f381d pabsw
0f381e pabsd
`;

/** The other rows. */
const REST = `
0f6c punpcklqdq Vx,Wx 66
0f6d punpckhqdq Vx,Wx 66
0f71/2 psrlw Qq,Ib np reg
0f71/2 psrlw Wx,Ib 66 reg
0f71/4 psraw Qq,Ib np reg
0f71/4 psraw Wx,Ib 66 reg
0f71/6 psllw Qq,Ib np reg
0f71/6 psllw Wx,Ib 66 reg
0f72/2 psrld Qq,Ib np reg
0f72/2 psrld Wx,Ib 66 reg
0f72/4 psrad Qq,Ib np reg
0f72/4 psrad Wx,Ib 66 reg
0f72/6 pslld Qq,Ib np reg
0f72/6 pslld Wx,Ib 66 reg
0f73/2 psrlq Qq,Ib np reg
0f73/2 psrlq Wx,Ib 66 reg
0f73/3 psrldq Wx,Ib 66 reg
0f73/6 psllq Qq,Ib np reg
0f73/6 psllq Wx,Ib 66 reg
0f73/7 pslldq Wx,Ib 66 reg
0f70 pshufw Pq,Qq,Ib np
0f70 pshufd Vx,Wx,Ib 66
0f70 pshufhw Vx,Wx,Ib f3
0f70 pshuflw Vx,Wx,Ib f2
0f3a0f palignr Pq,Qq,Ib np
0f3a0f palignr Vx,Wx,Ib 66
0fc4 pinsrw Pq,Ey,Ib np reg
0fc4 pinsrw Pq,Mw,Ib np mem
0fc4 pinsrw Vx,Ey,Ib 66 reg
0fc4 pinsrw Vx,Mw,Ib 66 mem
0fc5 pextrw Gy,Qq,Ib np reg
0fc5 pextrw Gy,Wx,Ib 66 reg
0fd7 pmovmskb Gy,Qq np reg
0fd7 pmovmskb Gy,Wx 66 reg
0ff7 maskmovq Pq,Qq np reg
0ff7 maskmovdqu Vx,Wx 66 reg
0f77 emms - np
0f6e movd_to Pq,Ey np
0f6e movd_to Vx,Ey 66
0f7e movd_from Ey,Pq np
0f7e movd_from Ey,Vx 66
0f6f movq Pq,Qq np
0f7f movq Qq,Pq np
0fe7 movntq Qq,Pq np mem
`;

/** MMX reads only half of what is interleaved from below: four bytes of memory. */
const HALF = /^punpckl/;

/** Lines of the table. */
export function mmxLines(): string[] {
  const both = BOTH.trim().split("\n").flatMap((line) => {
    const [opcode, name] = line.split(" ");
    return [
      `${opcode} ${name} Pq,${HALF.test(name) ? "Qd" : "Qq"} np fault`,
      `${opcode} ${name} Vx,Wx 66 fault`,
    ];
  });
  return [...both, ...REST.trim().split("\n").map((line) => `${line} fault`)];
}
