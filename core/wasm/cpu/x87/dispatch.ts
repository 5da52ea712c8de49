// From a decoded instruction to the function that does it. The handlers (jit/semantics/x87.ts) call
// these; they tell instructions apart by FOP, the opcode's low bits and ModRM.
import { REC_SEG } from "../../layout";
import { NOT_EMULATED, tlb_fill, WRITE } from "../../pagetables/walk";
import { guest_write_linear } from "../../pagetables/guest_copy";
import { aligned, segment_address } from "../../segments/address";
import { B, unpack32, unpack64 } from "../../float/unpacked";
import { operand_of_integer } from "../../float/integer";
import { K_FINITE, K_ZERO, R, Unpacked } from "../../float/unpacked";
import { fpu_usable } from "../../traps/fpu";
import { cpl } from "../state";
import {
  arithmetic_memory,
  arithmetic_registers,
  change_sign,
  round_to_integer,
  square_root,
} from "./arithmetic";
import {
  compare_memory,
  compare_registers,
  compare_zero,
  conditional_move,
  examine,
} from "./compare";
import { remainder } from "./remainder";
import { extract, scale } from "./scale";
import { begin, C1, note_instruction, note_operand, opcode_of, set_codes, set_top, top } from "./state";
import { arctangent } from "./arctangent";
import { exp2_minus_1 } from "./exponential";
import { logarithm, logarithm_plus_1 } from "./logarithm";
import { cosine, sine, sine_cosine, tangent } from "./trigonometry";
import {
  BCD,
  exchange,
  F32,
  F64,
  F80,
  finish_store,
  free_register,
  I16,
  I32,
  I64,
  load_constant,
  load_memory,
  load_register,
  prepare_store,
  store_register,
  stored_high,
  stored_low,
} from "./transfer";

/** Begins an instruction that will read or write memory; 0 if it faulted. */
export function cpu_x87_begin(): u32 {
  return begin() ? 1 : 0;
}

/** An instruction whose operands are registers; 0 if it faulted. */
export function cpu_x87_register(rec: u32): u32 {
  const fop = opcode_of(rec);
  const reg = (fop >> 3) & 7;
  const i = fop & 7;
  // FNENI, FNDISI, FNSETPM: control instructions that do nothing any more, and wait for nothing
  if (fop >> 8 == 3 && reg == 4) return fpu_usable() ? 1 : 0;
  if (!begin()) return 0;
  switch (fop >> 8) {
    case 0: // D8
      if ((reg & 6) == 2) compare_registers(i, false, false, reg & 1);
      else arithmetic_registers(reg, i, 0, false);
      break;
    case 1:
      escape_d9(reg, i);
      break;
    case 2: // DA
      if (reg == 5) compare_registers(i, true, false, 2);
      else conditional_move(reg, i);
      break;
    case 3: // DB
      if (reg >= 5) compare_registers(i, reg == 5, true, 0);
      else conditional_move(reg | 4, i);
      break;
    case 4: // DC
      if ((reg & 6) == 2) compare_registers(i, false, false, reg & 1);
      else arithmetic_registers(reg, i, i, false);
      break;
    case 5: // DD
      if (reg == 0) free_register(i, false);
      else if (reg == 1) exchange(i);
      else if (reg < 4) store_register(i, reg == 3, false);
      else compare_registers(i, true, false, reg & 1);
      break;
    case 6: // DE
      if (reg == 2) compare_registers(i, false, false, 1);
      else if (reg == 3) compare_registers(i, false, false, 2);
      else arithmetic_registers(reg, i, i, true);
      break;
    default: // DF
      if (reg == 0) free_register(i, true);
      else if (reg == 1) exchange(i);
      else if (reg < 4) store_register(i, true, false);
      else compare_registers(i, reg == 5, true, 1);
      break;
  }
  note_instruction(rec);
  return 1;
}

function escape_d9(reg: u32, i: u32): void {
  switch (reg) {
    case 0:
      load_register(i);
      break;
    case 1:
      exchange(i);
      break;
    case 2: // FNOP
      break;
    case 3:
      store_register(i, true, true);
      break;
    case 4:
      if (i == 0) change_sign(false);
      else if (i == 1) change_sign(true);
      else if (i == 4) compare_zero();
      else examine();
      break;
    case 5:
      load_constant(i);
      break;
    case 6:
      escape_d9_6(i);
      break;
    default:
      escape_d9_7(i);
      break;
  }
}

