// The decoder: guest bytes to records.
//
// One function turns one instruction into one record (layout.ts, REC_*). What an opcode means, which
// operands it has and which handler executes each of its forms come from the tables that
// jit/isa/generate.ts makes of the instruction table; nothing here knows an instruction by name.
// LONG is a constant of the build: without 64-bit code all that asks for it is folded away.
import {
  C_EIP,
  CS,
  DS,
  FS,
  MODE_CODE32,
  MODE_FLAT,
  MODE_LONG,
  PREFIX_ADDR16,
  PREFIX_LOCK,
  PREFIX_OP16,
  PREFIX_OP64,
  PREFIX_OPSIZE,
  PREFIX_REP,
  PREFIX_REPNE,
  PREFIX_SEGMENT,
  R_ZERO,
  REC_A,
  REC_B,
  REC_BASE,
  REC_DELTA,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_INDEX,
  REC_LENGTH,
  REC_PREFIX,
  REC_SEG,
  RECORD_SIZE,
} from "../layout";
import { long_memory_operand, memory_operand, REX_B, REX_R, REX_W } from "./address_form";
import {
  H_UNDEFINED,
  H_TOO_LONG,
  LONG_DEFAULT,
  LONG_FORCED,
  LONG_FORMS_PER_ROW,
  ROW_LONG,
  ROW_SIZE,
  ROW_ATTR,
  FORMS_PER_ROW,
  ATTR_MODRM,
  ATTR_ENDS,
  ATTR_LOCK,
  ATTR_IMPLICIT,
  PLACE_REGISTER,
  PLACE_BASE,
  PLACE_INDEXED,
  PLACE_CHECKED,
  PLACE_CHECKED_STACK,
} from "./rows";
import {
  byte,
  dword,
  overrun,
  qword,
  stream_begin,
  stream_cut,
  stream_taken,
  word,
} from "./stream";
import { FORMS, LONG, LONG_FORMS, LONG_OPCODES, NODES, OPCODES, ROWS } from "./tables";

// Operand kinds: positions in operands.ts KINDS, "-EMRGZIJaO1SACDPQVWT".
const K_E: u32 = 1;
const K_M: u32 = 2;
const K_R: u32 = 3;
const K_G: u32 = 4;
const K_Z: u32 = 5;
const K_I: u32 = 6;
const K_J: u32 = 7;
const K_FAR: u32 = 8;
const K_O: u32 = 9;
const K_S: u32 = 11;
const K_A: u32 = 12;
const K_P: u32 = 15;
const K_Q: u32 = 16;
const K_V: u32 = 17;
const K_W: u32 = 18;
// Operand sizes: positions in SIZES, "bwdqvxzs".
const S_B: u32 = 0;
const S_W: u32 = 1;
const S_V: u32 = 4;
const S_S: u32 = 7;

// ---- one instruction ---------------------------------------------------------------------------
/** Row of the instruction decoded last, or -1 if it is undefined. */
export let decoded_row: i32 = 0;
/** Its attributes; ATTR_ENDS for an undefined one. */
export let decoded_attr: u32 = 0;
export let decoded_in_memory: bool = false;
export let decoded_relative: bool = false;
export let decoded_place: u32 = 0;

// @ts-ignore: decorator
@inline function slot(n: u32, size: u32): u32 {
  return size == S_B ? ((n & 3) << 3) + (n >> 2) : n << 3;
}

/** Slot of a register in 64-bit code: with a REX prefix no byte register is the upper half of another. */
function long_slot(n: u32, size: u32, rex: u32): u32 {
  return rex ? n << 3 : slot(n, size);
}

/** The handler of a row in one of its forms; H_UNDEFINED if there is none. */
// @ts-ignore: decorator
@inline export function handler_of(
  row: u32,
  prefix: u32,
  place: u32,
  no_flags: u32,
  mode: u32,
): u32 {
  if (LONG && mode & MODE_LONG) {
    const size: usize = prefix & PREFIX_OP64 ? 2 : prefix & PREFIX_OP16 ? 0 : 1;
    const form = (size * 5 + place) * 2 + no_flags;
    return load<u16>(LONG_FORMS + ((<usize> row * LONG_FORMS_PER_ROW + form) << 1));
  }
  const form = ((prefix & PREFIX_OP16 ? 0 : 5) + place) * 2 + no_flags;
  return load<u16>(FORMS + ((<usize> row * FORMS_PER_ROW + form) << 1));
}

