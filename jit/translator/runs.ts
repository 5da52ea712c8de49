/**
 * Runs: rounds of a loop that are looked at together.
 *
 * In a loop of one block most addresses move by a constant from round to round. Before a round it is
 * found out how many of them fit into the pages that they are in, and into the budget; so many run
 * without a look at either. That is tried in every eighth round only, so that loops of a few rounds do
 * not pay for it, and at once where a run ended.
 *
 * A loop that only copies (or fills with) bytes is one `memory.copy` (`memory.fill`) for all rounds of a
 * run but the last one, which leaves flags and registers as they should be.
 */
import type { Row } from "../isa/rows.ts";
import type { Value } from "../semantics/value.ts";
import type { RegionContext } from "./binding.ts";
import { type Place, type Steps, termsOf } from "./groups.ts";
import type { WasmModule } from "../wasm/module.ts";
import type { Slot, Variable } from "./micro.ts";
import type { DecodedInstruction, RegionBlock } from "./region.ts";

/** A block's access to memory. */
interface Access {
  place: Place;
  size: number;
  write: boolean;
  slot: Slot;
}

/** A block's jump back to its own beginning. */
interface Jump {
  /** Instructions in a round. */
  count: number;
  /** By how much the registers move in a round. */
  steps: Steps;
  /** It is taken while the one differs from the other; null if not known. */
  counter: Place | null;
  limit: Place | null;
}

/** Accesses that one check serves: the same root, at distances from `from` to `to`. */
interface Stream {
  place: Place;
  from: number;
  to: number;
  step: number;
  write: boolean;
  slot: Slot;
  /** The host's address minus the guest's, once it is known. */
  bias: Value | null;
}

const PAGE = ~0xfff;
/** A run is looked for in each round whose number is a multiple of this power of two. */
const TRIES = 8;
/** Rounds that a run must have, and those that are worth a bulk operation. */
const FEWEST = 4;
const BULK = 16;
/** Streams of one loop. */
const MOST = 6;

export const runLabel = (block: number) => `run${block}`;

/** What is known of the block that is being emitted. */
export class Runs {
  /** Counts rounds. */
  readonly rounds: Variable;
  #accesses: (Access | null)[] = [];
  #jumps: Jump[] = [];
  #next = 0;
  /** While a run's rounds are emitted: its streams by access, and the budget at which it ends. */
  running: { streams: (Stream | undefined)[]; stop: Value } | null = null;

  constructor(rounds: Variable) {
    this.rounds = rounds;
  }

  begin(recording: boolean): void {
    this.#next = 0;
    if (!recording) return;
    this.#accesses = [];
    this.#jumps = [];
  }