function escape_d9_6(i: u32): void {
  switch (i) {
    case 0:
      exp2_minus_1();
      break;
    case 1:
      logarithm();
      break;
    case 2:
      tangent();
      break;
    case 3:
      arctangent();
      break;
    case 4:
      extract();
      break;
    case 5:
      remainder(true);
      break;
    default: // FDECSTP, FINCSTP
      set_codes(C1, 0);
      set_top(i == 6 ? top() - 1 : top() + 1);
      break;
  }
}

function escape_d9_7(i: u32): void {
  switch (i) {
    case 0:
      remainder(false);
      break;
    case 1:
      logarithm_plus_1();
      break;
    case 2:
      square_root();
      break;
    case 3:
      sine_cosine();
      break;
    case 4:
      round_to_integer();
      break;
    case 5:
      scale();
      break;
    case 6:
      sine();
      break;
    default:
      cosine();
      break;
  }
}

// ---- memory operands ---------------------------------------------------------------------------

function integer_operand(x: Unpacked, v: i64): void {
  operand_of_integer(v);
  x.kind = v ? K_FINITE : K_ZERO;
  x.sign = v ? R.sign : 0;
  x.exp = R.exp;
  x.sig = R.sig;
  x.denormal = false;
}

/**
 * An instruction that has read its memory operand; cpu_x87_begin went before.
 *
 * @param offset of the operand in its segment
 * @param low its first eight bytes, zero-extended
 * @param high the two after them
 */
export function cpu_x87_load(rec: u32, offset: u32, low: u64, high: u32): void {
  const fop = opcode_of(rec);
  const reg = (fop >> 3) & 7;
  const escape = fop >> 8;
  if (!(escape & 1)) { // D8 DA DC DE: arithmetic
    if (escape == 0) unpack32(B, <u32> low);
    else if (escape == 4) unpack64(B, low);
    else integer_operand(B, escape == 2 ? <i64> (<i32> low) : <i64> (<i16> low));
    if ((reg & 6) == 2) compare_memory(reg & 1);
    else arithmetic_memory(reg);
  } else load_memory(format_of(escape, reg), low, high);
  note_instruction(rec);
  note_operand(rec, offset);
}

/** Format of the memory operand of an odd escape. */
function format_of(escape: u32, reg: u32): u32 {
  if (reg > 3) return reg & 1 ? (escape == 3 ? F80 : I64) : BCD; // DB/5 DB/7; DF/5 DF/7; DF/4 DF/6
  if (escape == 5 && reg == 1) return I64; // FISTTP m64
  return escape == 1 ? F32 : escape == 3 ? I32 : escape == 5 ? F64 : I16;
}

/** A store's conversion; 0 if nothing is to be written. cpu_x87_begin went before. */
export function cpu_x87_prepare(rec: u32, offset: u32): u32 {
  const fop = opcode_of(rec);
  const reg = (fop >> 3) & 7;
  if (prepare_store(format_of(fop >> 8, reg), reg == 1)) return 1;
  note_instruction(rec);
  note_operand(rec, offset);
  return 0;
}

/** The low eight bytes that cpu_x87_prepare converted. */
export function cpu_x87_value(): u64 {
  return stored_low;
}

/** After the value was written. */
export function cpu_x87_finish(rec: u32, offset: u32): void {
  const reg = (opcode_of(rec) >> 3) & 7;
  finish_store(reg != 2);
  note_instruction(rec);
  note_operand(rec, offset);
}

const BYTES: usize = memory.data(10, 8);

/** FSTP m80 and FBSTP, all or nothing; 0 if it faulted. */
export function cpu_x87_store_wide(rec: u32, offset: u32): u32 {
  if (!begin()) return 0;
  const address = segment_address(load<u8>(rec + REC_SEG), offset, 10, true);
  return address == ~0 ? 0 : store_wide(rec, offset, address);
}

/** The same at a linear address. */
export function store_wide(rec: u32, offset: u32, address: u64): u32 {
  if (!aligned(address, 8)) return 0;
  // a fault goes before what an unmasked exception would do
  if (!tlb_fill(address, 10, WRITE | NOT_EMULATED)) return 0;
  if (!cpu_x87_prepare(rec, offset)) return 1;
  store<u64>(BYTES, stored_low);
  store<u16>(BYTES + 8, <u16> stored_high);
  if (!guest_write_linear(address, BYTES, 10, cpl() == 3)) return 0;
  cpu_x87_finish(rec, offset);
  return 1;
}
