/**
 * The translator's binding, a part in each file: registers and flags in locals (local_context.ts), written back and
 * read again (written_back.ts), operands as constants and locals (operands.ts), accesses to memory (access.ts), and
 * here the ways on, which are branches within the region and its exits.
 */
import {
  C_BUDGET,
  C_CPL,
  C_EIP,
  C_INSN_EIP,
  C_JUMP_TAG,
  C_RECORD,
  CPU,
  JIT_EXIT_DIRECT,
  JIT_EXIT_INDIRECT,
  JIT_EXIT_RETURN,
  JUMP_CACHE,
  JUMP_CACHE_ENTRIES,
  JUMP_EIP,
  JUMP_RECORD,
  JUMP_TAG,
  JUMP_TAG_SPREAD,
  PREFIX_LINKABLE,
  REC_HANDLER,
} from "../../core/wasm/layout.ts";
import { SPECIAL } from "../isa/plan.ts";
import { type HelperName, HELPERS } from "../semantics/runtime.ts";
import { type Operand, type Value, WASM_TYPES } from "../semantics/value.ts";
import { AccessContext } from "./access.ts";
import { count } from "./count.ts";
import { flagsDeadIn } from "./flags.ts";
import { perfectHash } from "./hash.ts";
import type { RegionBlock } from "./region.ts";
import { runLabel } from "./runs.ts";

const STALE = SPECIAL.indexOf("stale");
const HYPERCALL_MULTICALL = 13;
const HYPERCALL_IRET = 23;
/** What does not come back behind itself at once: the interpreter does it, in one call. */
const CHANGES_RING: ReadonlySet<HelperName> = new Set(["insn_int", "insn_iret"]);
/** The condition of JNE. */
const NOT_EQUAL = 5;
/** So many targets are compared with one by one. */
const FEW = 4;

/** Labels of a region's exits, innermost first. */
export const EXITS = ["link", "lookup", "again", "fault", "record"] as const;
export type Exit = (typeof EXITS)[number];

/** Labels within the region. */
export const DISPATCHER = "dispatcher";
export const loopLabel = (block: number) => `loop${block}`;
export const blockLabel = (block: number) => `block${block}`;

/** Context of one instruction of a region, or (without one) of its entry and exits. */
export class RegionContext extends AccessContext {
  /** Has the interpreter do this instruction. */
  protected override exitToInterpreter(): void {
    this.set(this.state.handler, this.instruction.number);
    this.#exitHere("record", this.instruction.record);
  }

  /** To one of the region's exits, the flags as they are known now. */
  exit(exit: Exit, record?: number): void {
    this.writeFlags();
    if (record !== undefined) this.set(this.state.record, record);
    this.emit(this.m.br(exit));
  }

  /** To an exit that needs the EIP of the block. */
  #exitHere(exit: Exit, record: number): void {
    this.set(this.state.target, this.#eipAt(0));
    this.#count("handed", record);
    this.exit(exit, record);
  }

  next(): void {
    // a helper may have written over the instructions behind this one
    if (!this.helped) return;
    const record = this.instruction.record + 32;
    const handler = this.load(4, record, REC_HANDLER);
    this.unlikely(this.eq(handler, STALE), () => {
      this.set(this.state.handler, STALE);
      this.#exitHere("record", record);
    });
  }

  /** On to a block of the region; the budget has been looked at. */
  goTo(block: number): void {
    if (!flagsDeadIn(this.state.blocks, block)) this.passFlags();
    const way = this.state.way(this.number, block);
    if (way === "dispatch") {
      this.set(this.state.next, block);
      this.emit(this.m.br(DISPATCHER));
    } else this.emit(this.m.br(way === "back" ? loopLabel(block) : blockLabel(block)));
  }

