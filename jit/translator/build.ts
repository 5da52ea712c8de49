/**
 * Builds the module for a batch of regions: one function each, with the interpreter's memory, function
 * table and helpers imported, and a small one for each way in that has a handler's type: it takes the
 * place of the handler of the first record of the block it leads to.
 */
import type binaryen from "binaryen";
import {
  C_EIP,
  CPU,
  JIT_EXIT_DIRECT,
  JIT_EXITS,
  JIT_EXITS_COUNT,
  JIT_EXITS_ENTRIES,
  MACHINE,
  R_AX,
  REC_LINK,
} from "../../core/wasm/layout.ts";
import { PLACE_REGISTER } from "../isa/forms.ts";
import { parseRow } from "../isa/rows.ts";
import { ALL_HELPERS, type HELPERS } from "../semantics/runtime.ts";
import { meaningOf } from "../semantics/mod.ts";
import { binaryenType, type Value, WASM_TYPES } from "../semantics/value.ts";
import {
  blockLabel,
  DISPATCHER,
  EXITS,
  HELPER_NAMES,
  indirectTargets,
  loopLabel,
  RegionContext,
} from "./binding.ts";
import { WasmModule } from "../wasm/module.ts";
import type { DecodedInstruction, RegionBlock } from "./region.ts";
import { emitRun } from "./runs.ts";
import { regionState } from "./state.ts";
import { type Structure, structure } from "./structure.ts";

const NONE = parseRow("00 none");
const REGISTER_NAMES = "eax ecx edx ebx esp ebp esi edi".split(" ");
const JUMP = parseRow("e9 jmp Jz ends");

/** Functions of the interpreter that translated code tail-calls. */
const ROADS: [name: string, parameters: number][] = [
  ["resume", 0],
  ["link", 1],
  ["lookup", 0],
  ["fault", 1],
];

/** The name under which a module exports a region's way in. */
export function entryName(region: number, block: number): string {
  return `${region}.${block}`;
}

/** The name under which a module exports a call of a region that does nothing, so that it is compiled (warm.ts). */
export const warmName = (region: number): string => `warm${region}`;

/**
 * @param regions each a list of blocks
 * @param profile counts what is run (count.ts)
 * @returns the module's bytes; it exports each region's ways in, as entryName says
 */
export function buildRegions(
  regions: RegionBlock[][],
  profile = false,
): Uint8Array<ArrayBuffer> {
  const m = newModule();
  regions.forEach((blocks, i) => addRegion(m, i, blocks, profile));
  return m.emitBinary();
}

/** What each block of a region becomes, as lines of text. */
export function listRegion(blocks: RegionBlock[]): string[][] {
  const m = newModule(true);
  const { x, bodies } = addRegion(m, 0, blocks, false);
  const { registers, result, aux, budget, target, record } = x.state;
  const names = new Map(registers.map((r, n) => [r.local, REGISTER_NAMES[n]]));
  for (const [name, v] of Object.entries({ result, aux, budget, target, record })) {
    names.set(v.local, name);
  }
  return bodies.map((body) => m.text(body, names));
}

function newModule(keep = false): WasmModule {
  const m = new WasmModule(MACHINE >>> 16, keep);
  const { i32 } = WASM_TYPES;
  for (const [name, n] of ROADS) {
    m.declare(name, { parameters: new Array(n).fill(i32), results: [i32] });
  }
  for (const name of HELPER_NAMES) {
    const { parameters, result } = ALL_HELPERS[name];
    const results = result === null ? [] : [binaryenType(result)];
    m.declare(name, { parameters: parameters.map(binaryenType), results });
  }
  return m;
}

function successors(blocks: RegionBlock[]): number[][] {
  return blocks.map((b) => {
    const to = new Set<number>();
    for (const i of b.instructions) {
      if (i.target >= 0) to.add(i.target);
      if (i.behind >= 0) to.add(i.behind);
      if (i.handler === "end") continue;
      const { name } = i.handler.row;
      if (name === "ret" || name === "jmp_indirect" || name === "call_indirect") {
        for (const n of indirectTargets(blocks, name === "ret")) to.add(n);
      }
    }
    if (b.next >= 0) to.add(b.next);
    return [...to];
  });
}

