/**
 * Regions: what is translated together. A region begins at the block that was found hot and takes in
 * the blocks that its direct jumps lead to, as far as the interpreter has linked them (which says that
 * they were taken, and that they lie in the same frame).
 */
import {
  PREFIX_LINKABLE,
  REC_A,
  REC_B,
  REC_BASE,
  REC_COUNT,
  REC_DELTA,
  REC_DISP,
  REC_HANDLER,
  REC_IMM,
  REC_INDEX,
  REC_LENGTH,
  REC_LINK,
  REC_PREFIX,
  REC_SCALE,
  REC_SEG,
  RECORD_SIZE,
} from "../../core/wasm/layout.ts";
import { type Handler, handlerPlan, SPECIAL } from "../isa/plan.ts";

/** A decoded record with the handler that the decoder chose for it. */
export interface DecodedInstruction {
  /** Address of the record. */
  record: number;
  handler: Handler | "end";
  a: number;
  b: number;
  base: number;
  index: number;
  immediate: bigint;
  displacement: number;
  /** Bytes from its block's start. */
  delta: number;
  length: number;
  /** Instructions of the block up to and including it. */
  count: number;
  scale: number;
  segment: number;
  prefixes: number;
  /** Record of the direct jump's target, 0 if it is not known. */
  link: number;
}

/** A block of the region. */
export interface RegionBlock {
  /** Address of its first record. */
  record: number;
  /** Bytes from the start of the region's first block; may be negative. */
  offset: number;
  /** A call in the region returns to it. */
  returned: boolean;
  instructions: DecodedInstruction[];
}

export const MAX_BLOCKS = 24;
export const MAX_INSTRUCTIONS = 250;

/** First records that have been given a translation, with the handler they had before. */
export type Translated = Map<number, number>;

const END = SPECIAL.indexOf("end");

/** The handler that a record's handler number stands for, or null if it cannot be translated. */
function handlerOf(number: number): Handler | "end" | null {
  const { handlers, pairs } = handlerPlan();
  if (number === END) return "end";
  if (number < SPECIAL.length) return null;
  const n = number - SPECIAL.length;
  if (n < handlers.length) return handlers[n];
  return pairs[n - handlers.length]?.first ?? null;
}

/** Handlers that exist without any translation. */
export function handlerCount(): number {
  const { handlers, pairs } = handlerPlan();
  return SPECIAL.length + handlers.length + pairs.length;
}

function decode(view: DataView, record: number, translated: Translated): DecodedInstruction | null {
  const number = view.getUint32(record + REC_HANDLER, true);
  const handler = handlerOf(translated.get(record) ?? number);
  if (!handler) return null;
  return {
    record,
    handler,
    a: view.getUint8(record + REC_A),
    b: view.getUint8(record + REC_B),
    base: view.getUint8(record + REC_BASE),
    index: view.getUint8(record + REC_INDEX),
    immediate: view.getBigInt64(record + REC_IMM, true),
    displacement: view.getInt32(record + REC_DISP, true),
    delta: view.getUint16(record + REC_DELTA, true),
    length: view.getUint8(record + REC_LENGTH),
    count: view.getUint8(record + REC_COUNT),
    scale: view.getUint8(record + REC_SCALE),
    segment: view.getUint8(record + REC_SEG),
    prefixes: view.getUint16(record + REC_PREFIX, true),
    link: view.getUint32(record + REC_LINK, true),
  };
}

function isLast(i: DecodedInstruction): boolean {
  return i.handler === "end" || i.handler.row.ends;
}

function readBlock(
  view: DataView,
  record: number,
  offset: number,
  translated: Translated,
): RegionBlock | null {
  const instructions: DecodedInstruction[] = [];
  for (let r = record;; r += RECORD_SIZE) {
    const i = decode(view, r, translated);
    if (!i) return null;
    instructions.push(i);
    if (isLast(i)) return { record, offset, returned: false, instructions };
  }
}

/** Finds the first record of the block at an offset from the region's start, or 0. */
export type BlockFinder = (offset: number) => number;

/**
 * The region that begins at a record.
 *
 * @param find finds blocks that calls return to
 * @returns null if its first block holds something that only the interpreter does
 */
export function findRegion(
  view: DataView,
  record: number,
  translated: Translated,
  find: BlockFinder,
): RegionBlock[] | null {
  const first = readBlock(view, record, 0, translated);
  if (!first) return null;
  const blocks = [first];
  const known = new Map([[record, first]]);
  let size = first.instructions.length;
  const add = (at: number, offset: number): RegionBlock | undefined => {
    const already = known.get(at);
    if (already || !at || blocks.length === MAX_BLOCKS) return already;
    const block = readBlock(view, at, offset, translated);
    if (!block || size + block.instructions.length > MAX_INSTRUCTIONS) return undefined;
    known.set(at, block);
    blocks.push(block);
    size += block.instructions.length;
    return block;
  };
  for (let n = 0; n < blocks.length; n++) {
    const { offset } = blocks[n];
    for (const i of blocks[n].instructions) {
      if (i.link && i.prefixes & PREFIX_LINKABLE) add(i.link, offset + i.displacement);
      if (i.handler === "end" || !i.handler.row.name.startsWith("call")) continue;
      const behind = offset + i.delta + i.length;
      const site = add(find(behind), behind);
      if (site && site.offset === behind) site.returned = true;
    }
  }
  return blocks;
}
