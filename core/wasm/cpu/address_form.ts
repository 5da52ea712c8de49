// Memory operands as ModRM, SIB and displacement encode them, brought into a record's fields.
import {
  C_EIP,
  DS,
  R_BP,
  R_BX,
  R_DI,
  R_SI,
  R_SP,
  R_ZERO,
  REC_BASE,
  REC_DISP,
  REC_INDEX,
  REC_SCALE,
  SS,
} from "../layout";
import { byte, dword, word } from "./stream";

// Bits of a REX prefix.
export const REX_B: u32 = 1; // extends ModRM.rm, SIB's base, or the opcode's register
export const REX_X: u32 = 2; // SIB's index
export const REX_R: u32 = 4; // ModRM.reg
export const REX_W: u32 = 8; // 64-bit operand

/** Base and index registers of the eight 16-bit addressing forms. */
function base16(rm: u32): u32 {
  if (rm < 2 || rm == 7) return R_BX;
  if (rm < 4 || rm == 6) return R_BP;
  return rm == 4 ? R_SI : R_DI;
}
function index16(rm: u32): u32 {
  if (rm > 3) return R_ZERO;
  return rm & 1 ? R_DI : R_SI;
}

/** Decodes ModRM's memory operand into the record; returns the default segment. */
export function memory_operand(rec: usize, modrm: u32, addr16: bool): u32 {
  const mod = modrm >> 6;
  const rm = modrm & 7;
  let base: u32 = R_ZERO;
  let index: u32 = R_ZERO;
  let scale: u32 = 0;
  let disp: i32 = 0;
  let segment: u32 = DS;
  if (addr16) {
    if (mod == 0 && rm == 6) disp = word();
    else {
      base = base16(rm);
      index = index16(rm);
      if (base == R_BP) segment = SS;
      if (mod == 1) disp = <i32> (<i8> byte());
      else if (mod == 2) disp = word();
    }
  } else {
    let b = rm;
    if (rm == 4) {
      const sib = byte();
      b = sib & 7;
      const i = (sib >> 3) & 7;
      if (i != 4) {
        index = i << 3;
        scale = sib >> 6;
      }
    }
    if (mod == 0 && b == 5) disp = dword();
    else {
      base = b << 3;
      if (base == R_SP || base == R_BP) segment = SS;
      if (mod == 1) disp = <i32> (<i8> byte());
      else if (mod == 2) disp = dword();
    }
  }
  store<u8>(rec + REC_BASE, base);
  store<u8>(rec + REC_INDEX, index);
  store<u8>(rec + REC_SCALE, scale);
  store<i32>(rec + REC_DISP, disp);
  return segment;
}

/**
 * The same in 64-bit code. Without a base and index register ModRM means RIP plus displacement, which the
 * record says by C_EIP as base; the decoder then adds what lies between that and the next instruction.
 *
 * @param rex the REX prefix, or 0
 */
export function long_memory_operand(rec: usize, modrm: u32, rex: u32): u32 {
  const mod = modrm >> 6;
  const high = (rex & REX_B) << 3;
  let b = modrm & 7;
  let base: u32 = R_ZERO;
  let disp: i32 = 0;
  let segment: u32 = DS;
  if (b == 4) {
    const sib = byte();
    b = sib & 7;
    const i = ((sib >> 3) & 7) | ((rex & REX_X) << 2);
    if (i != 4) {
      store<u8>(rec + REC_INDEX, i << 3);
      store<u8>(rec + REC_SCALE, sib >> 6);
    }
    if (mod == 0 && b == 5) disp = dword();
    else base = (b | high) << 3;
  } else if (mod == 0 && b == 5) {
    disp = dword();
    base = C_EIP;
  } else base = (b | high) << 3;
  if (base == R_SP || base == R_BP) segment = SS;
  if (mod == 1) disp = <i32> (<i8> byte());
  else if (mod == 2) disp = dword();
  store<u8>(rec + REC_BASE, base);
  store<i64>(rec + REC_DISP, disp);
  return segment;
}