/** Blocks that are entered: the first; where loops begin, as slices end there; and where handlers come back to. */
function chooseEntries(blocks: RegionBlock[]): Structure {
  const edges = successors(blocks);
  const loose = structure(edges, reachable(edges, [0]));
  const traps = blocks.flatMap((b) => b.instructions.filter((i) => isInt(i) && i.behind >= 0));
  const behind = traps.filter((i) => !isHypercall(i)).map((i) => i.behind);
  return structure(edges, [...new Set([...loose.dispatched, ...loose.loops, ...behind])]);
}

/** The given blocks, and as many others as it takes to reach all. */
function reachable(edges: number[][], entries: number[]): number[] {
  const seen = new Set<number>();
  const all = [...entries];
  const visit = (from: number) => {
    const stack = [from];
    for (let b = stack.pop(); b !== undefined; b = stack.pop()) {
      if (seen.has(b)) continue;
      seen.add(b);
      stack.push(...edges[b]);
    }
  };
  entries.forEach(visit);
  for (let b = 0; b < edges.length; b++) {
    if (seen.has(b)) continue;
    all.push(b);
    visit(b);
  }
  return all;
}

function addRegion(
  w: WasmModule,
  number: number,
  blocks: RegionBlock[],
  profile: boolean,
): { x: RegionContext; bodies: number[] } {
  // the part of Binaryen's interface that an emitter uses
  const m = w as unknown as binaryen.Module;
  const shape = chooseEntries(blocks);
  const x = new RegionContext(m, NONE, 4, PLACE_REGISTER, false, null);
  x.state = regionState(x, blocks, shape.way, profile);
  // the bodies first: they find out which registers are used
  const bodies = blocks.map((_, n) => x.block(() => emitBlock(w, x, n)));
  const entry = x.block(() => {
    // to be called without effect, and without a look at memory
    x.if(x.ltS(x.parameter(0), 0), () => x.tail("resume"));
    x.loadAll();
    x.set(x.state.next, x.parameter(0));
    const eip = x.load(4, CPU, C_EIP);
    x.set(x.state.origin, x.sub(eip, x.parameter(1)));
  });
  x.emit(entry);
  x.emit(wrapExits(m, x, nest(m, x, shape, bodies)));
  const { i32 } = WASM_TYPES;
  const type = { parameters: [i32, i32], results: [i32] };
  w.addFunction(`region${number}`, type, x.localTypes, x.body());
  const nowhere = w.return_call(`region${number}`, [m.i32.const(-1), m.i32.const(0)]);
  w.addFunction(warmName(number), { parameters: [], results: [i32] }, [], nowhere);
  w.addFunctionExport(warmName(number), warmName(number));
  for (const n of shape.dispatched) {
    const name = entryName(number, n);
    const args = [m.i32.const(n), m.i32.const(blocks[n].offset)];
    const call = w.return_call(`region${number}`, args);
    w.addFunction(name, { parameters: [i32], results: [i32] }, [], call);
    w.addFunctionExport(name, name);
  }
  return { x, bodies };
}

/** The bodies nested as the dominator tree has them, under the dispatcher. */
function nest(m: binaryen.Module, x: RegionContext, shape: Structure, bodies: number[]): number {
  const within = (inner: number, children: number[]): number => {
    for (const child of children) {
      inner = m.block(null, [m.block(blockLabel(child), [inner]), place(child)]);
    }
    return inner;
  };
  const place = (n: number): number => {
    const inner = within(bodies[n], shape.children[n]);
    return shape.loops.has(n) ? m.loop(loopLabel(n), inner) : inner;
  };
  const { dispatched } = shape;
  let switching: number;
  if (dispatched.length === 1) switching = m.br(blockLabel(dispatched[0]));
  else {
    const numbered = Array.from({ length: bodies.length }, (_, n) => n);
    const labels = numbered.map((n) => blockLabel(dispatched.includes(n) ? n : dispatched[0]));
    switching = m.switch(labels, labels[0], x.get(x.state.next));
  }
  const all = within(switching, shape.children[bodies.length]);
  return shape.dispatcherLoops ? m.loop(DISPATCHER, all) : all;
}