/**
 * Decodes the instruction at `p` into `rec`.
 *
 * @param limit first address that must not be read (the page's end)
 * @param delta bytes from the block's start
 * @param mode MODE_* bits
 * @returns its length in bytes; 0 if the bytes up to `limit` do not suffice
 */
export function decode_one(p: usize, limit: usize, rec: usize, delta: u32, mode: u32): u32 {
  stream_begin(p, limit);
  const long = LONG ? (mode & MODE_LONG) != 0 : false;
  let rex: u32 = 0;
  let op16 = (mode & MODE_CODE32) == 0;
  let addr16 = op16;
  let prefix: u32 = 0;
  let segment: i32 = -1;
  let op: u32 = 0;
  while (true) {
    op = byte();
    if (overrun) return short_of_bytes(limit, rec, delta);
    if (long && (op & 0xf0) == 0x40) {
      rex = op;
      continue;
    }
    if (op == 0x66) prefix |= PREFIX_OPSIZE;
    else if (op == 0x67) prefix |= PREFIX_ADDR16;
    else if (op == 0xf0) prefix |= PREFIX_LOCK;
    else if (op == 0xf2) prefix = (prefix & ~PREFIX_REP) | PREFIX_REPNE;
    else if (op == 0xf3) prefix = (prefix & ~PREFIX_REPNE) | PREFIX_REP;
    else if ((op & 0xe7) == 0x26) {
      if (!long) segment = (op >> 3) & 3; // 64-bit code has no use for these
    } else if ((op & 0xfe) == 0x64) segment = FS + (op & 1);
    else break;
    if (long) rex = 0; // REX counts directly before the opcode only
  }
  if (prefix & PREFIX_OPSIZE) op16 = !op16;
  if (prefix & PREFIX_ADDR16) addr16 = !addr16;
  prefix = (prefix & ~PREFIX_ADDR16) | (addr16 ? PREFIX_ADDR16 : 0) | (op16 ? PREFIX_OP16 : 0) |
    (segment >= 0 ? PREFIX_SEGMENT : 0);
  let map: u32 = 0;
  if (op == 0x0f) {
    op = byte();
    map = 1;
    if (op == 0x38 || op == 0x3a) {
      map = op == 0x38 ? 2 : 3;
      op = byte();
    }
  }
  let entry: u32 = load<u16>((long ? LONG_OPCODES : OPCODES) + ((map << 8 | op) << 1));
  let modrm: u32 = 0;
  let have_modrm = false;
  while (entry & 0x8000) {
    const node = NODES + ((entry & 0x7fff) << 1);
    const kind: u32 = load<u16>(node);
    let child: u32 = 0;
    if (kind == 4) {
      child = prefix & PREFIX_REPNE ? 3 : prefix & PREFIX_REP ? 2 : prefix & PREFIX_OPSIZE ? 1 : 0;
    } else {
      if (!have_modrm) {
        modrm = byte();
        have_modrm = true;
      }
      child = kind == 1 ? (modrm >> 3) & 7 : kind == 2 ? (modrm >= 0xc0 ? 1 : 0) : modrm & 7;
    }
    entry = load<u16>(node + ((child + 1) << 1));
  }
  if (overrun) return short_of_bytes(limit, rec, delta);
  store<u64>(rec + REC_A, 0);
  store<u8>(rec + REC_BASE, R_ZERO);
  store<u8>(rec + REC_INDEX, R_ZERO);
  store<u64>(rec + REC_IMM, 0);
  store<u64>(rec + REC_DISP, 0); // and REC_LINK
  store<u64>(rec + REC_DELTA, 0); // and all that follows
  if (entry == 0) return undefined_instruction(rec, delta);
  const number = entry - 1;
  const row = ROWS + <usize> number * ROW_SIZE;
  const attr: u32 = load<u8>(row + ROW_ATTR);
  if ((attr & ATTR_MODRM) && !have_modrm) modrm = byte();
  if (long) {
    const sized: u32 = load<u8>(row + ROW_LONG);
    if (rex & REX_W || sized & LONG_FORCED || (sized & LONG_DEFAULT && !op16)) {
      op16 = false;
      prefix = (prefix & ~PREFIX_OP16) | PREFIX_OP64;
    }
  }
  /** What REX adds to the numbers of registers. */
  const reg_high: u32 = long ? (rex & REX_R) << 1 : 0;
  const rm_high: u32 = long ? (rex & REX_B) << 3 : 0;

  let place: u32 = attr & ATTR_IMPLICIT && !(mode & MODE_FLAT)
    ? PLACE_CHECKED_STACK
    : PLACE_REGISTER;
  let default_segment: u32 = DS;
  let in_memory = false;
  let reg_slot: usize = rec + REC_A;
  let have_imm = false;
  let relative: bool = false;
  let rel: i32 = 0;
  // displacement bytes come before immediates: first the operand that ModRM puts in memory
  if ((attr & ATTR_MODRM) && modrm < 0xc0) {
    for (let i: usize = 0; i < 3; i++) {
      const kind = <u32> load<u8>(row + i) & 31;
      if (kind == K_E || kind == K_M || kind == K_Q || kind == K_W) {
        in_memory = true;
        if (long) default_segment = long_memory_operand(rec, modrm, rex);
        else default_segment = memory_operand(rec, modrm, addr16);
        break;
      }
    }
  }
  for (let i: usize = 0; i < 3; i++) {
    const code: u32 = load<u8>(row + i);
    const kind = code & 31;
    const size = code >> 5;
    switch (kind) {
      case K_E:
        if (!in_memory) {
          const n = modrm & 7;
          store<u8>(reg_slot, long ? long_slot(n | rm_high, size, rex) : slot(n, size));
          reg_slot = rec + REC_B;
        }
        break;
      case K_G: {
        const n = (modrm >> 3) & 7;
        store<u8>(reg_slot, long ? long_slot(n | reg_high, size, rex) : slot(n, size));
        reg_slot = rec + REC_B;
        break;
      }
      case K_P: // there are eight, whatever REX says
        store<u8>(reg_slot, ((modrm >> 3) & 7) << 4);
        reg_slot = rec + REC_B;
        break;
      case K_V: // vector registers are 16 bytes apart
        store<u8>(reg_slot, (((modrm >> 3) & 7) | reg_high) << 4);
        reg_slot = rec + REC_B;
        break;
      case K_Q:
        if (!in_memory) store<u8>(reg_slot, (modrm & 7) << 4), reg_slot = rec + REC_B;
        break;
      case K_W:
        if (!in_memory) store<u8>(reg_slot, ((modrm & 7) | rm_high) << 4), reg_slot = rec + REC_B;
        break;
      case K_R: // of control and debug registers above the seventh there is CR8 alone
        if (long && reg_high && (op & 1 || modrm & 0x38)) return undefined_instruction(rec, delta);
        break;
      case K_Z: {
        const n = op & 7;
        store<u8>(reg_slot, long ? long_slot(n | rm_high, size, rex) : slot(n, size));
        reg_slot = rec + REC_B;
        break;
      }
      case K_A:
        store<u8>(reg_slot, 0);
        reg_slot = rec + REC_B;
        break;
      case K_S:
        store<u8>(rec + REC_B, (modrm >> 3) & 7);
        break;
      case K_O:
        in_memory = true;
        if (long) store<u64>(rec + REC_DISP, addr16 ? <u64> dword() : qword());
        else store<i32>(rec + REC_DISP, addr16 ? word() : dword());
        break;
      case K_I: {
        let v: i64 = 0;
        if (size == S_B) v = byte();
        else if (size == S_S) v = <i64> (<i8> byte());
        else if (size == S_W) v = word();
        else if (op16) v = <i64> (<i16> word());
        else if (long && size == S_V && prefix & PREFIX_OP64) v = qword();
        else v = <i64> (<i32> dword());
        if (have_imm) store<u32>(rec + REC_IMM + 4, <u32> v);
        else store<i64>(rec + REC_IMM, v);
        have_imm = true;
        break;
      }
      case K_J:
        relative = true;
        rel = size == S_B ? <i32> (<i8> byte()) : op16 ? <i32> (<i16> word()) : <i32> dword();
        break;
      case K_FAR: {
        const offset = op16 ? word() : dword();
        store<u32>(rec + REC_IMM, offset);
        store<u32>(rec + REC_IMM + 4, word());
        break;
      }
      default:
        break;
    }
  }
  if (overrun) return short_of_bytes(limit, rec, delta);
  // the x87 wants its opcode as FOP has it
  if ((op & 0xf8) == 0xd8 && map == 0) store<u32>(rec + REC_IMM, ((op & 7) << 8) | modrm);
  const length = stream_taken();
  if ((prefix & PREFIX_LOCK) && !((attr & ATTR_LOCK) && in_memory)) {
    return undefined_instruction(rec, delta);
  }
  const seg: u32 = segment >= 0 ? segment : default_segment;
  if (in_memory) {
    if (!(mode & MODE_FLAT) || addr16 || seg == CS || seg >= <u32> FS) place = PLACE_CHECKED;
    else place = load<u8>(rec + REC_INDEX) == R_ZERO ? PLACE_BASE : PLACE_INDEXED;
  }
  const handler = handler_of(number, prefix, place, 0, mode);
  if (handler == H_UNDEFINED) return undefined_instruction(rec, delta);
  store<u32>(rec + REC_HANDLER, handler);
  store<u16>(rec + REC_DELTA, delta);
  store<u8>(rec + REC_LENGTH, length);
  store<u8>(rec + REC_SEG, seg);
  store<u16>(rec + REC_PREFIX, prefix);
  if (relative) store<i32>(rec + REC_DISP, <i32> (delta + length) + rel);
  if (long) {
    if (relative) store<i64>(rec + REC_IMM, <i64> (delta + length) + rel);
    if (load<u8>(rec + REC_BASE) == C_EIP) {
      store<i64>(rec + REC_DISP, load<i64>(rec + REC_DISP) + (delta + length));
    }
  }
  decoded_row = number;
  decoded_attr = attr;
  decoded_in_memory = in_memory;
  decoded_relative = relative;
  decoded_place = place;
  return length;
}