  /** Notes the next access, null if nothing is known of its address. */
  note(access: Access | null): void {
    // behind the jump back a round is over
    if (!this.#jumps.length) this.#accesses.push(access);
  }

  jump(jump: Jump): void {
    this.#jumps.push(jump);
  }

  /** What to add to the address of the next access, if it needs no check. */
  nextBias(): Value | null {
    return this.running?.streams[this.#next++]?.bias ?? null;
  }

  /** The block's jump back and its streams by access; null if it is no loop that has any. */
  plan(): { jump: Jump; streams: (Stream | undefined)[] } | null {
    if (this.#jumps.length !== 1) return null;
    const [jump] = this.#jumps;
    const byRoot = new Map<string, Stream>();
    const streams = this.#accesses.map((a) => {
      const step = a && stepOf(a.place, jump.steps);
      if (!a || step === null) return undefined;
      const key = `${a.place.root} ${a.write}`;
      const from = a.place.distance;
      const known = byRoot.get(key);
      if (!known) {
        const { place, write, slot } = a;
        const one = { place, from, to: from + a.size, step, write, slot, bias: null };
        byRoot.set(key, one);
        return one;
      }
      known.from = Math.min(known.from, from);
      known.to = Math.max(known.to, from + a.size);
      return known;
    });
    const all = [...byRoot.values()];
    const fits = all.every((s) => s.to - s.from <= 1024 && Math.abs(s.step) <= 1024);
    return all.length && all.length <= MOST && fits ? { jump, streams } : null;
  }
}

/** By how much an address moves in a round, null if that is not known. */
function stepOf(place: Place, steps: Steps): number | null {
  const terms = termsOf(place);
  if (!terms || !steps.length) return null;
  let sum = 0;
  for (const { register, shift } of terms) {
    const step = steps[register];
    if (step === null) return null;
    sum += step << shift;
  }
  return sum;
}

/** The value of a place (or an address so many bytes from its root) where a block begins. */
function valueOf(x: RegionContext, place: Place, distance = place.distance): Value {
  const page = /^page (\d+)/.exec(place.root);
  if (page) return x.constant((Number(page[1]) << 12) + distance);
  const terms = termsOf(place)!.map(({ register, shift }) =>
    x.shl(x.readState(4, register * 8), shift)
  );
  return x.add(terms.reduce((a, b) => x.add(a, b)), distance);
}

/**
 * Emits runs of a block's rounds, if it is a loop whose addresses move by constants. What is emitted
 * next are its rounds with all checks.
 *
 * @param round emits one round
 */
export function emitRun(x: RegionContext, block: number, round: () => void): void {
  const { state, m } = x;
  const { runs, budget } = state;
  const plan = runs.plan();
  if (!plan) return;
  const { jump, streams } = plan;
  const all = [...new Set(streams.filter((s) => s !== undefined))];
  const label = `rounds${block}`;
  const unless = (holds: Value) => x.if(x.eqz(holds), () => x.emit(m.br(label)));
  const least = (a: Value, b: Value) => x.select(x.ltU(a, b), a, b);
  const run = x.block(() => {
    x.set(runs.rounds, x.add(runs.rounds, 1));
    unless(x.eqz(x.and(runs.rounds, TRIES - 1)));
    let rounds: Value | null = null;
    for (const stream of all) {
      const width = stream.to - stream.from;
      const first = valueOf(x, stream.place, stream.from);
      const offset = x.and(first, 0xfff);
      unless(x.leS(offset, 4096 - width));
      stream.bias = emitBias(x, stream, first, unless);
      if (stream.step === 0) continue;
      const room = stream.step > 0 ? x.sub(4096 - width, offset) : offset;
      const fit = x.add(x.divU(room, Math.abs(stream.step)), 1);
      rounds = rounds ? least(rounds, fit) : fit;
    }
    const stop = x.variable("i32");
    x.set(stop, 0);
    if (rounds) {
      const instructions = x.mul(rounds, jump.count);
      unless(x.leS(FEWEST, rounds));
      x.if(x.ltS(instructions, budget), () => {
        x.set(stop, x.sub(budget, instructions));
        emitBulk(x, block, jump, streams, rounds!);
      });
    }
    runs.running = { streams, stop };
    x.emit(m.loop(runLabel(block), x.block(round)));
    runs.running = null;
  });
  x.emit(m.block(label, [run]));
}

/** The host's address minus the guest's, in the page of the last such access, or in one that the TLB knows. */
function emitBias(
  x: RegionContext,
  { slot, write }: Stream,
  first: Value,
  unless: (holds: Value) => void,
): Value {
  const bias = x.variable("i32");
  x.set(bias, x.load(4, slot.bias));
  x.if(x.ne(x.and(first, PAGE), x.load(4, slot.page)), () => {
    const host = x.call("cpu_tlb_known", first, write ? 1 : 0);
    unless(host);
    x.set(bias, x.sub(host, first));
  });
  return bias;
}

/** Does all rounds of a run but the last at once, if the loop is such a one and they are many. */
function emitBulk(
  x: RegionContext,
  block: number,
  { count, steps, counter, limit }: Jump,
  streams: (Stream | undefined)[],
  rounds: Value,
): void {
  const bulk = bulkOf(x.state.blocks[block], block, steps, streams);
  const by = counter && stepOf(counter, steps);
  if (!bulk || !by || !limit || stepOf(limit, steps) !== 0) return;
  const { source, target, store } = bulk;
  const [now, end] = [valueOf(x, counter), valueOf(x, limit)];
  const distance = by > 0 ? x.sub(end, now) : x.sub(now, end);
  // rounds after which the jump is not taken, but for the first; none if it is not met within 2^32
  const exact = x.eqz(x.remU(distance, Math.abs(by)));
  const left = x.divU(distance, Math.abs(by));
  const most = x.sub(rounds, 1);
  const n = x.select(x.ltU(left, most), left, most);
  const bytes = x.mul(n, target.step);
  const host = (s: Stream) => x.add(valueOf(x, s.place, s.from), s.bias!);
  const to = host(target);
  const from = source ? host(source) : null;
  // what is read must not have been written before in the same run
  const apart = from ? x.geU(x.sub(to, from), bytes) : x.constant(1);
  x.if(x.and(x.and(exact, x.geU(n, BULK)), apart), () => {
    const { memory } = x.m as unknown as WasmModule;
    if (from) x.emit(memory.copy(x.get(to), x.get(from), x.get(bytes)));
    else {
      const byte = isImmediate(store) ? x.constant(store.immediate) : x.readState(1, store.a);
      x.emit(memory.fill(x.get(to), x.get(byte), x.get(bytes)));
    }
    steps.forEach((step, register) => {
      if (!step) return;
      const place = x.register(register * 8, 4);
      place.write(x.add(place.read(), x.mul(n, step)));
    });
    x.set(x.state.budget, x.sub(x.state.budget, x.mul(n, count)));
  });
}

/** A loop that copies, or (without a source) fills with bytes. */
interface Bulk {
  source: Stream | undefined;
  target: Stream;
  store: DecodedInstruction;
}

/** Instructions that only move registers on. */
const COUNTING = new Set(["inc", "dec", "add", "sub", "cmp", "lea", "nop"]);

function rowOf({ handler }: DecodedInstruction): Row | null {
  return handler === "end" ? null : handler.row;
}

function isImmediate(i: DecodedInstruction): boolean {
  return rowOf(i)!.operands[1][0] === "I";
}

/** Whether a block up to its jump back does nothing but copy or fill. */
function bulkOf(
  block: RegionBlock,
  number: number,
  steps: Steps,
  streams: (Stream | undefined)[],
): Bulk | null {
  const end = block.instructions.findIndex((i) => i.target === number);
  const others = block.instructions.slice(0, end)
    .filter((i) => !COUNTING.has(rowOf(i)?.name ?? ""));
  const store = others.at(-1);
  const load = others.length === 2 ? others[0] : null;
  if (!store || others.length !== streams.length || others.length > 2) return null;
  const [source, target] = load ? streams : [undefined, streams[0]];
  if (!target?.write || rowOf(store)?.name !== "mov" || !isStream(target)) return null;
  const lost = steps.flatMap((step, register) => step === null ? [register] : []);
  if (!load) return target.step === 1 && !lost.length ? { source, target, store } : null;
  const loads = /^(mov|movzx|movsx)$/.test(rowOf(load)?.name ?? "") && source && !source.write;
  if (!loads || !isStream(source) || source.step !== target.step) return null;
  // what it reads is what it writes, and nothing else
  if (isImmediate(store) || load.a !== store.a) return null;
  return lost.every((r) => r === load.a >> 3) ? { source, target, store } : null;
}

/** One access, which moves by its own size. */
function isStream({ from, to, step }: Stream): boolean {
  return step === to - from;
}
