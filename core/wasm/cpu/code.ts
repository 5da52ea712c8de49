// The block cache: decoded blocks by the machine address of their first byte.
//
// A block's records lie in one arena that is only ever filled up and then emptied as a whole. Three
// things lead to a block: the jump cache (by EIP, fast, guarded by a tag), links between blocks of the
// same frame (in REC_LINK), and the hash here (by machine address and mode, exact).
//
// When guest code is overwritten, the blocks of that frame are made stale in place: every record's
// handler is replaced, so that whoever still holds a way to one, even a block at work at this very
// moment, comes back to the run loop before the next instruction.
import {
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_CACHE_ENTRY_SIZE,
  JUMP_EIP,
  JUMP_RECORD,
  JUMP_TAG,
  JUMP_TAG_SPREAD,
  MACHINE,
  MODE_CODE32,
  MODE_CODE_FLAT,
  MODE_FLAT,
  MODE_LONG,
  MODE_USER,
  REC_HANDLER,
  RECORD_SIZE,
  RECORDS,
  RECORDS_END,
  TLB,
} from "../layout";
import { page } from "../frames/page";
import { tlb_drop_writers } from "../pagetables/tlb";
import { trace_code } from "../trace";
import { block_bytes, decode_block } from "./block";
import { H_EXIT, H_STALE, MAX_BLOCK } from "./rows";

/** A record whose handler returns to the host. */
export const EXIT_RECORD: u32 = RECORDS;
/** Where blocks that must not be kept are decoded: single steps, instructions across a page's end. */
export const TRANSIENT: usize = RECORDS + RECORD_SIZE;
const ARENA: usize = RECORDS + RECORD_SIZE * 8;

const HASH_BITS: u32 = 13;
const HASH_SIZE: usize = (1 << HASH_BITS) * 4;
/** Blocks in a bucket before all are dropped: the arena has room for a dozen in each. */
const LONGEST: u32 = 128;
const BLOCKS: usize = ARENA + HASH_SIZE;

// A block's header, in the place of a record before its first one.
const B_ADDRESS: usize = 0; // u64: machine address of the first byte
const B_MODE: usize = 8; // u32
const B_HASH_NEXT: usize = 12; // u32: header
const B_FRAME_NEXT: usize = 16; // u32: header
const B_RECORDS: usize = 20; // u32

// A frame's code descriptor (PageInfo.code), in the arena as well.
const F_CHUNKS: usize = 0; // u64: bit n = bytes 64 n .. 64 n + 63 were decoded
const F_BLOCKS: usize = 8; // u32: header of its first block
const F_MFN: usize = 12; // u32
const F_NEXT: usize = 16; // u32: next descriptor

let next: usize = 0;
let descriptors: usize = 0;
/** Counts how often everything was dropped: a record found before may be gone. */
export let generation: u32 = 0;

/** Forgets all decoded code. */
export function drop_all_code(): void {
  trace_code(true, 0);
  for (let d = descriptors; d; d = load<u32>(d + F_NEXT)) page(load<u32>(d + F_MFN)).code = 0;
  descriptors = 0;
  next = BLOCKS;
  generation++;
  memory.fill(ARENA, 0, HASH_SIZE);
  memory.fill(EXIT_RECORD, 0, RECORD_SIZE);
  store<u32>(EXIT_RECORD + REC_HANDLER, H_EXIT);
  jump_cache_flush();
}

/** For the translator: changes whenever all records are dropped. */
export function code_generation(): u32 {
  return generation;
}

let made: u32 = 0;

/** For the translator: changes whenever a block is decoded. */
export function code_made(): u32 {
  return made;
}

/** Empties the jump cache. */
export function jump_cache_flush(): void {
  memory.fill(JUMP_CACHE, 0xff, JUMP_CACHE_ENTRIES * JUMP_CACHE_ENTRY_SIZE);
}

// @ts-ignore: decorator
@inline export function jump_entry(eip: u64, tag: u32): usize {
  const low = <u32> eip;
  const hash = low ^ (low >> 12) ^ (tag * JUMP_TAG_SPREAD);
  return JUMP_CACHE + <usize> (hash & (JUMP_CACHE_ENTRIES - 1)) * JUMP_CACHE_ENTRY_SIZE;
}

/** The record that a jump cache entry has for an EIP; 0 if none. Overwritten code leaves its way in behind. */
// @ts-ignore: decorator
@inline export function cached_record(entry: usize, eip: u64, tag: u32): u32 {
  if (load<u64>(entry + JUMP_EIP) != eip || load<u32>(entry + JUMP_TAG) != tag) return 0;
  const rec = load<u32>(entry + JUMP_RECORD);
  return load<u32>(<usize> rec + REC_HANDLER) == H_STALE ? 0 : rec;
}

/** The mode bits that change what bytes decode to. */
// @ts-ignore: decorator
@inline function decode_mode(mode: u32): u32 {
  return mode & (MODE_CODE32 | MODE_FLAT | MODE_CODE_FLAT | MODE_LONG | MODE_USER);
}

