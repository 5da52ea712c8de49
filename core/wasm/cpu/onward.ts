// The way on where nothing is pending, which is nearly always: what the run loop (run.ts) would find after
// all its questions, asked in one breath. Everything here declines with nothing changed, and then the run
// loop settles it.
import {
  C_BUDGET,
  C_EIP,
  C_FAULT,
  C_INSN_EIP,
  C_JUMP_TAG,
  C_MODE,
  C_RECORD,
  C_SHADOW,
  C_STEP_ARMED,
  C_STOP,
  CPU,
  JUMP_EIP,
  JUMP_RECORD,
  JUMP_TAG,
  MODE_CODE_FLAT,
  MODE_STEP,
  NO_FAULT,
} from "../layout";
import { events_settled } from "../events/deliver";
import { translate_exec } from "../pagetables/walk";
import { page_fault_at_once } from "../traps/deliver";
import { insn_hypercall, insn_int, int_at_once } from "../traps/interrupt";
import { insn_iret, plain_iret_at_once } from "../traps/iret";
import { cached_record, is_block, jump_entry } from "./code";
import { cut_short, enter_slow, note_resumed, settle } from "./run";
import { clear_fault } from "./state";

/** No fault, step trap or stop is due, nothing is held back, the slice goes on and no event waits. */
// @ts-ignore: decorator
@inline function nothing_pending(): bool {
  const pending = (load<u32>(CPU + C_FAULT) ^ NO_FAULT) | load<u32>(CPU + C_STEP_ARMED) |
    load<u32>(CPU + C_STOP) | load<u32>(CPU + C_SHADOW);
  return pending == 0 && load<i32>(CPU + C_BUDGET) > 0 && events_settled();
}

/** The record for C_EIP, where nothing is pending and the jump cache has it; else 0. */
// @ts-ignore: decorator
@inline function onward(): u32 {
  if (!nothing_pending()) return 0;
  const eip = load<u64>(CPU + C_EIP);
  const tag = load<u32>(CPU + C_JUMP_TAG);
  const rec = cached_record(jump_entry(eip, tag), eip, tag);
  if (!rec) return 0;
  note_resumed(<u32> eip, tag);
  store<u32>(CPU + C_RECORD, 0);
  return rec;
}

/**
 * INT n as a whole.
 *
 * @param rec its record
 * @returns the record to go on with
 */
export function cpu_int(rec: u32): u32 {
  enter_slow(rec);
  if (!int_at_once()) insn_int();
  return resumed();
}

/** IRET as a whole, as cpu_int. */
export function cpu_iret(rec: u32): u32 {
  enter_slow(rec);
  if (!plain_iret_at_once()) insn_iret();
  return resumed();
}

/**
 * An instruction that cannot go on: its fault, if one is pending, enters the kernel's handler.
 *
 * @param rec its record
 * @returns the record to go on with
 */
export function cpu_fault(rec: u32): u32 {
  cut_short(rec);
  page_fault_at_once();
  return resumed();
}

/** Record to go on with, whatever has to be settled before. */
// @ts-ignore: decorator
@inline export function resumed(): u32 {
  const rec = onward();
  return rec ? rec : settle();
}

// ---- translated code ---------------------------------------------------------------------------------

/**
 * For translated code after a slow instruction: whether cpu_resume would do nothing but lead to a record.
 *
 * @param eip where the next instruction lies
 * @param rec the record that translated code has for it
 * @returns 0 with nothing changed: cpu_resume finds the way on
 */
export function cpu_settled(eip: u32, rec: u32): u32 {
  return settled(eip, rec);
}

// @ts-ignore: decorator
@inline function settled(eip: u32, rec: u32): u32 {
  if (load<u64>(CPU + C_EIP) != <u64> eip || !nothing_pending()) return 0;
  if (!code_there(eip, rec)) return 0;
  store<u32>(CPU + C_RECORD, 0);
  return 1;
}

/**
 * For translated code: INT 0x82 of ring 1, all registers but the flags written back; answers as cpu_settled.
 * The flags belong in their place where it says 0.
 */
export function cpu_hypercall(eip: u32, rec: u32): u32 {
  insn_hypercall();
  return settled(eip, rec);
}

/**
 * For translated code on its way to another page: whether the interpreter would go on with a record.
 *
 * @returns 0 with nothing changed but what looking that up may change: cpu_resume finds the way on
 */
export function cpu_code_known(eip: u32, rec: u32): u32 {
  return !load<u32>(CPU + C_STOP) && code_there(eip, rec) ? 1 : 0;
}

/** As locate, where that finds the block that translated code has; notes no fault. */
// @ts-ignore: decorator
@inline function code_there(eip: u32, rec: u32): bool {
  const tag = load<u32>(CPU + C_JUMP_TAG);
  const entry = jump_entry(eip, tag);
  const known = cached_record(entry, eip, tag);
  return known ? known == rec : find_there(eip, rec, tag, entry);
}

/** As code_there, where the jump cache does not say. */
function find_there(eip: u32, rec: u32, tag: u32, entry: usize): bool {
  const mode = load<u32>(CPU + C_MODE);
  if (mode & MODE_STEP || !(mode & MODE_CODE_FLAT)) return false;
  const address = translate_exec(eip);
  if (address == ~0) {
    clear_fault();
    return false;
  }
  if (!is_block(rec, address, mode)) return false;
  store<u64>(CPU + C_INSN_EIP, eip);
  store<u64>(entry + JUMP_EIP, eip);
  store<u32>(entry + JUMP_TAG, tag);
  store<u32>(entry + JUMP_RECORD, rec);
  return true;
}
