/**
 * Guests without instructions: domains with page tables and a vCPU, whose hypercalls a test makes
 * itself, straight through the core's dispatcher.
 *
 * Page n of a guest's memory is at BASE + n * 4096, mapped writable but for its three tables.
 */
import { loadModule } from "../../core/build/load.ts";
import { CONTEXT_SIZE, cr3Of, firstVcpuContext } from "../../core/host/builder/vcpu_context.ts";
import type { Clock } from "../../core/host/clock.ts";
import { type Core, PAGE_SIZE } from "../../core/host/core.ts";
import { Log } from "../../core/host/log.ts";
import { instantiate } from "../../core/host/module.ts";
import { C_BUDGET, C_RETIRED_END, C_STOP, CPU } from "../../core/wasm/layout.ts";
import { firstSight } from "../first_sight.ts";

export const BASE = 0xc0000000;
export const PAGES = 96;
/** Addresses that no guest may pass: unmapped, in the hypervisor's range, and wrapping round. */
export const UNMAPPED = 0x00400000;
export const HOLE = 0xf5800000;
export const BAD_POINTERS = [
  UNMAPPED,
  HOLE,
  0xf57ffffe,
  0xfffff000,
  0xffffffff,
  BASE + PAGES * 4096 - 1,
];
export const SELF = 0x7ff0;

/** What the rig uses of the core beyond what the host does. */
interface Inside {
  hypercall(nr: number, a1: number, a2: number, a3: number, a4: number, a5: number): number;
  slice_begin(now: bigint, budget: number): number;
  slice_end(): number;
  inspect_current(): number;
  inspect_eflags(domid: number, vcpu: number): number;
  machine_time(): bigint;
  time_init(isVirtual: number, wall: bigint): void;
  host_evtchn_close(domid: number, port: number): number;
  audit(domid: number): number;
  machine_free_frames(): number;
  heap_used(): number;
}

export const WALL = 1_600_000_000_000_000_000n;

class TestClock implements Clock {
  readonly mode = "virtual";
  now = () => 0n;
  wall = () => WALL;
}

let module: Promise<WebAssembly.Module> | null = null;

export class Rig {
  /** Lines of the hypervisor's log. */
  readonly lines: string[];

  private constructor(readonly core: Core, lines: string[], readonly translations: () => number) {
    this.lines = lines;
  }

  /**
   * A machine in virtual time with room for `guests` guests.
   *
   * @param always whether their code is translated before it first runs; as PARAVANE_JIT says if not given
   */
  static async create(guests = 1, always?: boolean): Promise<Rig> {
    module ??= loadModule().then((bytes) => WebAssembly.compile(bytes));
    const lines: string[] = [];
    const log = new Log((line) => lines.push(line));
    const { trace, watch, count } = firstSight(always);
    const core = await instantiate(await module, { clock: new TestClock(), log, trace });
    watch(core);
    const rig = new Rig(core, lines, count);
    rig.inside.time_init(1, WALL);
    core.exports.machine_init(guests * (PAGES + 200) + 1024);
    return rig;
  }

  get inside(): Inside {
    return this.core.exports as unknown as Inside;
  }

  get now(): bigint {
    return this.inside.machine_time();
  }

  /** Lets a slice of nothing go by. @returns what the host is told */
  turn(now = 0n): number {
    this.inside.slice_begin(now, 1000);
    return this.endSlice();
  }

  /**
   * Ends the slice at hand as if the running vCPU had used it up, or `most` instructions of it, so that
   * it is the others' turn; but no time goes by.
   */
  endSlice(most = Infinity): number {
    const view = this.core.view();
    if (this.inside.inspect_current() >= 0) {
      const left = view.getInt32(CPU + C_BUDGET, true);
      const end = view.getBigUint64(CPU + C_RETIRED_END, true);
      const spent = Math.min(left, most);
      view.setInt32(CPU + C_BUDGET, left - spent, true);
      view.setBigUint64(CPU + C_RETIRED_END, end - BigInt(spent), true);
    }
    return this.inside.slice_end();
  }

