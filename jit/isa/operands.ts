/**
 * Operand notation, after the manual's appendix A, and the codes the decoder knows it by.
 *
 * The capital says where the operand is, the small letter how wide it is: `b` byte, `w` word, `d`
 * doubleword, `q` quadword, `v` the operand size (16, 32, 64), `z` the same but at most 32, `y` 64 with
 * REX.W, else 32, `t` twice that, `x` 128 bits (for the x87 the 80 of its own format or of a packed
 * decimal).
 *
 * - `E` register or memory by ModRM, `M` memory only, `R` register only, `G` register by ModRM.reg,
 *   `Z` register in the opcode's low three bits
 * - `I` immediate: `Ib` zero-extended, `Is` byte sign-extended, `Iw`, `Iz` (16 or 32 bits, sign-
 *   extended), `Iv` (full operand size); `1` the constant one
 * - `J` branch displacement: `Jb`, `Jz`; `Ap` far pointer in the instruction; `O` absolute address
 * - `S` segment register by ModRM.reg; `A`, `C`, `D` the registers AL/AX/EAX, CL, DX
 * - `P`/`Q` MMX by ModRM.reg / ModRM, `V`/`W` XMM likewise (the width of a register says how many of
 *   its low bytes are written), `T0` ST(0), `Ti` the x87 stack register that ModRM.rm names
 */
export const KINDS = "-EMRGZIJaO1SACDPQVWT" as const;
export const SIZES = "bwdqvxzs" as const;

/** The decoder's code for an operand: kind index | size index << 5. */
export function operandCode(operand: string): number {
  if (operand === "1") return KINDS.indexOf("1");
  if (operand === "Ap") return KINDS.indexOf("a");
  if (operand[0] === "T") return KINDS.indexOf("T");
  const kind = KINDS.indexOf(operand[0]);
  // the decoder need not know of REX.W: only handlers do
  const size = SIZES.indexOf(operand[1].replace("y", "d").replace("t", "q"));
  if (kind < 0 || size < 0) throw new Error(`operand ${operand}`);
  return kind | size << 5;
}

/** True if the operand is an MMX or XMM register, or memory in place of one. */
export function isVector(operand: string): boolean {
  return "PQVW".includes(operand[0]);
}

/** True if the operand may lie in memory by ModRM. */
export function isMemory(operand: string): boolean {
  return "EMQW".includes(operand[0]);
}