/** The code behind each exit label: everything is written back, then a tail call leads on. */
function wrapExits(m: binaryen.Module, x: RegionContext, all: number): number {
  const { state } = x;
  const region = state.blocks[0].record;
  const code: Record<(typeof EXITS)[number], () => void> = {
    link: () => {
      x.storeAll(state.target);
      noteExit(x, x.constant(region + JIT_EXIT_DIRECT));
      x.if(x.leS(state.budget, 0), () => x.tail("resume"));
      const to = x.load(4, state.record, REC_LINK);
      x.if(to, () => x.dispatch(to));
      x.tail("link", state.record);
    },
    lookup: () => {
      x.storeAll(state.target);
      noteExit(x, x.add(state.record, region));
      x.if(x.leS(state.budget, 0), () => x.tail("resume"));
      x.tail("lookup");
    },
    again: () => {
      x.storeAll(state.target);
      x.tail("resume");
    },
    fault: () => {
      x.storeAll(state.target);
      x.tail("fault", state.record);
    },
    record: () => {
      x.storeAll(state.target);
      x.handle(state.handler, state.record);
    },
  };
  let inner = all;
  for (const exit of EXITS) {
    inner = m.block(null, [m.block(exit, [inner]), x.block(code[exit])]);
  }
  return inner;
}

/** Lets the translator know where the region is left for. */
function noteExit(x: RegionContext, from: Value): void {
  const n = x.load(4, JIT_EXITS_COUNT);
  x.store(4, JIT_EXITS_COUNT, x.add(n, 1));
  const at = x.shl(x.and(n, JIT_EXITS_ENTRIES - 1), 3);
  x.store(4, at, from, JIT_EXITS);
  x.store(4, at, x.state.target, JIT_EXITS + 4);
}

/** A block's code; once for nothing, to learn which accesses it has. */
function emitBlock(w: WasmModule, x: RegionContext, n: number): void {
  const m = w as unknown as binaryen.Module;
  w.discard(() => x.block(() => emitInstructions(m, x, n, true)));
  emitRun(x, n, () => emitInstructions(m, x, n, false));
  emitInstructions(m, x, n, false);
}

function emitInstructions(
  m: binaryen.Module,
  x: RegionContext,
  n: number,
  recording: boolean,
): void {
  const block = x.state.blocks[n];
  let before = x;
  let accumulator: number | null = null;
  x.begin(recording);
  for (const i of block.instructions) {
    const y = contextOf(m, i, n, before);
    if (i.handler === "end") y.jumpRelative();
    else if (isHypercall(i)) y.hypercall(accumulator);
    else if (i.handler.row.slow) y.leave(i.handler.row.slow as keyof typeof HELPERS);
    else meaningOf(i.handler.row.name)(y);
    accumulator = constantForAccumulator(i);
    before = y;
  }
  if (block.next >= 0) before.runOn();
}

function isInt(i: DecodedInstruction): boolean {
  return i.handler !== "end" && i.handler.row.slow === "insn_int";
}

/** INT 0x82 that comes back into the region. */
function isHypercall(i: DecodedInstruction): boolean {
  return isInt(i) && i.behind >= 0 && (Number(i.immediate) & 0xff) === 0x82;
}

/** What EAX holds behind a MOV of a constant to it; null if it is another instruction. */
function constantForAccumulator({ handler, a, immediate }: DecodedInstruction): number | null {
  const moves = handler !== "end" && handler.row.name === "mov" && handler.size === 4 &&
    handler.row.operands.join() === "Zv,Iv" && a === R_AX;
  return moves ? Number(immediate) | 0 : null;
}

function contextOf(
  m: binaryen.Module,
  i: DecodedInstruction,
  block: number,
  before: RegionContext,
): RegionContext {
  if (i.handler === "end") {
    return new RegionContext(m, JUMP, 4, PLACE_REGISTER, false, i, block, before);
  }
  const { row, size, place, noFlags } = i.handler;
  return new RegionContext(m, row, size, place, noFlags, i, block, before);
}
