// String instructions.
//
// Each function does as many elements as it may: one without REP; with it until the count is used up,
// a comparison decides, a fault stops it, or a page's worth of work is done (then the instruction
// is continued, so that events are not kept waiting). Registers are exact after every element.
//
// Where both operands lie in one page each, and the direction is up, a whole run is one bulk copy or
// fill. What REP does is charged to the slice, however it ends, so that no count makes a slice long.
import {
  C_BUDGET,
  C_EFLAGS,
  C_FLAG_AUX,
  C_FLAG_RES,
  C_MODE,
  C_TLB_TAG,
  CPU,
  DS,
  ES,
  MACHINE,
  MODE_FLAT,
  MODE_STEP,
  PREFIX_ADDR16,
  PREFIX_REP,
  PREFIX_REPNE,
  REC_PREFIX,
  REC_SEG,
  SPLIT,
  SS,
  TLB_ADDEND,
  TLB_READ,
  TLB_WRITE,
} from "../layout";
import { page } from "../frames/page";
import { cpu_commit, tlb_entry } from "../pagetables/tlb";
import { FLAT, READ, tlb_fill, WRITE } from "../pagetables/walk";
import { segment_address } from "../segments/address";
import { frame_written } from "./code";
import { CX, DI, gpr, set_gpr, SI } from "./state";

/** Elements between two looks at the world. */
const MOST: u32 = 4096;
/** What a bulk copy or fill counts in instructions: so much, and one for each 16 bytes. */
const RUN: u32 = 8;

let addr16: bool = false;
let flat: bool = false;
let step: i32 = 0;
let source_segment: u32 = 0;
/** FLAT, if the linear address made last needed no check; else 0. */
let unchecked: u32 = 0;
let repeat: u32 = 0;
/** Elements that may still be moved now, and what the ones that were count in instructions. */
let room: u32 = 0;
let work: u32 = 0;

function begin(rec: u32, size: u32): void {
  const prefix: u32 = load<u16>(rec + REC_PREFIX);
  addr16 = (prefix & PREFIX_ADDR16) != 0;
  repeat = prefix & (PREFIX_REP | PREFIX_REPNE);
  source_segment = load<u8>(rec + REC_SEG);
  const mode = load<u32>(CPU + C_MODE);
  flat = (mode & MODE_FLAT) != 0 && !addr16;
  room = mode & MODE_STEP ? 1 : MOST;
  work = 0;
  step = load<u32>(CPU + C_EFLAGS) & 0x400 ? -<i32> size : size;
}

/** Charges a repeated instruction for its elements. The instruction itself is one of the block's. */
// @ts-ignore: decorator
@inline function end(result: u32): u32 {
  if (work) store<i32>(CPU + C_BUDGET, load<i32>(CPU + C_BUDGET) - work);
  return result;
}

// @ts-ignore: decorator
@inline function index(register: u32): u32 {
  return addr16 ? gpr(register) & 0xffff : gpr(register);
}

// @ts-ignore: decorator
@inline function advance(register: u32, by: u32): void {
  if (addr16) store<u16>(CPU + (register << 3), <u16> (gpr(register) + by));
  else set_gpr(register, gpr(register) + by);
}

/** Counts an element of a repeated instruction as done. */
// @ts-ignore: decorator
@inline function counted(): void {
  advance(CX, -1);
  room--;
  work++;
}

/** Counts a run of them. */
// @ts-ignore: decorator
@inline function run_counted(n: u32, bytes: u32): void {
  set_gpr(CX, gpr(CX) - n);
  room -= n;
  work += RUN + (bytes >> 4);
}

// @ts-ignore: decorator
@inline function linear(segment: u32, offset: u32, size: u32, write: bool): u64 {
  unchecked = flat && (segment == DS || segment == ES || segment == SS) ? FLAT : 0;
  return unchecked ? offset : segment_address(segment, offset, size, write);
}