// @ts-ignore: decorator
@inline function bucket(address: u64, mode: u32): usize {
  const h = (<u32> address * 0x9e3779b1) ^ (mode * 0x85ebca6b);
  return ARENA + <usize> (h >> (32 - HASH_BITS)) * 4;
}

/**
 * The first record of the block at a machine address.
 *
 * @returns 0 if its first instruction reaches past the frame's end
 */
export function find_block(address: u64, mode: u32): u32 {
  const m = decode_mode(mode);
  if (!next) drop_all_code();
  let passed: u32 = 0;
  for (let b: usize = load<u32>(bucket(address, m)); b; b = load<u32>(b + B_HASH_NEXT)) {
    if (load<u64>(b + B_ADDRESS) == address && load<u32>(b + B_MODE) == m) {
      return <u32> (b + RECORD_SIZE);
    }
    passed++;
  }
  // only a guest that picks its addresses for it fills one bucket
  if (passed > LONGEST) drop_all_code();
  return make_block(address, m);
}

/** Whether a record is the first of the block at a machine address, and not stale. */
export function is_block(rec: u32, address: u64, mode: u32): bool {
  const b = <usize> rec - RECORD_SIZE;
  return load<u64>(b + B_ADDRESS) == address && load<u32>(b + B_MODE) == decode_mode(mode) &&
    load<u32>(rec + REC_HANDLER) != H_STALE;
}

function make_block(address: u64, mode: u32): u32 {
  if (next + (MAX_BLOCK + 4) * RECORD_SIZE > <usize> RECORDS_END) drop_all_code();
  const mfn = <u32> (address >> 12);
  const frame = MACHINE + (<usize> mfn << 12);
  const offset = <u32> address & 0xfff;
  const pg = page(mfn);
  let descriptor: usize = pg.code;
  let b = next;
  if (!descriptor) b += RECORD_SIZE;
  const n = decode_block(frame + offset, frame + 4096, b + RECORD_SIZE, offset, mode, MAX_BLOCK);
  if (!n) return 0;
  if (!descriptor) {
    descriptor = next;
    memory.fill(descriptor, 0, RECORD_SIZE);
    store<u32>(descriptor + F_MFN, mfn);
    store<u32>(descriptor + F_NEXT, <u32> descriptors);
    descriptors = descriptor;
    pg.code = <u32> descriptor;
    tlb_drop_writers(mfn);
  }
  next = b + <usize> (n + 1) * RECORD_SIZE;
  made++;
  store<u64>(b + B_ADDRESS, address);
  store<u32>(b + B_MODE, mode);
  store<u32>(b + B_RECORDS, n);
  store<u32>(b + B_FRAME_NEXT, load<u32>(descriptor + F_BLOCKS));
  store<u32>(descriptor + F_BLOCKS, <u32> b);
  const head = bucket(address, mode);
  store<u32>(b + B_HASH_NEXT, load<u32>(head));
  store<u32>(head, <u32> b);
  store<u64>(descriptor + F_CHUNKS, load<u64>(descriptor + F_CHUNKS) | chunks(offset, block_bytes));
  return <u32> (b + RECORD_SIZE);
}

/** Bits of the 64-byte pieces that `length` bytes at `offset` touch. */
function chunks(offset: u32, length: u32): u64 {
  const first = offset >> 6;
  const last = (offset + length - 1) >> 6;
  return (<u64> -1 << first) & (<u64> -1 >> (63 - (last < 63 ? last : 63)));
}

/**
 * To be called after machine memory was written other than through the TLB: drops the blocks decoded
 * from the bytes written.
 *
 * @param offset byte offset in the frame
 * @param length bytes, within the frame
 */
export function frame_written(mfn: u32, offset: u32, length: u32): void {
  const pg = page(mfn);
  const descriptor: usize = pg.code;
  if (!descriptor || !length) return;
  if (!(load<u64>(descriptor + F_CHUNKS) & chunks(offset, length))) return;
  trace_code(false, mfn);
  for (let b: usize = load<u32>(descriptor + F_BLOCKS); b; b = load<u32>(b + B_FRAME_NEXT)) {
    unlink(b);
    const n: usize = load<u32>(b + B_RECORDS);
    for (let i: usize = 1; i <= n; i++) store<u32>(b + i * RECORD_SIZE + REC_HANDLER, H_STALE);
  }
  // the descriptor stays (writes go on to be watched), with nothing under it
  store<u32>(descriptor + F_BLOCKS, 0);
  store<u64>(descriptor + F_CHUNKS, 0);
}

/** Takes a block out of its bucket: code that is overwritten again and again leaves no trail. */
function unlink(b: usize): void {
  let at = bucket(load<u64>(b + B_ADDRESS), load<u32>(b + B_MODE));
  while (load<u32>(at) != <u32> b) at = <usize> load<u32>(at) + B_HASH_NEXT;
  store<u32>(at, load<u32>(b + B_HASH_NEXT));
}
