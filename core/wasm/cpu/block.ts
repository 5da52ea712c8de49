// Blocks: runs of records with one way in.
//
// A conditional jump that is not taken simply goes on to the next record, so a block has many ways
// out. It ends at an instruction that always leaves, at the page's end, or at MAX_BLOCK. Once decoded
// it is looked at as a whole: flags that nobody will see are not computed, and neighbours that go
// together are joined.
import {
  MODE_LONG,
  PREFIX_LINKABLE,
  PREFIX_OP16,
  REC_COUNT,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_PREFIX,
  RECORD_SIZE,
} from "../layout";
import {
  decode_one,
  decoded_attr,
  decoded_in_memory,
  decoded_place,
  decoded_relative,
  decoded_row,
  handler_of,
  special_record,
} from "./decode";
import {
  H_END,
  H_LONG_END,
  MAX_BLOCK,
  ROW_SIZE,
  ROW_WRITES,
  ROW_READS,
  ROW_MAY_WRITE,
  ATTR_ENDS,
  ATTR_MAY_FAULT,
  ATTR_NO_FLAGS,
  ATTR_EXITS,
} from "./rows";
import { LONG, PAIR_MASK, PAIRS, ROWS } from "./tables";

/** Bytes and instructions of the block decoded last. */
export let block_bytes: u32 = 0;
export let block_count: u32 = 0;

/** Row and attributes by instruction, for the liveness pass. */
const ROW_OF: usize = memory.data(64 * 2);
const ATTR_OF: usize = memory.data(64);
const PLACE_OF: usize = memory.data(64);

/**
 * Decodes a block into records at `rec` (room for MAX_BLOCK + 1 records).
 *
 * @param p host address of the first byte
 * @param limit end of the readable bytes
 * @param offset page offset of the first byte, for links
 * @param most how many instructions at the most
 * @returns how many records were written; 0 if already the first instruction reaches past `limit`
 */
export function decode_block(
  p: usize,
  limit: usize,
  rec: usize,
  offset: u32,
  mode: u32,
  most: u32,
): u32 {
  let delta: u32 = 0;
  let n: u32 = 0;
  let ends = false;
  while (n < most) {
    const r = rec + <usize> n * RECORD_SIZE;
    const length = decode_one(p + delta, limit, r, delta, mode);
    if (length == 0) break;
    store<u8>(r + REC_COUNT, n + 1);
    store<u16>(ROW_OF + (n << 1), <u16> decoded_row);
    let attr = decoded_attr;
    if (decoded_in_memory) attr |= ATTR_MAY_FAULT;
    store<u8>(ATTR_OF + n, <u8> attr);
    store<u8>(PLACE_OF + n, <u8> decoded_place);
    if (decoded_row >= 0 && decoded_relative && most > 1) mark_linkable(r, offset);
    n++;
    delta += length;
    if (attr & ATTR_ENDS) {
      ends = true;
      break;
    }
  }
  if (n == 0) return 0;
  block_bytes = delta;
  block_count = n;
  drop_dead_flags(rec, n, mode);
  if (most > 1) join_pairs(rec, n);
  if (ends) return n;
  const r = rec + <usize> n * RECORD_SIZE;
  special_record(r, LONG && mode & MODE_LONG ? H_LONG_END : H_END, delta, 0);
  store<u8>(r + REC_COUNT, n);
  store<i32>(r + REC_DISP, delta);
  if (LONG) store<i64>(r + REC_IMM, delta);
  if (most > 1) mark_linkable(r, offset);
  return n + 1;
}

/** A direct jump to the same page keeps its meaning for as long as the page's records live. */
function mark_linkable(r: usize, offset: u32): void {
  const target = <i32> offset + load<i32>(r + REC_DISP);
  const prefix = load<u16>(r + REC_PREFIX);
  if (target >= 0 && target < 4096 && !(prefix & PREFIX_OP16)) {
    store<u16>(r + REC_PREFIX, prefix | PREFIX_LINKABLE);
  }
}

/**
 * Chooses the variant without flags where every flag an instruction writes is written again before
 * anything can read it: by an instruction, or by whoever looks at the state after leaving the block.
 */
function drop_dead_flags(rec: usize, n: u32, mode: u32): void {
  let live: u32 = 63;
  for (let i = <i32> n - 1; i >= 0; i--) {
    const row = <i32> (<i16> load<u16>(ROW_OF + (i << 1)));
    const attr: u32 = load<u8>(ATTR_OF + i);
    if (row < 0) {
      live = 63;
      continue;
    }
    const info = ROWS + <usize> row * ROW_SIZE;
    const writes: u32 = load<u8>(info + ROW_WRITES);
    if ((attr & ATTR_NO_FLAGS) && (<u32> load<u8>(info + ROW_MAY_WRITE) & live) == 0) {
      const r = rec + <usize> i * RECORD_SIZE;
      const handler = handler_of(row, load<u16>(r + REC_PREFIX), load<u8>(PLACE_OF + i), 1, mode);
      if (handler) store<u32>(r + REC_HANDLER, handler);
    }
    if (attr & (ATTR_EXITS | ATTR_MAY_FAULT)) live = 63;
    else live = (live & ~writes) | load<u8>(info + ROW_READS);
  }
}

/**
 * Gives a record the handler that does its instruction and the next one, where there is such a pair
 * (jit/isa/pairs.ts). The second record stays as it is.
 */
function join_pairs(rec: usize, n: u32): void {
  for (let i: u32 = 0; i + 1 < n; i++) {
    const r = rec + <usize> i * RECORD_SIZE;
    const first = load<u32>(r + REC_HANDLER);
    const second = load<u32>(r + RECORD_SIZE + REC_HANDLER);
    const key = first << 16 | second;
    let slot: usize = (first * 31 + second) & PAIR_MASK;
    while (load<u32>(PAIRS + (slot << 3))) {
      if (load<u32>(PAIRS + (slot << 3)) == key) {
        store<u32>(r + REC_HANDLER, load<u32>(PAIRS + (slot << 3) + 4));
        i++;
        break;
      }
      slot = (slot + 1) & PAIR_MASK;
    }
  }
}
