// String instructions with RSI, RDI and RCX, element by element. Bulk copies and fills as in
// cpu/strings.ts will come when 64-bit guests run.
import {
  C_BUDGET,
  C_EFLAGS,
  C_FLAG_AUX,
  C_FLAG_RES,
  C_MODE,
  C_TLB_TAG,
  CPU,
  ES,
  MODE_STEP,
  PREFIX_ADDR16,
  PREFIX_REP,
  PREFIX_REPNE,
  REC_PREFIX,
  REC_SEG,
  SPLIT,
  TLB_ADDEND,
  TLB_READ,
  TLB_WRITE,
} from "../layout";
import { AX, CX, DI, gpr64, set_gpr64, SI } from "../cpu/state";
import { cpu_commit, tlb_entry } from "../pagetables/tlb";
import { tlb_fill } from "../pagetables/walk";
import { cpu_long_segment_address } from "./address";

/** Elements between two looks at the world. */
const MOST: u32 = 4096;

let narrow: bool = false;
let step: i64 = 0;
let source_segment: u32 = 0;
let repeat: u32 = 0;
let budget: u32 = 0;

function begin(rec: u32, size: u32): void {
  const prefix: u32 = load<u16>(rec + REC_PREFIX);
  narrow = (prefix & PREFIX_ADDR16) != 0;
  repeat = prefix & (PREFIX_REP | PREFIX_REPNE);
  source_segment = load<u8>(rec + REC_SEG);
  step = load<u32>(CPU + C_EFLAGS) & 0x400 ? -<i64> size : size;
  budget = load<u32>(CPU + C_MODE) & MODE_STEP ? 1 : MOST;
}

function index(register: u32): u64 {
  return narrow ? gpr64(register) & 0xffffffff : gpr64(register);
}

/** A 32-bit index register's change clears its upper half. */
function advance(register: u32, by: i64): void {
  const v = gpr64(register) + by;
  set_gpr64(register, narrow ? v & 0xffffffff : v);
}

/** Host address of an element, by the TLB or its fill; 0 if it faulted. */
function element(segment: u32, register: u32, size: u32, write: bool): usize {
  const a = cpu_long_segment_address(segment, index(register), size, write ? 1 : 0);
  if (a == ~0) return 0;
  const e = tlb_entry(a);
  const tag = ((a + size - 1) & ~0xfff) | load<u32>(CPU + C_TLB_TAG);
  if (load<u64>(e + (write ? TLB_WRITE : TLB_READ)) == tag) {
    return <u32> a + load<u32>(e + TLB_ADDEND);
  }
  return tlb_fill(a, size, write ? 1 : 0);
}

function fetch(p: usize, size: u32): u64 {
  if (size == 1) return load<u8>(p);
  return size == 2 ? load<u16>(p) : size == 4 ? load<u32>(p) : load<u64>(p);
}

function put(p: usize, v: u64, size: u32): bool {
  if (size == 1) store<u8>(p, <u8> v);
  else if (size == 2) store<u16>(p, <u16> v);
  else if (size == 4) store<u32>(p, <u32> v);
  else store<u64>(p, v);
  return p != CPU + SPLIT || cpu_commit();
}

/** Asked before each element. */
const GO_ON: u32 = 0, DONE: u32 = 1, PAUSE: u32 = 2;
function before(): u32 {
  if (!repeat) return GO_ON;
  if (!index(CX)) return DONE;
  if (budget) return GO_ON;
  // to be continued: the elements done count as instructions, so that the slice ends in time
  if (!(load<u32>(CPU + C_MODE) & MODE_STEP)) {
    store<i32>(CPU + C_BUDGET, load<i32>(CPU + C_BUDGET) - MOST);
  }
  return PAUSE;
}

/** After each element; true if it was the last. */
function after(): bool {
  if (!repeat) return true;
  advance(CX, -1);
  budget--;
  return false;
}

/** MOVS. Returns 0 if it faulted or is to be continued. */
export function cpu_long_movs(rec: u32, size: u32): u32 {
  begin(rec, size);
  while (true) {
    const what = before();
    if (what) return what & DONE;
    let p = element(source_segment, SI, size, false);
    if (!p) return 0;
    const v = fetch(p, size);
    p = element(ES, DI, size, true);
    if (!p || !put(p, v, size)) return 0;
    advance(SI, step);
    advance(DI, step);
    if (after()) return 1;
  }
}

/** STOS. Returns 0 if it faulted or is to be continued. */
export function cpu_long_stos(rec: u32, size: u32): u32 {
  begin(rec, size);
  while (true) {
    const what = before();
    if (what) return what & DONE;
    const p = element(ES, DI, size, true);
    if (!p || !put(p, gpr64(AX), size)) return 0;
    advance(DI, step);
    if (after()) return 1;
  }
}

/** LODS. Returns 0 if it faulted or is to be continued. */
export function cpu_long_lods(rec: u32, size: u32): u32 {
  begin(rec, size);
  while (true) {
    const what = before();
    if (what) return what & DONE;
    const p = element(source_segment, SI, size, false);
    if (!p) return 0;
    if (size >= 4) set_gpr64(AX, fetch(p, size));
    else if (size == 2) store<u16>(CPU, load<u16>(p));
    else store<u8>(CPU, load<u8>(p));
    advance(SI, step);
    if (after()) return 1;
  }
}

/** Flags of a - b; returns whether they are equal. */
function compare(a: u64, b: u64, size: u32): bool {
  const shift = 64 - (<u64> size << 3);
  const r = a - b;
  const borrows = (~a & b) | ((~a | b) & r);
  store<i64>(CPU + C_FLAG_RES, <i64> (r << shift) >> shift);
  store<u32>(
    CPU + C_FLAG_AUX,
    (<u32> ((borrows << shift) >> 32) & 0xc0000000) | (<u32> borrows & 8),
  );
  return r << shift == 0;
}

/** True if a repeated comparison ends after one that was (not) equal. */
function ends(equal: bool): bool {
  return equal ? (repeat & PREFIX_REP) == 0 : (repeat & PREFIX_REPNE) == 0;
}

/** CMPS. Returns 0 if it faulted or is to be continued. */
export function cpu_long_cmps(rec: u32, size: u32): u32 {
  begin(rec, size);
  while (true) {
    const what = before();
    if (what) return what & DONE;
    let p = element(source_segment, SI, size, false);
    if (!p) return 0;
    const a = fetch(p, size);
    p = element(ES, DI, size, false);
    if (!p) return 0;
    const equal = compare(a, fetch(p, size), size);
    advance(SI, step);
    advance(DI, step);
    if (after() || ends(equal)) return 1;
  }
}

/** SCAS. Returns 0 if it faulted or is to be continued. */
export function cpu_long_scas(rec: u32, size: u32): u32 {
  begin(rec, size);
  while (true) {
    const what = before();
    if (what) return what & DONE;
    const p = element(ES, DI, size, false);
    if (!p) return 0;
    const equal = compare(gpr64(AX), fetch(p, size), size);
    advance(DI, step);
    if (after() || ends(equal)) return 1;
  }
}
