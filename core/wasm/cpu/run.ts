// The way from one instruction to the next, where it is not the next record.
//
// Handlers chain by tail calls and never return, but for the one of EXIT_RECORD. Whenever something
// needs a decision they come here: `cpu_resume` settles what is pending (a fault, a step trap, events,
// the end of the slice) and gives the record to go on with.
import {
  C_BUDGET,
  C_EFLAGS,
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
  CS,
  JIT_RESUMES,
  JIT_RESUMES_COUNT,
  JIT_RESUMES_ENTRIES,
  JUMP_EIP,
  JUMP_RECORD,
  JUMP_TAG,
  MODE_CODE_FLAT,
  MODE_STEP,
  NO_FAULT,
  PREFIX_LINKABLE,
  REC_COUNT,
  REC_DELTA, REC_HANDLER,
  REC_LENGTH,
  REC_LINK,
  REC_PREFIX,
  REC_SEG,
  SS,
} from "../layout";
import { frame } from "../frames/page";
import { deliver_events, events_deliverable } from "../events/deliver";
import { forget_over_the_end, over_the_end, translate_exec } from "../pagetables/walk";
import { fetch_limit_ok, fetch_within_limit } from "../segments/address";
import { trace_block } from "../trace";
import { debug_execution } from "../traps/debug_registers";
import { deliver_fault, deliver_step } from "../traps/deliver";
import { cached_record, EXIT_RECORD, find_block, generation, jump_entry, TRANSIENT } from "./code";
import { block_bytes, decode_block } from "./block";
import { H_STALE } from "./rows";
import { RF, TF } from "./flags";
import { resumed } from "./onward";
import { long_caught } from "../long/address";
import { fault, fault_pending, GP, long_mode, seg_base, SS_, update_mode } from "./state";
import { LONG } from "./tables";

/** Record to go on with, after everything that is pending was settled. */
export function cpu_resume(): u32 {
  return resumed();
}

/** As cpu_resume, where there may be something to settle. */
export function settle(): u32 {
  while (true) {
    store<u32>(CPU + C_RECORD, 0);
    const shadow = load<u32>(CPU + C_SHADOW) != 0; // MOV SS: no #DB and no event before the next one
    if (load<u32>(CPU + C_FAULT) != NO_FAULT) {
      if (LONG && long_caught) return EXIT_RECORD;
      disarm_step();
      // a fault costs an instruction, so that a guest that does nothing else still ends its slice
      store<i32>(CPU + C_BUDGET, load<i32>(CPU + C_BUDGET) - 1);
      deliver_fault();
    } else if (load<u32>(CPU + C_STEP_ARMED)) {
      const armed = load<u32>(CPU + C_STEP_ARMED);
      disarm_step();
      if (!shadow) deliver_step(armed == ARMED_TF);
    }
    if (load<u32>(CPU + C_STOP)) return EXIT_RECORD;
    if (!shadow && events_deliverable()) deliver_events();
    if (load<u32>(CPU + C_STOP) || load<i32>(CPU + C_BUDGET) <= 0) return EXIT_RECORD;
    store<u32>(CPU + C_SHADOW, 0);
    const rec = locate();
    if (rec) return rec;
  }
}

function disarm_step(): void {
  if (!load<u32>(CPU + C_STEP_ARMED)) return;
  store<u32>(CPU + C_STEP_ARMED, 0);
  update_mode();
}

/** The record for C_EIP, by jump cache or by decoding; 0 with a fault pending if there is none. */
function locate(): u32 {
  const eip = load<u64>(CPU + C_EIP);
  const mode = load<u32>(CPU + C_MODE);
  const tag = load<u32>(CPU + C_JUMP_TAG);
  const entry = jump_entry(eip, tag);
  const known = cached_record(entry, eip, tag);
  if (known) {
    note_resumed(<u32> eip, tag);
    return known;
  }
  store<u64>(CPU + C_INSN_EIP, eip);
  if (mode & MODE_STEP) return step_block(eip, mode);
  if (!(mode & MODE_CODE_FLAT)) return limited_block(eip, mode);
  const address = translate_exec(eip);
  if (address == ~0) return 0;
  const rec = find_block(address, mode);
  if (!rec) return transient_block(eip, address, mode);
  store<u64>(entry + JUMP_EIP, eip);
  store<u32>(entry + JUMP_TAG, tag);
  store<u32>(entry + JUMP_RECORD, rec);
  trace_block();
  return rec;
}

/** Tells the translator where code goes on: handlers and what follows an instruction that the core did. */
// @ts-ignore: decorator
@inline export function note_resumed(eip: u32, tag: u32): void {
  const count = load<u32>(JIT_RESUMES_COUNT);
  const at: usize = JIT_RESUMES + ((count & (JIT_RESUMES_ENTRIES - 1)) << 3);
  store<u32>(at, eip);
  store<u32>(at, tag, 4);
  store<u32>(JIT_RESUMES_COUNT, count + 1);
}

/** Code in a segment with a base or a limit: the block must lie within the limit as a whole. */
function limited_block(eip: u64, mode: u32): u32 {
  if (!fetch_limit_ok(eip, 1)) return fault(GP, 0) ? 1 : 0;
  const address = translate_exec(linear(eip));
  if (address == ~0) return 0;
  if (fetch_within_limit(eip, 4096)) {
    const rec = find_block(address, mode);
    if (rec) return rec;
  }
  return transient_block(eip, address, mode);
}

// @ts-ignore: decorator
@inline function linear(eip: u64): u64 {
  if (long_mode()) return eip;
  return (eip + seg_base(CS)) & 0xffffffff;
}

