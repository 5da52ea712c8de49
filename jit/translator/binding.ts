/**
 * The translator's binding: operands are bound to the state in locals and to constants, ways on to
 * branches within the region and to its exits.
 *
 * A region holds the straight way only. Where an access needs more than the TLB (a fault, a page
 * crossing, overwritten code, an emulated page table), it leaves for the interpreter before anything
 * has changed, and that does the instruction.
 */
import type binaryen from "binaryen";
import {
  C_BUDGET,
  C_CPL,
  C_EIP,
  C_FAULT,
  C_INSN_EIP,
  C_JUMP_TAG,
  C_MODE,
  C_RECORD,
  C_TLB_SPREAD,
  C_TLB_TAG,
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
  NO_FAULT,
  PREFIX_ADDR16,
  PREFIX_LINKABLE,
  R_ZERO,
  REC_HANDLER,
  TLB,
  TLB_ADDEND,
  TLB_ENTRIES,
  TLB_READ,
  TLB_WRITE,
} from "../../core/wasm/layout.ts";
import { PLACE_CHECKED } from "../isa/forms.ts";
import { SPECIAL } from "../isa/plan.ts";
import type { Row } from "../isa/rows.ts";
import type { Place } from "../semantics/context.ts";
import type { Access } from "../semantics/memory.ts";
import { type HelperName, HELPERS } from "../semantics/runtime.ts";
import { type IntType, type Operand, type Value, WASM_TYPES } from "../semantics/value.ts";
import { count } from "./count.ts";
import { flagsDeadIn } from "./flags.ts";
import type { Group } from "./groups.ts";
import { perfectHash } from "./hash.ts";
import type { DecodedInstruction, RegionBlock } from "./region.ts";
import { NO_PAGE } from "./micro.ts";
import { runLabel } from "./runs.ts";
import { LocalContext } from "./state.ts";

const STALE = SPECIAL.indexOf("stale");
const PAGE = ~0xfff;
const HYPERCALL_MULTICALL = 13;
const HYPERCALL_IRET = 23;
/** What does not come back behind itself at once: the interpreter does it, in one call. */
const CHANGES_RING: ReadonlySet<HelperName> = new Set(["insn_int", "insn_iret"]);
/** With cpu_tlb_probe's access: FAULTS of core/wasm/pagetables/walk.ts. */
const PROBE_FAULTS = 64;
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
export class RegionContext extends LocalContext {
  readonly #i: DecodedInstruction | null;
  readonly #b: number;
  /** Its accesses come in the interpreter's order, so that the first that fails is the instruction's fault. */
  #asInterpreted = true;

  /**
   * @param block number of the instruction's block
   * @param before the context of the instruction before it, or the region's
   */
  constructor(
    m: binaryen.Module,
    row: Row,
    size: number,
    place: number,
    noFlags: boolean,
    instruction: DecodedInstruction | null,
    block = 0,
    before?: RegionContext,
  ) {
    super(m, row, size, place, noFlags, before);
    this.#i = instruction;
    this.#b = block;
  }

  get #instruction(): DecodedInstruction {
    if (!this.#i) throw new Error("no instruction here");
    return this.#i;
  }

  get #block(): RegionBlock {
    return this.state.blocks[this.#b];
  }

  // ---- operands --------------------------------------------------------------------------------------

