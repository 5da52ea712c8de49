/**
 * Adds the interpreter to the core: one WASM function per instruction form, generated from the table
 * and the meanings, in the same module as the core, so that there is one memory and one table.
 *
 * The functions around the handlers, hand-written here:
 *
 * - `resume`: asks the core where to go on (events, faults, end of slice, decoding) and goes there;
 * - `lookup`: finds the block for C_EIP in the jump cache, else resumes;
 * - `link`: as lookup, for a direct jump: the core remembers the target in the record;
 * - `fault`: tells the core that the record's instruction faulted, then resumes;
 * - `machine_run` (exported): one slice.
 */
import binaryen from "binaryen";
import {
  C_EIP,
  C_JUMP_TAG,
  CPU,
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_EIP,
  JUMP_RECORD,
  JUMP_TAG,
  JUMP_TAG_SPREAD,
} from "../../core/wasm/layout.ts";
import { type Handler, handlerPlan, type Pair, SPECIAL } from "../isa/plan.ts";
import { ALL_HELPERS, type Helper, HELPERS } from "../semantics/runtime.ts";
import { meaningOf } from "../semantics/mod.ts";
import { binaryenType } from "../semantics/value.ts";
import { parseRow } from "../isa/rows.ts";
import { HANDLERS, RecordContext } from "./binding.ts";
import { addFreeze } from "./freeze.ts";

/** A row for the functions that belong to no instruction. */
const NONE = parseRow("00 none");

/**
 * @param core the compiled core module
 * @param long it knows 64-bit code: handlers for that, too
 * @param profile counts where blocks are left (layout.ts, PROFILE)
 * @returns the module with the interpreter in it
 * @throws Error if the core lacks a helper or the result does not validate
 */
export function addInterpreter(
  core: Uint8Array,
  long = false,
  profile = false,
): Uint8Array<ArrayBuffer> {
  const m = binaryen.readBinary(core);
  m.setFeatures(binaryen.Features.All);
  bindHelpers(m, long ? ALL_HELPERS : HELPERS);
  addRoads(m, long, profile);
  const plan = handlerPlan(long);
  const names = SPECIAL.map((s) => addSpecial(m, s, profile));
  for (const h of plan.handlers) {
    addHandler(m, h, profile);
    names.push(h.key);
  }
  for (const p of plan.pairs) {
    addPair(m, p, profile);
    names.push(pairName(p));
  }
  m.addTable(HANDLERS, names.length, 0xffffffff); // a translator may add to it
  m.addTableExport(HANDLERS, HANDLERS);
  for (const road of ["resume", "link", "lookup", "fault"]) m.addFunctionExport(road, road);
  m.addActiveElementSegment(HANDLERS, "handlers", names, m.i32.const(0));
  addMachineRun(m);
  addFreeze(m);
  m.runPasses(TIDY);
  if (!m.validate()) throw new Error("the interpreter does not validate");
  const out = Uint8Array.from(m.emitBinary());
  m.dispose();
  return out;
}

/** Passes that fold an emitter's many locals away; cheap, and enough for functions this small. */
const TIDY = [
  "simplify-locals-nostructure",
  "vacuum",
  "optimize-instructions",
  "precompute",
  "simplify-locals",
  "vacuum",
  "reorder-locals",
  "coalesce-locals",
  "local-cse",
  "simplify-locals",
  "vacuum",
  "merge-blocks",
  "remove-unused-brs",
  "optimize-instructions",
  "vacuum",
];

function addFunction(m: binaryen.Module, name: string, parameters: number, x: RecordContext): void {
  // no handler and no road has more than the record
  const p = parameters ? binaryen.i32 : binaryen.none;
  const body = m.block(null, [x.body(), m.unreachable()]);
  m.addFunction(name, p, binaryen.i32, x.localTypes, body);
}

/** Gives each helper the name the meanings call it by, and hides the core's export of it. */
function bindHelpers(m: binaryen.Module, helpers: Record<string, Helper>): void {
  for (const [name, h] of Object.entries(helpers)) {
    const e = m.getExport(name);
    if (!e) throw new Error(`the core exports no ${name}`);
    const internal = binaryen.getExportInfo(e).value;
    const f = binaryen.getFunctionInfo(m.getFunction(internal));
    const parameters = h.parameters.map(binaryenType);
    const result = h.result === null ? binaryen.none : binaryenType(h.result);
    const found = [...binaryen.expandType(f.params)];
    if (found.join() !== parameters.join() || f.results !== result) {
      throw new Error(`${name} has another signature in the core than in jit/semantics/runtime.ts`);
    }
    // A forwarding function under the helper's own name; Binaryen inlines it away.
    const args = parameters.map((t, i) => m.local.get(i, t));
    const call = m.call(internal, args, result);
    m.addFunction(name, f.params, result, [], call);
  }
}