// Why one instruction runs by itself (C_STEP_ARMED).
const ARMED_TF: u32 = 1;
const ARMED_BREAKPOINTS: u32 = 2;

/** One instruction under TF or armed breakpoints; the trap is due when it has finished. */
function step_block(eip: u64, mode: u32): u32 {
  if (!fetch_limit_ok(eip, 1)) return fault(GP, 0) ? 1 : 0;
  const address = translate_exec(linear(eip));
  if (address == ~0) return 0;
  const flags = load<u32>(CPU + C_EFLAGS);
  if (!(flags & RF) && debug_execution(<u32> linear(eip))) return 0;
  const rec = transient_block(eip, address, mode);
  if (rec) {
    store<u32>(CPU + C_EFLAGS, flags & ~RF);
    store<u32>(CPU + C_STEP_ARMED, flags & TF ? ARMED_TF : ARMED_BREAKPOINTS);
  }
  return rec;
}

/** Bytes of an instruction that may lie on two pages. */
const BYTES: usize = memory.data(16);

/**
 * Decodes one instruction that is not kept: one that lies across a page's end, or runs under TF, or
 * close to its segment's limit.
 */
function transient_block(eip: u64, address: u64, mode: u32): u32 {
  const offset = <u32> address & 0xfff;
  const p = frame(<u32> (address >> 12)) + offset;
  let n = decode_block(p, p + (4096 - offset), TRANSIENT, offset, mode, 1);
  if (!n) {
    const first = 4096 - offset;
    const second = translate_exec(linear(eip + first));
    if (second == ~0) return 0;
    memory.copy(BYTES, p, first);
    memory.copy(BYTES + first, frame(<u32> (second >> 12)), 15 - first);
    n = decode_block(BYTES, BYTES + 15, TRANSIENT, offset, mode, 1);
  }
  if (!(mode & MODE_CODE_FLAT) && !fetch_limit_ok(eip, block_bytes)) return fault(GP, 0) ? 1 : 0;
  return <u32> TRANSIENT;
}

/** The target of a direct jump (C_EIP); remembers it in the jump's record if it is in the same page. */
export function cpu_link(rec: u32): u32 {
  const before = generation;
  const linkable = load<u16>(rec + REC_PREFIX) & PREFIX_LINKABLE;
  const to = cpu_resume_quick();
  if (
    linkable && to != EXIT_RECORD && before == generation && to != <u32> TRANSIENT && same_place
  ) {
    store<u32>(rec + REC_LINK, to);
  }
  return to;
}

let same_place: bool = false;

/** As cpu_resume; same_place says whether the record is the one for C_EIP as it was. */
function cpu_resume_quick(): u32 {
  const eip = load<u64>(CPU + C_EIP);
  const tag = load<u32>(CPU + C_JUMP_TAG);
  const rec = cpu_resume();
  same_place = load<u64>(CPU + C_EIP) == eip && load<u32>(CPU + C_JUMP_TAG) == tag;
  return rec;
}

/**
 * The instruction of `rec` cannot go on: because it faulted (a fault is pending), or to be continued later at the
 * same place (a repeated string instruction).
 */
// @ts-ignore: decorator
@inline export function cut_short(rec: u32): void {
  if (over_the_end) {
    forget_over_the_end();
    if (fault_pending() && load<u8>(rec + REC_SEG) == SS) fault(SS_, 0);
  }
  const eip = load<u64>(CPU + C_EIP) + load<u16>(rec + REC_DELTA);
  const pending = fault_pending();
  store<u64>(CPU + C_INSN_EIP, eip);
  store<u64>(CPU + C_EIP, pending ? eip + load<u8>(rec + REC_LENGTH) : eip);
  const count: i32 = load<u8>(rec + REC_COUNT);
  store<i32>(CPU + C_BUDGET, load<i32>(CPU + C_BUDGET) - (count - 1));
}

/** A record whose block was dropped: go on at its own instruction, decoded anew. */
export function cpu_stale(rec: u32): void {
  store<u64>(CPU + C_EIP, load<u64>(CPU + C_EIP) + load<u16>(rec + REC_DELTA));
  const count: i32 = load<u8>(rec + REC_COUNT);
  store<i32>(CPU + C_BUDGET, load<i32>(CPU + C_BUDGET) - (count - 1));
}

/** Before a slow instruction: C_INSN_EIP, C_EIP, C_RECORD and the budget as slow helpers expect them. */
export function cpu_enter_slow(rec: u32): void {
  enter_slow(rec);
}

// @ts-ignore: decorator
@inline export function enter_slow(rec: u32): void {
  const eip = load<u64>(CPU + C_EIP) + load<u16>(rec + REC_DELTA);
  store<u64>(CPU + C_INSN_EIP, eip);
  const after = eip + load<u8>(rec + REC_LENGTH);
  store<u64>(CPU + C_EIP, long_mode() ? after : after & 0xffffffff);
  store<u32>(CPU + C_RECORD, rec);
  store<i32>(CPU + C_BUDGET, load<i32>(CPU + C_BUDGET) - <i32> load<u8>(rec + REC_COUNT));
}

/** Notes an exception of the instruction at work. */
export function cpu_raise(vector: u32, error: u32): void {
  fault(vector, error);
}

/** Whether a near jump may go to an offset of CS; returns 0 with #GP(0) pending, for the jump itself. */
export function cpu_jump_ok(target: u32): u32 {
  return fetch_limit_ok(target, 1) ? 1 : 0;
}

/** 0 if a fault is pending. */
export function cpu_no_fault(): u32 {
  return fault_pending() ? 0 : 1;
}
