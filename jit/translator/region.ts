/**
 * Regions: what is translated together. A region begins at the block that was found hot and takes in
 * the blocks of the same page that its direct jumps and calls lead to, as far as the interpreter knows
 * them (which says that they were run), and those that its calls and slow instructions come back to.
 * Blocks of other pages are taken in where the region was seen to be left for them; the way there is
 * guarded (binding.ts).
 *
 * The interpreter's blocks overlap: one goes on past conditional jumps that are not taken, and begins
 * anew where a jump leads into the middle. Here each instruction belongs to one block only: a block
 * ends where another begins.
 */
import {
  JIT_EXIT_INDIRECT,
  JIT_EXIT_RETURN,
  MODE_USER,
  PREFIX_OP16,
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
  /** The handler's number. */
  number: number;
  a: number;
  b: number;
  base: number;
  index: number;
  immediate: bigint;
  displacement: number;
  /** Bytes from the start of the interpreter's block that the record belongs to. */
  delta: number;
  length: number;
  /** Instructions of that block up to and including it. */
  count: number;
  scale: number;
  segment: number;
  prefixes: number;
  /** Record of the direct jump's target, 0 if it is not known. */
  link: number;
  /** The direct jump's target as a block of the region, -1 if it lies outside. */
  target: number;
  /** The block behind an instruction that leaves by a helper, -1 if it is none or lies outside. */
  behind: number;
}

/** A block of the region. */
export interface RegionBlock {
  /** Address of its first record. */
  record: number;
  /** Bytes from the start of the region's first block; may be negative. */
  offset: number;
  /** Its page: so many further on than the first block's. */
  page: number;
  /** It runs in ring 3. */
  user: boolean;
  /** A call in the region returns to it, or an indirect jump is known to lead to it. */
  returned: boolean;
  jumpedTo: boolean;
  instructions: DecodedInstruction[];
  /** The block that it runs into, -1 if it ends with a jump. */
  next: number;
}

export const MAX_BLOCKS = 80;
export const MAX_INSTRUCTIONS = 500;

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
  const present = view.getUint32(record + REC_HANDLER, true);
  const number = present < handlerCount() ? present : translated.get(record) ?? 0;
  const handler = handlerOf(number);
  if (!handler) return null;
  return {
    record,
    handler,
    number,
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
    target: -1,
    behind: -1,
  };
}

function isLast(i: DecodedInstruction): boolean {
  return i.handler === "end" || i.handler.row.ends;
}

/** A block as the interpreter has it, up to the jump that ends it. */
function readBlock(view: DataView, record: number, translated: Translated): DecodedInstruction[] {
  const instructions: DecodedInstruction[] = [];
  for (let r = record;; r += RECORD_SIZE) {
    const i = decode(view, r, translated);
    if (!i) return [];
    instructions.push(i);
    if (isLast(i)) return instructions;
  }
}

/** Finds the first record of the block at an offset from the region's start, or 0. */
export type BlockFinder = (offset: number) => number;

/** Blocks that the region was seen to be left for: by offset, the way it was left, JIT_EXIT_*. */
export type Learned = ReadonlyMap<number, number>;

/** Where a block lies in machine memory: its header says so, in the place before its first record. */
function machineAddress(view: DataView, record: number): bigint {
  return view.getBigUint64(record - RECORD_SIZE, true);
}

/** The mode that a block was decoded for, from its header. */
function decodedMode(view: DataView, record: number): number {
  return view.getUint32(record - RECORD_SIZE + 8, true);
}

const HYPERCALL_VECTOR = 0x82;

const DIRECT = /^(jcc|jmp|call|jcxz|loop(n?e)?)$/;

/** True for a direct jump, call or loop; links lead within the page only. */
function isDirect(i: DecodedInstruction): boolean {
  if (i.prefixes & PREFIX_OP16) return false;
  return i.handler === "end" || DIRECT.test(i.handler.row.name);
}

const LEAVES = /^(popf|mov_to_sreg|pop_sreg|load_far|into)$/;