/**
 * Decodes one instruction by itself, for the host: the decoder's own tests, and whoever wants to name
 * what a guest runs.
 *
 * @param p address of the bytes, `n` of them
 * @param rec where the record goes (RECORD_SIZE bytes)
 * @param mode MODE_* bits
 * @returns its length in bytes; 0 if the bytes do not suffice. cpu_decoded_row() then gives its row and
 *   cpu_decoded_in_memory() where its operand lies
 */
export function decode_alone(p: usize, n: u32, rec: usize, mode: u32): u32 {
  return decode_one(p, p + n, rec, 0, mode);
}

/** Row (by its number in the plan) of the instruction decoded last, or -1: undefined opcode. */
export function last_row(): i32 {
  return decoded_row;
}

/** True if the instruction decoded last has its ModRM or absolute operand in memory. */
export function last_in_memory(): bool {
  return decoded_in_memory;
}

/** Too few bytes: beyond 15 the instruction is too long, else the caller must find the next page. */
function short_of_bytes(limit: usize, rec: usize, delta: u32): u32 {
  if (stream_cut(limit)) return 0;
  special_record(rec, H_TOO_LONG, delta, 15);
  decoded_row = -1;
  decoded_attr = ATTR_ENDS;
  return 15;
}

function undefined_instruction(rec: usize, delta: u32): u32 {
  const length = stream_taken();
  special_record(rec, H_UNDEFINED, delta, length);
  decoded_row = -1;
  decoded_attr = ATTR_ENDS;
  return length;
}

export function special_record(rec: usize, handler: u32, delta: u32, length: u32): void {
  memory.fill(rec, 0, RECORD_SIZE);
  store<u32>(rec + REC_HANDLER, handler);
  store<u16>(rec + REC_DELTA, delta);
  store<u8>(rec + REC_LENGTH, length);
}