  #slot(n: number): number {
    return this.isSecondRegister(n) ? this.#instruction.b : this.#instruction.a;
  }

  registerOffset(n: number): Value {
    return this.constant(this.#slot(n));
  }

  protected registerOperand(n: number, size: number): Place {
    return this.register(this.#slot(n), size);
  }

  immediate(type: IntType = this.type): Value {
    return this.constant(this.#instruction.immediate, type);
  }

  immediate2(): Value {
    return this.constant(this.#instruction.immediate >> 32n);
  }

  effectiveAddress(): Value {
    const { base, index, scale, displacement } = this.#instruction;
    let a: Value | null = base === R_ZERO ? null : this.readState(4, base);
    if (index !== R_ZERO) {
      const i = this.readState(4, index);
      const scaled = scale ? this.shl(i, scale) : i;
      a = a ? this.add(a, scaled) : scaled;
    }
    if (!a) a = this.constant(displacement);
    else if (displacement) a = this.add(a, displacement);
    return this.wrapAddress(a);
  }

  wrapAddress(a: Value): Value {
    const narrow = this.place === PLACE_CHECKED && this.#instruction.prefixes & PREFIX_ADDR16;
    return narrow ? this.and(a, 0xffff) : a;
  }

  segment(): Value {
    return this.constant(this.#instruction.segment);
  }

  segmentNumberOperand(_n: number): Value {
    return this.constant(this.#instruction.b);
  }

  prefixes(): Value {
    return this.constant(this.#instruction.prefixes);
  }

  record(): Value {
    return this.constant(this.#instruction.record);
  }

  override stack32(): Value {
    return this.and(super.readState(4, C_MODE), 2);
  }

  // ---- memory ----------------------------------------------------------------------------------------

  /** The host's address: by the check of the access's group, if it has one, else by its own. */
  protected override translate(linear: Value, size: number, access: Access, stack: boolean): Value {
    const { groups, runs } = this.state;
    const place = this.certain ? groups.placeOf(linear) : null;
    if (groups.recording) {
      const slot = this.state.slots.slot(this.#instruction, stack, access !== 0);
      runs.note(place && { place, size, write: access !== 0, slot });
    }
    const bias = runs.nextBias();
    if (bias) return this.add(linear, bias);
    if (!place) return this.#translateAlone(linear, size, access, stack);
    if (groups.recording) groups.note(place, size, access !== 0);
    const group = groups.recording ? null : groups.groupOf(place);
    if (!group) return this.#translateAlone(linear, size, access, stack);
    const further = place.distance - group.from;
    const { holds, base } = group.checked ??= this.#checkGroup(group, linear, further, stack);
    const host = this.variable("i32");
    this.set(host, base);
    this.unlikely(this.eqz(holds), () => {
      this.set(host, this.sub(this.#translateAlone(linear, size, access, stack), further));
    });
    return this.behind(host, further);
  }

  /** Whether all of a group lies in the page of its kind's last access, or in one that the TLB knows. */
  #checkGroup(group: Group, linear: Value, further: number, stack: boolean): {
    holds: Value;
    base: Value;
  } {
    const slot = this.state.slots.slot(this.#instruction, stack, group.writes);
    const page = this.load(4, slot.page);
    const first = this.sub(linear, further);
    const firstPage = this.and(first, PAGE);
    const lastPage = this.and(this.add(first, group.to - group.from - 1), PAGE);
    const holds = this.variable("i32");
    this.set(holds, 1);
    const elsewhere = this.or(this.xor(firstPage, page), this.xor(lastPage, page));
    this.unlikely(elsewhere, () => {
      this.set(holds, 0);
      this.if(this.eq(firstPage, lastPage), () => {
        const host = this.call("cpu_tlb_known", first, group.writes ? 1 : 0);
        this.if(host, () => {
          this.set(holds, 1);
          this.store(4, slot.page, firstPage);
          this.store(4, slot.bias, this.sub(host, first));
        });
      });
    });
    return { holds, base: this.add(first, this.load(4, slot.bias)) };
  }

  /** Within the page of the last such access: its bias. Else by the TLB, or by the interpreter. */
  #translateAlone(linear: Value, size: number, access: Access, stack: boolean): Value {
    const slot = this.state.slots.slot(this.#instruction, stack, access !== 0);
    const page = this.load(4, slot.page);
    const last = () => this.and(this.add(linear, size - 1), PAGE);
    // with the low bits of an aligned address kept, one comparison tells page and crossing; others
    // take a second look
    const elsewhere = size <= 4
      ? this.ne(this.and(linear, PAGE | (size - 1)), page)
      : this.or(this.ne(this.and(linear, PAGE), page), this.ne(last(), page));
    this.unlikely(elsewhere, () => {
      const missed = () => {
        this.store(4, slot.page, this.and(linear, PAGE));
        // pages that take turns are in the TLB both
        const place = this.and(this.shrU(linear, 12 - 5), (TLB_ENTRIES - 1) << 5);
        const entry = this.xor(place, super.readState(4, C_TLB_SPREAD));
        const known = this.load(4, entry, TLB + (access === 0 ? TLB_READ : TLB_WRITE));
        const hit = this.eq(known, this.or(last(), super.readState(4, C_TLB_TAG)));
        this.if(hit, () => this.store(4, slot.bias, this.load(4, entry, TLB + TLB_ADDEND)), () => {
          const faults = this.#asInterpreted ? PROBE_FAULTS : 0;
          const host = this.call("cpu_tlb_probe", linear, size, access | faults);
          this.unlikely(this.eqz(host), () => {
            this.store(4, slot.page, NO_PAGE);
            this.cleanup?.();
            if (faults) this.if(this.ne(this.load(4, CPU, C_FAULT), NO_FAULT), () => this.faulted());
            this.#exitToInterpreter();
          });
          this.store(4, slot.bias, this.sub(host, linear));
        });
      };
      if (size === 1) missed();
      else {
        const crossing = this.ne(last(), page);
        this.if(this.or(this.ne(this.and(linear, PAGE), page), crossing), missed);
      }
    });
    return this.add(linear, this.load(4, slot.bias));
  }

  /** Never the scratch bytes. */
  protected override stored(_host: Value): void {}

  /** Has the interpreter do this instruction. */
  #exitToInterpreter(): void {
    this.set(this.state.handler, this.#instruction.number);
    this.#exitHere("record", this.#instruction.record);
  }

  /** An access that fails leaves before a register has changed, and what was stored is stored once more. */
  override pushAll(): void {
    if (!this.flat || this.size !== 4) return super.pushAll();
    this.#asInterpreted = false;
    const sp = this.stackPointer().read();
    for (let n = 0; n < 8; n++) {
      this.atLinear(this.sub(sp, 4 * (n + 1)), 4, true).write(this.readState(4, 8 * n));
    }
    this.stackPointer().write(this.sub(sp, 32));
  }

  override popAll(): void {
    if (!this.flat || this.size !== 4) return super.popAll();
    this.#asInterpreted = false;
    const sp = this.stackPointer().read();
    const at = (n: number) => this.add(sp, 4 * (7 - n));
    const wanted = [0, 1, 2, 3, 5, 6, 7];
    const values = wanted.map((n) => this.atLinear(at(n), 4, true).read());
    wanted.forEach((n, i) => this.register(8 * n, 4).write(values[i]));
    this.stackPointer().write(this.add(sp, 32));
  }

  // ---- ways on ---------------------------------------------------------------------------------------

  /** To one of the region's exits, the flags as they are known now. */
  exit(exit: Exit, record?: number): void {
    this.writeFlags();
    if (record !== undefined) this.set(this.state.record, record);
    this.emit(this.m.br(exit));
  }

  /** To an exit that needs the EIP of the block. */
  #exitHere(exit: Exit, record: number): void {
    this.set(this.state.target, this.add(this.state.origin, this.#block.offset));
    this.#count("handed", record);
    this.exit(exit, record);
  }

  next(): void {
    // a helper may have written over the instructions behind this one
    if (!this.helped) return;
    const record = this.#instruction.record + 32;
    const handler = this.load(4, record, REC_HANDLER);
    this.unlikely(this.eq(handler, STALE), () => {
      this.set(this.state.handler, STALE);
      this.#exitHere("record", record);
    });
  }

  /** On to a block of the region; the budget has been looked at. */
  goTo(block: number): void {
    if (!flagsDeadIn(this.state.blocks, block)) this.passFlags();
    const way = this.state.way(this.#b, block);
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
    if (page === this.#block.page) return this.goTo(block);
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
    this.goTo(this.#block.next);
  }

  #eipPlus(bytes: number): Value {
    const sum = this.add(this.state.origin, this.#block.offset + bytes);
    return this.size === 2 ? this.and(sum, 0xffff) : sum;
  }

  nextEip(): Value {
    const { delta, length } = this.#instruction;
    return this.convert(this.#eipPlus(delta + length), this.type);
  }

  /** Counts the instructions of this way out of the block. */
  #account(): void {
    this.set(this.state.budget, this.sub(this.state.budget, this.#instruction.count));
    this.#count("left");
  }

  /** For a profile. */
  #count(how: "left" | "handed", record = this.#instruction.record): void {
    if (!this.state.profile) return;
    count(this, record, how, this.add(this.state.origin, this.#block.offset));
  }

  checkRelative(): void {
    if (!this.flat) this.checkTarget(this.#eipPlus(this.#instruction.displacement));
  }

  jumpRelative(): void {
    const { displacement, record, target, prefixes } = this.#instruction;
    this.#account();
    if (target >= 0) {
      if (target === this.#b) this.#again();
      this.unlikely(this.leS(this.state.budget, 0), () => {
        this.set(this.state.target, this.#eipPlus(displacement));
        this.exit("again");
      });
      if (this.state.blocks[target].page === this.#block.page) return this.goTo(target);
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
        count: this.#instruction.count,
        steps: groups.unbroken ? groups.steps() : [],
        counter: a && size === 4 ? groups.placeOf(a) : null,
        limit: size === 4 ? groups.placeOf(b) : null,
      });
    }
    if (!runs.running) return;
    this.if(this.ltS(runs.running.stop, budget), () => {
      if (!flagsDeadIn(state.blocks, this.#b)) this.passFlags();
      this.emit(this.m.br(runLabel(this.#b)));
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
    const { behind, delta, length, record, count } = this.#instruction;
    this.unlikely(this.ne(this.load(4, CPU, C_CPL), 1), () => this.leave("insn_int"));
    this.#count("left");
    const plain = number !== null && number !== HYPERCALL_IRET && number !== HYPERCALL_MULTICALL;
    if (plain) this.exposeGeneral();
    else this.expose();
    const { origin, budget, blocks } = this.state;
    const here = this.add(origin, this.#block.offset + delta);
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
    const { behind, delta, length } = this.#instruction;
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
    return this.add(this.state.origin, this.#block.offset + bytes);
  }

  /** By a helper, and on behind it where nothing is pending. */
  leave(helper: HelperName, ...args: Operand[]): void {
    const { behind, delta, length } = this.#instruction;
    if (helper === "insn_mov_sreg") this.#loadKnown(args[0], args[1], 0);
    if (helper === "cpu_pop_sreg") this.#loadKnown(args[0], args[1], this.size);
    const { flags } = this; // where this is done on a condition, they are as before if it is not
    if (CHANGES_RING.has(helper)) {
      this.#count("handed");
      this.expose();
      this.handle(this.constant(this.#instruction.number), this.record());
      this.flags = flags;
      return;
    }
    this.#count("left");
    this.expose();
    this.invokeLast("cpu_enter_slow", this.record());
    this.invokeLast(helper, ...args);
    if (behind >= 0) {
      const eip = this.add(this.state.origin, this.#block.offset + delta + length);
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
    const eip = this.add(this.state.origin, this.#block.offset);
    this.store(8, CPU, this.convert(eip, "i64"), C_EIP);
  }

  faulted(): void {
    this.#exitHere("fault", this.#instruction.record);
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
