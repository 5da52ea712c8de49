// EFLAGS, kept lazily.
//
// Most instructions set the six arithmetic flags and most settings are never read. So they are kept
// as two words that are cheap to write and from which each flag is cheap to read:
//
//   res   the result, sign-extended from the operand size:
//             ZF = (res == 0)      SF = sign(res) ^ aux.0      PF = parity(low byte of res) ^ aux.1
//   aux   the carries out of bits: bit 31 = CF, bit 30 = CF ^ OF, bit 3 = AF
//             (for an addition these are the carry vector's top two bits and bit 3)
//
// aux.0 and aux.1 are corrections that let POPF and SAHF set combinations no result could have
// (ZF with SF). An instruction that computes its flags leaves them zero.
import {
  C_EFLAGS,
  C_FLAG_AUX,
  C_FLAG_RES,
  CPU,
  FLAGS_FROM_ADD,
  FLAGS_FROM_CMP,
  FLAGS_FROM_INC,
  FLAGS_FROM_LOGIC,
} from "../layout";

export const CF: u32 = 1;
export const PF: u32 = 4;
export const AF: u32 = 0x10;
export const ZF: u32 = 0x40;
export const SF: u32 = 0x80;
export const TF: u32 = 0x100;
export const IF: u32 = 0x200;
export const DF: u32 = 0x400;
export const OF: u32 = 0x800;
export const IOPL: u32 = 0x3000;
export const NT: u32 = 0x4000;
export const RF: u32 = 0x10000;
export const VM: u32 = 0x20000;
export const AC: u32 = 0x40000;
export const VIF: u32 = 0x80000;
export const VIP: u32 = 0x100000;
export const ID: u32 = 0x200000;
export const ARITHMETIC: u32 = CF | PF | AF | ZF | SF | OF;

export const AUX_CF: u32 = 0x80000000;
export const AUX_PO: u32 = 0x40000000;
export const AUX_AF: u32 = 8;
export const AUX_PARITY: u32 = 2;
export const AUX_SIGN: u32 = 1;

/** The six arithmetic flags in their EFLAGS positions. */
// @ts-ignore: decorator
@inline export function flags_arithmetic(): u32 {
  const res = load<i64>(CPU + C_FLAG_RES);
  const aux = load<u32>(CPU + C_FLAG_AUX);
  let f: u32 = aux >> 31;
  f |= (~popcnt<u32>(<u32> res & 0xff) ^ (aux >> 1)) & 1 ? PF : 0;
  f |= (aux & AUX_AF) << 1;
  if (res == 0) f |= ZF;
  if ((<u32> (res >>> 63) ^ aux) & 1) f |= SF;
  if ((aux ^ (aux << 1)) >> 31) f |= OF;
  return f;
}

/** Sets the six arithmetic flags from an EFLAGS image. */
// @ts-ignore: decorator
@inline export function flags_set_arithmetic(f: u32): void {
  const res: i64 = f & ZF ? 0 : 1;
  let aux: u32 = (f & AF) >> 1;
  if (f & CF) aux |= AUX_CF;
  if (((f & CF) != 0) != ((f & OF) != 0)) aux |= AUX_PO;
  if (f & SF) aux |= AUX_SIGN; // both results used here are non-negative
  const parity: u32 = res == 0 ? 1 : 0; // 0x00 has even parity, 0x01 odd
  if (((f & PF) != 0 ? 1 : 0) != parity) aux |= AUX_PARITY;
  store<i64>(CPU + C_FLAG_RES, res);
  store<u32>(CPU + C_FLAG_AUX, aux);
}

/**
 * Sets both words to what an instruction has left that translated code has not computed the flags of.
 *
 * @param what FLAGS_FROM_* << 2 | log2 of the operand size
 * @param a the result; for a comparison the first operand
 * @param b the second operand; for INC and DEC the CF that they keep
 */
export function flags_from(what: i32, a: u32, b: u32): void {
  const from: i32 = what >> 2;
  const keeps = from >= FLAGS_FROM_INC;
  const second: u32 = keeps ? 1 : b;
  const adds = from == FLAGS_FROM_ADD || from == FLAGS_FROM_INC;
  const result = from == FLAGS_FROM_CMP ? a - b : a;
  const unused: u32 = 32 - (8 << (what & 3)); // bits above the operand
  let aux: u32 = 0;
  if (from != FLAGS_FROM_LOGIC) {
    const first = adds ? result - second : result + second;
    const carries = adds
      ? (first & second) | ((first | second) & ~result)
      : (~first & second) | ((~first | second) & result);
    const top = (carries << unused) & (AUX_CF | AUX_PO);
    aux = top | (carries & AUX_AF);
    // OF is that of the addition, CF is not
    if (keeps) {
      const overflow = (top ^ (top << 1)) >> 31;
      aux = (b << 31) | ((b ^ overflow) << 30) | (carries & AUX_AF);
    }
  }
  store<i64>(CPU + C_FLAG_RES, <i64> (<i32> (result << unused) >> <i32> unused));
  store<u32>(CPU + C_FLAG_AUX, aux);
}

/** The whole EFLAGS register as PUSHF at this moment would show it (IF and bit 1 read one). */
// @ts-ignore: decorator
@inline export function eflags(): u32 {
  return load<u32>(CPU + C_EFLAGS) | flags_arithmetic();
}

/**
 * Replaces all of EFLAGS. IF and bit 1 are forced to one and IOPL, VM, VIF, VIP to zero: a PV guest
 * never runs with other values (shared/pv-abi.md §2.5, §4.7).
 */
// @ts-ignore: decorator
@inline export function set_eflags(f: u32): void {
  flags_set_arithmetic(f);
  store<u32>(CPU + C_EFLAGS, (f & (TF | DF | NT | RF | AC | ID)) | IF | 2);
}