/** True for what a helper does, which mostly comes back to the next instruction. */
function leaves(i: DecodedInstruction): boolean {
  return i.handler !== "end" && (i.handler.row.slow !== "" || LEAVES.test(i.handler.row.name));
}

/** INT n and IRET, which the interpreter does in one call: a region that begins there would be entered to be left. */
function entersAnotherRing(i: DecodedInstruction): boolean {
  if (i.handler === "end") return false;
  const { slow } = i.handler.row;
  return slow === "insn_iret" ||
    slow === "insn_int" && (Number(i.immediate) & 0xff) !== HYPERCALL_VECTOR;
}

function isCall(i: DecodedInstruction): boolean {
  return i.handler !== "end" && i.handler.row.name.startsWith("call");
}

/**
 * The region that begins at a record.
 *
 * @param page offset of the first block in its page
 * @param find finds blocks by their offset from the first
 * @param learned what else belongs to it
 * @returns null if its first block holds something that only the interpreter does, or begins with what that does
 *   in one call
 */
export function findRegion(
  view: DataView,
  record: number,
  page: number,
  translated: Translated,
  find: BlockFinder,
  learned: Learned = new Map(),
): RegionBlock[] | null {
  const blocks: RegionBlock[] = [];
  const numbers = new Map<number, number>();
  const frames = new Map<number, bigint>();
  const mode = decodedMode(view, record);
  let size = 0;
  const pageOf = (offset: number) => Math.floor((page + offset) / 4096);
  const add = (offset: number, at: number): RegionBlock | null => {
    const known = numbers.get(offset);
    if (known !== undefined) return blocks[known];
    if (!at || decodedMode(view, at) !== mode) return null;
    if (blocks.length === MAX_BLOCKS || size >= MAX_INSTRUCTIONS) return null;
    // one frame to a page: within it jumps are not guarded
    const frame = machineAddress(view, at) >> 12n;
    if ((frames.get(pageOf(offset)) ?? frame) !== frame) return null;
    const instructions = readBlock(view, at, translated);
    if (!instructions.length) return null;
    frames.set(pageOf(offset), frame);
    numbers.set(offset, blocks.length);
    const block = {
      record: at,
      offset,
      page: pageOf(offset),
      user: (mode & MODE_USER) !== 0,
      returned: false,
      jumpedTo: false,
      instructions,
      next: -1,
    };
    blocks.push(block);
    size += instructions.length;
    return block;
  };
  const first = add(0, record);
  if (!first || entersAnotherRing(first.instructions[0])) return null;
  for (const [offset, how] of learned) {
    const block = add(offset, find(offset));
    if (block && how === JIT_EXIT_RETURN) block.returned = true;
    else if (block && how === JIT_EXIT_INDIRECT) block.jumpedTo = true;
  }
  for (let n = 0; n < blocks.length; n++) {
    const { offset, instructions } = blocks[n];
    const near = (to: number) => pageOf(to) === pageOf(offset);
    for (const i of instructions) {
      const to = offset + i.displacement | 0;
      if (isDirect(i) && near(to)) add(to, i.link || find(to));
      const behind = offset + i.delta + i.length;
      if (!near(behind)) continue;
      if (leaves(i)) add(behind, find(behind));
      if (!isCall(i)) continue;
      const site = add(behind, find(behind));
      if (site) site.returned = true;
    }
  }
  split(blocks, numbers);
  return blocks;
}

/** Ends blocks where others begin, and finds the jumps between them. */
function split(blocks: RegionBlock[], numbers: Map<number, number>): void {
  for (const block of blocks) {
    const at = (i: DecodedInstruction) => numbers.get(block.offset + i.delta) ?? -1;
    const end = block.instructions.findIndex((i, n) => n > 0 && i.handler !== "end" && at(i) >= 0);
    if (end > 0) {
      block.next = at(block.instructions[end]);
      block.instructions.length = end;
    }
    const numberOf = (delta: number) => numbers.get(block.offset + delta | 0) ?? -1;
    for (const i of block.instructions) {
      if (isDirect(i)) i.target = numberOf(i.displacement);
      if (leaves(i)) i.behind = numberOf(i.delta + i.length);
    }
  }
}