  addGuest({ vcpus = 1, options = 0, entry: start = BASE } = {}): Guest {
    const { exports } = this.core;
    const domid = exports.domain_create(vcpus, PAGES + 16, options);
    if (domid < 0) throw new Error(`domain_create: ${domid}`);
    const result = exports.domain_populate(domid, 0, PAGES, this.core.mailbox);
    if (result !== 0) throw new Error(`domain_populate: ${result}`);
    const view = this.core.view();
    const mfns = Array.from(
      { length: PAGES },
      (_, n) => view.getUint32(this.core.mailbox + n * 4, true),
    );
    const entry = (mfn: number, index: number, target: number, flags: number) =>
      view.setBigUint64(
        this.core.frameAddress(mfn) + index * 8,
        (BigInt(target) << 12n) | BigInt(flags),
        true,
      );
    const [l3, l2, l1] = mfns;
    entry(l3, 3, l2, 1);
    entry(l2, 0, l1, 0x67);
    mfns.forEach((mfn, n) => entry(l1, n, mfn, n < 3 ? 0x61 : 0x63));
    const context = firstVcpuContext({
      entry: start,
      stack: BASE + 4 * PAGE_SIZE,
      startInfo: 0,
      topTableMfn: l3,
      extendedCr3: true,
    });
    const pinned = exports.domain_pin(domid, 3, l3);
    const set = exports.vcpu_set_context(domid, 0, this.core.post(context));
    if (pinned !== 0 || set !== 0) throw new Error(`no context: ${pinned} ${set}`);
    exports.domain_unpause(domid);
    return new Guest(this, domid, mfns);
  }
}

export class Guest {
  constructor(readonly rig: Rig, readonly domid: number, readonly mfns: number[]) {}

  /** Makes a vCPU of this guest the running one, as the scheduler would. */
  enter(vcpu = 0): this {
    const { inside } = this.rig;
    const wanted = (this.domid << 16) | vcpu;
    for (let tries = 0; inside.inspect_current() !== wanted; tries++) {
      if (tries === 200) {
        throw new Error(`vCPU ${vcpu} of domain ${this.domid} does not get to run`);
      }
      // whoever comes up instead is charged for it, the more the longer it takes
      if (tries === 0) inside.slice_end();
      else this.rig.endSlice(64 * 2 ** tries);
      inside.slice_begin(0n, 1_000_000);
    }
    return this;
  }

  /** A hypercall of the running vCPU. Pieces of a long one are made one after the other. */
  call(nr: number, ...args: number[]): number {
    const [a, b, c, d, e] = [...args, 0, 0, 0, 0, 0];
    return this.rig.inside.hypercall(nr, a, b, c, d, e);
  }

  /** Where page `page` of the guest lies in its address space. */
  va(page: number, offset = 0): number {
    return BASE + page * PAGE_SIZE + offset;
  }

  /** Host address of a guest address. */
  private at(va: number): number {
    const offset = va - BASE;
    return this.rig.core.frameAddress(this.mfns[offset >>> 12]) + (offset & 0xfff);
  }

  read(va: number): number {
    return this.rig.core.view().getUint32(this.at(va), true);
  }

  read64(va: number): bigint {
    return this.rig.core.view().getBigUint64(this.at(va), true);
  }

  /** Writes 32-bit words one after the other; returns `va`, for use as an argument. */
  write(va: number, ...words: number[]): number {
    words.forEach((word, n) => this.rig.core.view().setUint32(this.at(va) + n * 4, word, true));
    return va;
  }

  write64(va: number, value: bigint): number {
    this.rig.core.view().setBigUint64(this.at(va), value, true);
    return va;
  }

  /** Words at an offset in shared_info. */
  shared(offset: number): number {
    return this.rig.core.view().getUint32(this.sharedAt(offset), true);
  }

  setShared(offset: number, word: number): void {
    this.rig.core.view().setUint32(this.sharedAt(offset), word, true);
  }

  sharedByte(offset: number): number {
    return this.rig.core.view().getUint8(this.sharedAt(offset));
  }

  setSharedByte(offset: number, byte: number): void {
    this.rig.core.view().setUint8(this.sharedAt(offset), byte);
  }

  private sharedAt(offset: number): number {
    return this.rig.core.frameAddress(this.rig.core.exports.domain_shared_info(this.domid)) +
      offset;
  }

  /** Whether the guest's last hypercall asked for the slice to end (it blocked, yielded or ended). */
  get stopped(): boolean {
    return this.rig.core.view().getUint32(CPU + C_STOP, true) !== 0;
  }

  get state(): number {
    return this.rig.core.exports.domain_state(this.domid);
  }

  get code(): number {
    return this.rig.core.exports.domain_shutdown_code(this.domid);
  }

  /** A struct vcpu_guest_context for another vCPU of this guest, at page 8. */
  context(change: (view: DataView) => void = () => {}): number {
    const bytes = firstVcpuContext({
      entry: BASE,
      stack: BASE + 4 * PAGE_SIZE,
      startInfo: 0,
      topTableMfn: this.mfns[0],
      extendedCr3: true,
    });
    const view = new DataView(bytes.buffer);
    view.setUint32(0x200, 4, true); // not online
    change(view);
    const va = this.va(8);
    for (let n = 0; n < CONTEXT_SIZE; n += 4) this.write(va + n, view.getUint32(n, true));
    return va;
  }

  get cr3(): number {
    return cr3Of(this.mfns[0]);
  }
}