  /**
   * On to a block if it is what the interpreter would go on with: that goes without saying in the same page.
   * In another one the jump cache must lead to this very block, and nothing may have been written over it.
   */
  #goToIfThere(block: number, eip: Value): void {
    const { page, record } = this.state.blocks[block];
    if (page === this.home.page) return this.goTo(block);
    const tag = this.load(4, CPU, C_JUMP_TAG);
    const spread = this.xor(this.shrU(eip, 12), this.mul(tag, JUMP_TAG_SPREAD));
    const entry = this.shl(this.and(this.xor(eip, spread), JUMP_CACHE_ENTRIES - 1), 4);
    let wrong = this.xor(this.load(4, entry, JUMP_CACHE + JUMP_EIP), eip);
    wrong = this.or(wrong, this.xor(this.load(4, entry, JUMP_CACHE + JUMP_TAG), tag));
    wrong = this.or(wrong, this.xor(this.load(4, entry, JUMP_CACHE + JUMP_RECORD), record));
    wrong = this.or(wrong, this.eq(this.load(4, record, REC_HANDLER), STALE));
    const there = this.variable("i32");
    this.set(there, this.eqz(wrong));
    this.unlikely(this.eqz(there), () => {
      this.set(there, this.call("cpu_code_known", eip, record));
    });
    this.if(there, () => this.goTo(block));
  }

  /** The block ends where another begins. */
  runOn(): void {
    this.#account();
    this.goTo(this.home.next);
  }

  #eipPlus(bytes: number): Value {
    const sum = this.#eipAt(bytes);
    return this.size === 2 ? this.and(sum, 0xffff) : sum;
  }

  nextEip(): Value {
    const { delta, length } = this.instruction;
    return this.convert(this.#eipPlus(delta + length), this.type);
  }

  /** Counts the instructions of this way out of the block. */
  #account(): void {
    this.set(this.state.budget, this.sub(this.state.budget, this.instruction.count));
    this.#count("left");
  }

  /** For a profile. */
  #count(how: "left" | "handed", record = this.instruction.record): void {
    if (!this.state.profile) return;
    count(this, record, how, this.#eipAt(0));
  }

  checkRelative(): void {
    if (!this.flat) this.checkTarget(this.#eipPlus(this.instruction.displacement));
  }

  jumpRelative(): void {
    const { displacement, record, target, prefixes } = this.instruction;
    this.#account();
    if (target >= 0) {
      if (target === this.number) this.#again();
      this.unlikely(this.leS(this.state.budget, 0), () => {
        this.set(this.state.target, this.#eipPlus(displacement));
        this.exit("again");
      });
      if (this.state.blocks[target].page === this.home.page) return this.goTo(target);
    }
    this.set(this.state.target, this.#eipPlus(displacement));
    if (target >= 0) this.#goToIfThere(target, this.copy(this.state.target));
    if (prefixes & PREFIX_LINKABLE) this.exit("link", record);
    else this.exit("lookup", JIT_EXIT_DIRECT);
  }

  /** From the end of a block to its beginning: within a run, without a look at the budget. */
  #again(): void {
    const { state } = this;
    const { groups, runs, budget } = state;
    if (groups.recording) {
      const counts = this.row.name === "jcc" && this.row.arg === NOT_EQUAL ? this.flags : null;
      const { a, b, size } = counts?.compared ??
        { a: counts?.result, b: this.constant(0), size: 4 };
      runs.jump({
        count: this.instruction.count,
        steps: groups.unbroken ? groups.steps() : [],
        counter: a && size === 4 ? groups.placeOf(a) : null,
        limit: size === 4 ? groups.placeOf(b) : null,
      });
    }
    if (!runs.running) return;
    this.if(this.ltS(runs.running.stop, budget), () => {
      if (!flagsDeadIn(state.blocks, this.number)) this.passFlags();
      this.emit(this.m.br(runLabel(this.number)));
    });
    // to be looked at again at once
    this.set(runs.rounds, -1);
  }

  jumpTo(eip: Value): void {
    const { state } = this;
    this.set(state.target, this.convert(eip, "i32"));
    this.#account();
    const isReturn = this.row.name === "ret";
    const sites = this.size === 4 ? indirectTargets(state.blocks, isReturn) : [];
    if (sites.length) {
      this.unlikely(this.leS(state.budget, 0), () => this.exit("again"));
      this.#chooseSite(this.sub(state.target, state.origin), sites);
    }
    this.exit("lookup", isReturn ? JIT_EXIT_RETURN : JIT_EXIT_INDIRECT);
  }

  /** On to the block at an offset, if it is one of these. */
  #chooseSite(offset: Value, sites: number[]): void {
    const { blocks, target } = this.state;
    const goTo = (site: number) =>
      this.if(this.eq(offset, blocks[site].offset), () => {
        this.#goToIfThere(site, this.copy(target));
      });
    if (sites.length <= FEW) return sites.forEach(goTo);
    const { factor, bits, places } = perfectHash(sites.map((s) => blocks[s].offset));
    const slot = this.shrU(this.mul(offset, factor), 32 - bits);
    const { m } = this;
    const label = (n: number | null) => n === null ? "elsewhere" : `site${sites[n]}`;
    let inner = m.switch(places.map(label), "elsewhere", this.get(slot));
    for (const [n, site] of sites.entries()) {
      const chosen = this.block(() => {
        goTo(site);
        this.emit(m.br("elsewhere"));
      });
      inner = m.block(null, [m.block(label(n), [inner]), chosen]);
    }
    this.emit(m.block("elsewhere", [inner]));
  }

  /**
   * INT 0x82 of ring 1, which changes EAX and nothing else of registers and flags where it comes back to behind
   * itself: all but the calls that may restore a context.
   *
   * @param number what EAX is known to hold, or null
   */
  hypercall(number: number | null): void {
    const { behind, delta, length, record, count } = this.instruction;
    this.unlikely(this.ne(this.load(4, CPU, C_CPL), 1), () => this.leave("insn_int"));
    this.#count("left");
    const plain = number !== null && number !== HYPERCALL_IRET && number !== HYPERCALL_MULTICALL;
    if (plain) this.exposeGeneral();
    else this.expose();
    const { budget, blocks } = this.state;
    const here = this.#eipAt(delta);
    const eip = this.add(here, length);
    this.store(8, CPU, this.convert(here, "i64"), C_INSN_EIP);
    this.store(8, CPU, this.convert(eip, "i64"), C_EIP);
    this.store(4, CPU, record, C_RECORD);
    this.store(4, CPU, this.sub(budget, count), C_BUDGET);
    const settled = this.callReady("cpu_hypercall", eip, blocks[behind].record);
    this.unlikely(this.eqz(settled), () => {
      if (plain) this.exposeFlags();
      this.tail("resume");
    });
    if (plain) this.takeBackResult();
    else this.takeBack();
    this.goTo(behind);
  }

  /** Goes on behind a load of a segment register that changes neither mode nor anything else: most are such. */
  #loadKnown(segment: Operand, selector: Operand, popped: number): void {
    const { behind, delta, length } = this.instruction;
    if (behind < 0 || !this.flat) return;
    const { flags } = this;
    this.if(this.call("cpu_segment_known", segment, selector), () => {
      if (popped) this.release(popped);
      this.#account();
      this.unlikely(this.leS(this.state.budget, 0), () => {
        this.set(this.state.target, this.#eipAt(delta + length));
        this.exit("again");
      });
      this.goTo(behind);
    });
    this.flags = flags;
  }

  #eipAt(bytes: number): Value {
    return this.add(this.state.origin, this.home.offset + bytes);
  }

  /** By a helper, and on behind it where nothing is pending. */
  leave(helper: HelperName, ...args: Operand[]): void {
    const { behind, delta, length } = this.instruction;
    if (helper === "insn_mov_sreg") this.#loadKnown(args[0], args[1], 0);
    if (helper === "cpu_pop_sreg") this.#loadKnown(args[0], args[1], this.size);
    const { flags } = this; // where this is done on a condition, they are as before if it is not
    if (CHANGES_RING.has(helper)) {
      this.#count("handed");
      this.expose();
      this.handle(this.constant(this.instruction.number), this.record());
      this.flags = flags;
      return;
    }
    this.#count("left");
    this.expose();
    this.invokeLast("cpu_enter_slow", this.record());
    this.invokeLast(helper, ...args);
    if (behind >= 0) {
      const eip = this.#eipAt(delta + length);
      const settled = this.call("cpu_settled", eip, this.state.blocks[behind].record);
      this.if(settled, () => {
        this.takeBack();
        this.goTo(behind);
      });
    }
    this.tail("resume");
    this.flags = flags;
  }

  /** Helpers find an instruction's address by that of its block. */
  protected override expose(): void {
    super.expose();
    const eip = this.#eipAt(0);
    this.store(8, CPU, this.convert(eip, "i64"), C_EIP);
  }

  faulted(): void {
    this.#exitHere("fault", this.instruction.record);
  }

  /** Tail call of a function of the interpreter. */
  tail(name: string, ...args: Value[]): void {
    this.emit(this.m.return_call(name, args.map((a) => this.get(a)), WASM_TYPES.i32));
  }

  /** Tail call of a handler. */
  handle(handler: Value, record: Value): void {
    const { i32 } = WASM_TYPES;
    this.emit(
      this.m.return_call_indirect("handlers", this.get(handler), [this.get(record)], i32, i32),
    );
  }

  /** Tail call of a record's handler. */
  dispatch(record: Value): void {
    this.handle(this.load(4, record, REC_HANDLER), record);
  }
}

/** Blocks that an indirect jump (or a return) of the region may go to without a look-up. */
export function indirectTargets(blocks: RegionBlock[], isReturn: boolean): number[] {
  return blocks.flatMap((b, n) => (isReturn ? b.returned : b.jumpedTo) ? [n] : []);
}

/** Helpers by name, for the module's imports. */
export const HELPER_NAMES = Object.keys(HELPERS) as HelperName[];