/** @param long RIP may have more than 32 bits */
function addRoads(m: binaryen.Module, long: boolean, profile: boolean): void {
  const dispatchTo = (x: RecordContext, find: () => ReturnType<RecordContext["call"]>) => {
    x.goTo(find());
  };
  {
    const x = road(m, 0);
    dispatchTo(x, () => x.call("cpu_resume"));
    addFunction(m, "resume", 0, x);
  }
  {
    const x = road(m, 1);
    dispatchTo(x, () => x.call("cpu_link", x.record()));
    addFunction(m, "link", 1, x);
  }
  {
    const x = road(m, 1);
    x.profile = profile;
    x.countExit();
    dispatchTo(x, () => x.call("cpu_fault", x.record()));
    addFunction(m, "fault", 1, x);
  }
  {
    const x = road(m, 0);
    const bytes = long ? 8 : 4;
    const eip = x.load(bytes, CPU + C_EIP);
    const low = x.convert(eip, "i32");
    const tag = x.load(4, CPU + C_JUMP_TAG);
    const spread = x.xor(x.shrU(low, 12), x.mul(tag, JUMP_TAG_SPREAD));
    const entry = x.shl(x.and(x.xor(low, spread), JUMP_CACHE_ENTRIES - 1), 4);
    const sameEip = x.eq(x.load(bytes, entry, JUMP_CACHE + JUMP_EIP), eip);
    x.if(sameEip, () => {
      const sameTag = x.eq(x.load(4, entry, JUMP_CACHE + JUMP_TAG), tag);
      x.if(sameTag, () => x.goTo(x.load(4, entry, JUMP_CACHE + JUMP_RECORD)));
    });
    x.resume();
    addFunction(m, "lookup", 0, x);
  }
}

function road(m: binaryen.Module, parameters: number): RecordContext {
  return new RecordContext(m, NONE, 4, 0, false, parameters);
}

function addSpecial(m: binaryen.Module, name: string, profile: boolean): string {
  const x = road(m, 1);
  x.profile = profile;
  x.long = name === "longend";
  switch (name) {
    case "undefined":
      x.leave("insn_ud");
      break;
    case "exit":
      x.emit(m.return(m.i32.const(0)));
      break;
    case "stale":
      x.countExit();
      x.invoke("cpu_stale", x.record());
      x.resume();
      break;
    case "end":
    case "longend":
      x.jumpRelative();
      break;
    case "toolong":
      x.fault(13);
      break;
    default:
      throw new Error(`special handler ${name}`);
  }
  addFunction(m, `special.${name}`, 1, x);
  return `special.${name}`;
}

function addHandler(m: binaryen.Module, h: Handler, profile: boolean): void {
  const x = new RecordContext(m, h.row, h.size, h.place, h.noFlags, 1, undefined, h.long);
  x.profile = profile;
  emitMeaning(h, x);
  addFunction(m, h.key, 1, x);
}

function emitMeaning(h: Handler, x: RecordContext): void {
  try {
    if (h.row.slow) x.leave(h.row.slow as keyof typeof HELPERS);
    else meaningOf(h.row.name)(x);
  } catch (e) {
    throw new Error(`handler ${h.key}: ${(e as Error).message}`, { cause: e });
  }
}

function pairName({ first, second }: Pair): string {
  return `${first.key} + ${second.key}`;
}

/** Two meanings in one function; the second one's record follows the first's. */
function addPair(m: binaryen.Module, pair: Pair, profile: boolean): void {
  const { first, second } = pair;
  const x = new RecordContext(m, first.row, first.size, first.place, first.noFlags);
  x.profile = profile;
  x.then = () => {
    const y = new RecordContext(
      m,
      second.row,
      second.size,
      second.place,
      second.noFlags,
      1,
      x,
    );
    // the first may have written over the second
    if (first.row.implicitMemory || x.inMemory(0)) y.leaveIfStale();
    emitMeaning(second, y);
  };
  emitMeaning(first, x);
  addFunction(m, pairName(pair), 1, x);
}

/** machine_run(now, budget): slice_begin, the chain of handlers, slice_end. */
function addMachineRun(m: binaryen.Module): void {
  const begin = exportedFunction(m, "slice_begin");
  const end = exportedFunction(m, "slice_end");
  if (!begin || !end) return;
  const parameters = binaryen.createType([binaryen.i64, binaryen.i32]);
  const start = m.call(
    begin,
    [m.local.get(0, binaryen.i64), m.local.get(1, binaryen.i32)],
    binaryen.i32,
  );
  const run = m.drop(m.call("resume", [], binaryen.i32));
  m.addFunction(
    "machine_run",
    parameters,
    binaryen.i32,
    [],
    m.block(null, [
      m.if(start, run),
      m.return(m.call(end, [], binaryen.i32)),
    ]),
  );
  m.addFunctionExport("machine_run", "machine_run");
}

function exportedFunction(m: binaryen.Module, name: string): string {
  const e = m.getExport(name);
  return e ? binaryen.getExportInfo(e).value : "";
}