/** Host address for an element, by the TLB or its fill; 0 if it faulted. */
// @ts-ignore: decorator
@inline function host(address: u64, size: u32, write: bool): usize {
  const a = <u32> address;
  const e = tlb_entry(a);
  const tag = ((a + size - 1) & ~0xfff) | load<u32>(CPU + C_TLB_TAG);
  if (load<u32>(e + (write ? TLB_WRITE : TLB_READ)) == tag) return a + load<u32>(e + TLB_ADDEND);
  return tlb_fill(address, size, unchecked | (write ? WRITE : READ));
}

/** Host address of the element that SI names, 0 if it faulted; `from` is its linear address then. */
// @ts-ignore: decorator
@inline function source_element(size: u32): usize {
  from = linear(source_segment, index(SI), size, false);
  return from == ~0 ? 0 : host(from, size, false);
}

/** Host address of the element that DI names, 0 if it faulted; `to` is its linear address then. */
// @ts-ignore: decorator
@inline function target_element(size: u32, write: bool): usize {
  to = linear(ES, index(DI), size, write);
  return to == ~0 ? 0 : host(to, size, write);
}

let from: u64 = 0;
let to: u64 = 0;

function fetch(p: usize, size: u32): u32 {
  return size == 1 ? load<u8>(p) : size == 2 ? load<u16>(p) : load<u32>(p);
}

function put(p: usize, v: u32, size: u32): bool {
  if (size == 1) store<u8>(p, <u8> v);
  else if (size == 2) store<u16>(p, <u16> v);
  else store<u32>(p, v);
  return p != CPU + SPLIT || cpu_commit();
}

/** Elements that may be moved in one go from `address` on, within its page, at most `count`. */
function run_length(address: u64, count: u32, size: u32): u32 {
  const fit: u32 = (<u32> 4096 - (<u32> address & 0xfff)) / size;
  return fit < count ? fit : count;
}

/** A run is about to be written: what the TLB's fill said of its first element holds for all of it. */
// @ts-ignore: decorator
@inline function run_written(target: usize, bytes: u32): void {
  const mfn = <u32> ((target - MACHINE) >> 12);
  if (page(mfn).code) frame_written(mfn, <u32> (target - MACHINE) & 0xfff, bytes);
}

/** MOVS. Returns 0 if it faulted or is to be continued. */
export function cpu_movs(rec: u32, size: u32): u32 {
  begin(rec, size);
  while (true) {
    const count: u32 = repeat ? index(CX) : 1;
    if (!count) return end(1);
    if (!room) return end(0);
    const source = source_element(size);
    if (!source) return end(0);
    if (source == CPU + SPLIT) {
      // the gathered bytes would be overwritten by the destination's
      const v = fetch(source, size);
      const p = target_element(size, true);
      if (!p || !put(p, v, size)) return end(0);
    } else {
      const target = target_element(size, true);
      if (!target) return end(0);
      if (repeat && flat && step > 0 && room > 1 && target != CPU + SPLIT) {
        let n = run_length(from, run_length(to, count, size), size);
        if (n > room) n = room;
        if (n > 1) {
          const bytes = n * size;
          run_written(target, bytes);
          // a destination just above the source repeats the pattern: only then element by element
          if (target <= source || target >= source + bytes) memory.copy(target, source, bytes);
          else copy_up(target, source, n, size);
          set_gpr(SI, gpr(SI) + bytes);
          set_gpr(DI, gpr(DI) + bytes);
          run_counted(n, bytes);
          continue;
        }
      }
      if (!put(target, fetch(source, size), size)) return end(0);
    }
    advance(SI, step);
    advance(DI, step);
    if (!repeat) return 1;
    counted();
  }
}

function copy_up(to: usize, from: usize, n: u32, size: u32): void {
  for (let i: u32 = 0; i < n; i++) {
    const v = fetch(from + i * size, size);
    if (size == 1) store<u8>(to + i, <u8> v);
    else if (size == 2) store<u16>(to + i * 2, <u16> v);
    else store<u32>(to + i * 4, v);
  }
}

