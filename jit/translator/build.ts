/**
 * Builds the module for a batch of regions: one function each, with the interpreter's memory, function
 * table and helpers imported. A region's function has a handler's type: it takes the place of its first
 * record's handler.
 */
import binaryen from "binaryen";
import { REC_LINK } from "../../core/wasm/layout.ts";
import { PLACE_REGISTER } from "../isa/forms.ts";
import { parseRow } from "../isa/rows.ts";
import { ALL_HELPERS, HELPERS } from "../semantics/runtime.ts";
import { meaningOf } from "../semantics/mod.ts";
import { binaryenType } from "../semantics/value.ts";
import { EXITS, HELPER_NAMES, RegionContext } from "./binding.ts";
import type { DecodedInstruction, RegionBlock } from "./region.ts";
import { regionState } from "./state.ts";

const NONE = parseRow("00 none");
const JUMP = parseRow("e9 jmp Jz ends");

/** Functions of the interpreter that translated code tail-calls. */
const ROADS: [name: string, parameters: number][] = [
  ["resume", 0],
  ["link", 1],
  ["lookup", 0],
  ["fault", 1],
];

/** Passes whose cost grows with the region, not with its square; V8 does the rest. */
const TIDY = [
  "simplify-locals-nostructure",
  "vacuum",
  "simplify-locals",
  "vacuum",
];

/**
 * @param regions each a list of blocks, the entry first
 * @returns the module's bytes; it exports the regions' functions as "0", "1", …
 */
export function buildRegions(regions: RegionBlock[][]): Uint8Array<ArrayBuffer> {
  const m = new binaryen.Module();
  m.setFeatures(binaryen.Features.All);
  m.setMemory(1024, -1);
  m.addMemoryImport("0", "env", "memory");
  m.addTable("handlers", 1, 0xffffffff);
  m.addTableImport("handlers", "env", "handlers");
  const i32 = binaryen.i32;
  for (const [name, n] of ROADS) {
    m.addFunctionImport(name, "env", name, n ? i32 : binaryen.none, i32);
  }
  for (const name of HELPER_NAMES) {
    const h = ALL_HELPERS[name];
    const parameters = binaryen.createType(h.parameters.map(binaryenType));
    const result = h.result === null ? binaryen.none : binaryenType(h.result);
    m.addFunctionImport(name, "env", name, parameters, result);
  }
  regions.forEach((blocks, i) => {
    addRegion(m, `region${i}`, blocks);
    m.addFunctionExport(`region${i}`, String(i));
  });
  m.runPasses([...TIDY, "remove-unused-module-elements"]);
  const out = Uint8Array.from(m.emitBinary());
  m.dispose();
  return out;
}

function addRegion(m: binaryen.Module, name: string, blocks: RegionBlock[]): void {
  const x = new RegionContext(m, NONE, 4, PLACE_REGISTER, false, null);
  const numbers = new Map(blocks.map((b, i) => [b.record, i]));
  const returns = blocks.flatMap((b, number) => b.returned ? [{ number, offset: b.offset }] : []);
  x.state = regionState(x, numbers, returns);
  // the bodies first: they find out which registers are used
  const bodies = blocks.map((block) => x.block(() => emitBlock(m, x, block)));
  const entry = x.block(() => x.loadAll());
  x.emit(entry);
  x.emit(wrapExits(m, x, loopOver(m, x, bodies)));
  m.addFunction(name, binaryen.i32, binaryen.i32, x.localTypes, x.body());
}

/** All blocks in one loop, entered by number. */
function loopOver(m: binaryen.Module, x: RegionContext, bodies: number[]): number {
  if (bodies.length === 1) return m.loop("blocks", bodies[0]);
  const labels = bodies.map((_, i) => `block${i}`);
  let inner = m.switch(labels, labels[0], x.get(x.state.next));
  bodies.forEach((body, i) => {
    inner = m.block(null, [m.block(labels[i], [inner]), body]);
  });
  return m.loop("blocks", inner);
}

/** The code behind each exit label: everything is written back, then a tail call leads on. */
function wrapExits(m: binaryen.Module, x: RegionContext, loop: number): number {
  const { state } = x;
  const code: Record<(typeof EXITS)[number], () => void> = {
    link: () => {
      x.storeAll(state.target);
      x.if(x.leS(state.budget, 0), () => x.tail("resume"));
      const to = x.load(4, state.record, REC_LINK);
      x.if(to, () => x.dispatch(to));
      x.tail("link", state.record);
    },
    lookup: () => {
      x.storeAll(state.target);
      x.if(x.leS(state.budget, 0), () => x.tail("resume"));
      x.tail("lookup");
    },
    again: () => {
      x.storeAll(state.target);
      x.tail("resume");
    },
    fault: () => {
      x.storeAll(state.eip);
      x.tail("fault", state.record);
    },
    record: () => {
      x.storeAll(state.eip);
      x.dispatch(state.record);
    },
  };
  let inner = loop;
  for (const exit of EXITS) {
    inner = m.block(null, [m.block(exit, [inner]), x.block(code[exit])]);
  }
  return inner;
}

function emitBlock(m: binaryen.Module, x: RegionContext, block: RegionBlock): void {
  let before = x;
  x.forgetFlags();
  for (const i of block.instructions) {
    const y = contextOf(m, i, before);
    if (i.handler === "end") y.jumpRelative();
    else if (i.handler.row.slow) y.leave(i.handler.row.slow as keyof typeof HELPERS);
    else meaningOf(i.handler.row.name)(y);
    before = y;
  }
}

function contextOf(
  m: binaryen.Module,
  i: DecodedInstruction,
  before: RegionContext,
): RegionContext {
  if (i.handler === "end") return new RegionContext(m, JUMP, 4, PLACE_REGISTER, false, i, before);
  const { row, size, place, noFlags } = i.handler;
  return new RegionContext(m, row, size, place, noFlags, i, before);
}