/** STOS. Returns 0 if it faulted or is to be continued. */
export function cpu_stos(rec: u32, size: u32): u32 {
  begin(rec, size);
  const v = gpr(0);
  while (true) {
    const count: u32 = repeat ? index(CX) : 1;
    if (!count) return end(1);
    if (!room) return end(0);
    const target = target_element(size, true);
    if (!target) return end(0);
    if (repeat && flat && step > 0 && room > 1 && target != CPU + SPLIT) {
      let n = run_length(to, count, size);
      if (n > room) n = room;
      if (n > 1) {
        const bytes = n * size;
        run_written(target, bytes);
        fill(target, v, n, size);
        set_gpr(DI, gpr(DI) + bytes);
        run_counted(n, bytes);
        continue;
      }
    }
    if (!put(target, v, size)) return end(0);
    advance(DI, step);
    if (!repeat) return 1;
    counted();
  }
}

function fill(to: usize, v: u32, n: u32, size: u32): void {
  const b = v & 0xff;
  const uniform = size == 1 || (size == 2 ? (v & 0xffff) == b * 0x101 : v == b * 0x1010101);
  if (uniform) memory.fill(to, <u8> b, n * size);
  else if (size == 2) { for (let i: u32 = 0; i < n; i++) store<u16>(to + i * 2, <u16> v); }
  else for (let i: u32 = 0; i < n; i++) store<u32>(to + i * 4, v);
}

/** LODS. Returns 0 if it faulted or is to be continued. */
export function cpu_lods(rec: u32, size: u32): u32 {
  begin(rec, size);
  while (true) {
    if (repeat && !index(CX)) return end(1);
    if (!room) return end(0);
    const source = source_element(size);
    if (!source) return end(0);
    if (size == 4) set_gpr(0, load<u32>(source));
    else if (size == 2) store<u16>(CPU, load<u16>(source));
    else store<u8>(CPU, load<u8>(source));
    advance(SI, step);
    if (!repeat) return 1;
    counted();
  }
}

/** Flags of a - b. */
function compare(a: u32, b: u32, size: u32): void {
  const shift = 32 - size * 8;
  const r = a - b;
  const borrows = (~a & b) | ((~a | b) & r);
  store<i64>(CPU + C_FLAG_RES, <i64> (<i32> (r << shift) >> shift));
  store<u32>(CPU + C_FLAG_AUX, ((borrows << shift) & 0xc0000000) | (borrows & 8));
}

/** True if a repeated comparison goes on after one that was (not) equal. */
// @ts-ignore: decorator
@inline function goes_on(equal: bool): bool {
  return equal ? (repeat & PREFIX_REP) != 0 : (repeat & PREFIX_REPNE) != 0;
}

/**
 * CMPS and SCAS: compares what SI names, or the accumulator, with what DI names.
 *
 * @param in_memory whether the left side is in memory (CMPS)
 */
// @ts-ignore: decorator
@inline function comparison(rec: u32, size: u32, in_memory: bool): u32 {
  begin(rec, size);
  let a: u32 = gpr(0) & (size == 4 ? ~0 : (1 << (size * 8)) - 1);
  while (true) {
    if (repeat && !index(CX)) return end(1);
    if (!room) return end(0);
    if (in_memory) {
      const p = source_element(size);
      if (!p) return end(0);
      a = fetch(p, size);
    }
    const p = target_element(size, false);
    if (!p) return end(0);
    const b = fetch(p, size);
    compare(a, b, size);
    if (in_memory) advance(SI, step);
    advance(DI, step);
    if (!repeat) return 1;
    counted();
    if (!goes_on(a == b)) return end(1);
  }
}

/** CMPS. Returns 0 if it faulted or is to be continued. */
export function cpu_cmps(rec: u32, size: u32): u32 {
  return comparison(rec, size, true);
}

/** SCAS. Returns 0 if it faulted or is to be continued. */
export function cpu_scas(rec: u32, size: u32): u32 {
  return comparison(rec, size, false);
}
