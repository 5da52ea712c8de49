/**
 * The core and the model side by side: each step is carried out by both, and then everything the model
 * knows is compared.
 */
import assert from "node:assert/strict";
import {
  C_FAULT,
  C_FAULT_ERROR,
  CPU,
  MACHINE,
  NO_FAULT,
  PAGE_INFO,
  PAGE_INFO_SIZE,
  SPLIT,
} from "../../../core/wasm/layout.ts";
import { buildRegions } from "../../../jit/translator/build.ts";
import type { Builder } from "../../../jit/translator/builder.ts";
import { Translator, type TranslatorCore } from "../../../jit/translator/mod.ts";
import { ARGS, Rig, TestDomain } from "../../pagetables/rig.ts";
import { compareFrame, takeAccessed } from "./compare.ts";
import { mfnOf } from "./frame.ts";
import { DOMID_XEN } from "./mmu_update.ts";
import { build, destroy } from "./lifecycle.ts";
import { CODE, EXTRA, HANDLER, IMAGE, LIST, STACK } from "./guest.ts";
import { BASE, PAGES, SLOTS, type Target } from "./acts.ts";
import { emulate, emulated, faultOf, type Store, translate, type Translation } from "./stores.ts";
import { type Domain, World } from "./world.ts";

const M2P = 512, MOST = PAGES + EXTRA + 6;
const SET_TRAP_TABLE = 0, KERNEL_CS = 0xe019;
const GRANT_TABLE_OP = 20, MULTICALL = 13, SETUP_TABLE = 2;
/** What an access does, and its number for the walker (core/wasm/pagetables/walk.ts). */
const ACCESS = { read: 0, write: 1, modify: 3, locked: 3 + 16 };
export type AccessKind = keyof typeof ACCESS;
/** Where in the argument page a multicall's entry goes. */
const MULTI = 3072;

/** One domain, as the core has it and as the model has it. */
export class Side {
  /** What its pages are at present, by their number. */
  readonly mfns: number[];
  /** Translations an access may still use: by page, since the last flush. */
  readonly cached = new Map<number, Translation[]>();
  /** An access may have been cached, and be so until a flush. */
  remember(va: number, t: Translation | undefined): void {
    if (!t) return;
    const page = Math.floor(va / 4096);
    const others = (this.cached.get(page) ?? []).filter((k) =>
      k.frame !== t.frame || k.writable !== t.writable || k.user !== t.user
    );
    this.cached.set(page, [t, ...others]);
  }

  /**
   * The guest flushes a page, or all. After a flush of all, as after a slice, pages that were used may be
   * cached as the tables have them: a processor may walk to them at any time, and the core keeps what is
   * not stale (core/wasm/pagetables/address_space.ts).
   */
  flush(only?: number): void {
    if (only !== undefined) {
      this.cached.set(only, []);
      return;
    }
    for (const page of this.cached.keys()) {
      const now = this.walk(page * 4096);
      this.cached.set(page, now ? [now] : []);
    }
  }

  /** What its own code did cannot be told: it is of no more use. */
  lost = false;
  /** Its code has been run often enough to be translated. */
  warm = false;

  /** @param walk where the domain's tables lead, as they are */
  constructor(
    readonly core: TestDomain,
    readonly model: Domain,
    readonly walk: (va: number) => Translation | undefined,
  ) {
    this.mfns = [...core.mfns];
  }
}

/** Whether a frame is the hypervisor's own, where it remembers grants in use: the model has no such memory. */
function isOwn(view: DataView, mfn: number): boolean {
  const info = PAGE_INFO + mfn * PAGE_INFO_SIZE;
  return view.getUint32(info, true) === 1 && view.getUint32(info + 12, true) === DOMID_XEN;
}

/** One that translates at once what a slice ended in. */
function translatorFor(core: TranslatorCore): Translator {
  const build: Builder["build"] = (regions, built) => {
    const bytes = buildRegions(regions);
    built(new WebAssembly.Module(bytes), "", bytes.length);
  };
  return new Translator(core, { hot: 1, builder: { build, stop: () => {} } });
}

export class Pair {
  readonly world: World;
  readonly sides: Side[] = [];
  readonly #free: number;
  readonly #ownAtStart: number;
  /** Frames the hypervisor took for itself since. */
  #taken = 0;

  private constructor(readonly rig: Rig) {
    this.world = new World(rig.core.machine_size(), M2P);
    this.#free = rig.core.machine_free_frames();
    this.#ownAtStart = this.#own();
    for (let slot = 0; slot < SLOTS; slot++) this.sides[slot] = this.#create();
  }

  static #rig: Promise<Rig> | undefined;
  static #translator: Translator | undefined;
  /** What translates the guests' code, if anything does. */
  readonly translator = Pair.#translator;

  /**
   * A pair in the one machine that all sequences of a process use: nothing may be left of the one before.
   *
   * @param translated guests' code is translated as soon as it has run
   */
  static async create(translated = false): Promise<Pair> {
    if (translated !== (Pair.#translator !== undefined)) Pair.forget();
    const rig = await (Pair.#rig ??= Rig.create(1024));
    if (translated) Pair.#translator ??= translatorFor(rig.core as unknown as TranslatorCore);
    return new Pair(rig);
  }

  /** After a failure nothing is known of the machine: the next sequence gets another. */
  static forget(): void {
    Pair.#rig = Pair.#translator = undefined;
  }

  #create(): Side {
    const { rig } = this;
    rig.core.slice_end();
    const core = TestDomain.create(rig, PAGES + EXTRA, MOST, 0, (id) => this.enter(id));
    this.memory(core.mfns[CODE]).set(IMAGE);
    const traps = core.args([14 | (KERNEL_CS << 16), HANDLER, 0, 0]);
    assert.equal(core.hypercall(SET_TRAP_TABLE, traps), 0);
    const list = core.args([0x7ff0, 1, 0, ARGS + 64]);
    assert.equal(core.hypercall(GRANT_TABLE_OP, SETUP_TABLE, list, 1), 0);
    const model = build(this.world, {
      id: core.id,
      maxPages: MOST,
      mfns: core.mfns,
      sharedInfo: core.sharedInfo,
      grantFrame: core.word(64),
      fill: (mfn) => this.memory(mfn),
    });
    return new Side(core, model, (va) => translate(this.world, model, va));
  }

  /** Makes a domain's vCPU the running one. */
  enter(id: number): void {
    const { core } = this.rig;
    // no upcall: what it writes into shared_info must not ask for one, as there is nobody to take it
    for (const side of this.sides) {
      if (!side.model.dead) this.memory(side.core.sharedInfo).set([0, 1]);
    }
    if (core.inspect_current() === id << 16) return;
    core.slice_end();
    for (const side of this.sides) core.domain_pause(side.core.id);
    assert.equal(core.domain_unpause(id), 0);
    assert.equal(core.slice_begin(0n, 0x7fffffff), 1);
    assert.equal(core.inspect_current(), id << 16);
  }

  memory(mfn: number): Uint8Array {
    return this.rig.bytes.subarray(MACHINE + mfn * 4096, MACHINE + mfn * 4096 + 4096);
  }

  /** Frame number of what a step names. */
  mfn(t: Target): number {
    const side = this.sides[t.slot];
    if ("pfn" in t) return side.mfns[t.pfn];
    const { size } = this.world;
    const specials = { zero: 0, m2p: M2P, beyond: size + 5, ones: 0xffffffffff, last: size - 1 };
    if (t.what === "shared") return side.core.sharedInfo;
    return t.what === "grant" ? side.model.grantFrame.mfn : specials[t.what];
  }

  /** A hypercall, by itself or as the only entry of a multicall. */
  call(side: Side, multi: boolean, nr: number, ...args: number[]): number {
    const { core } = side;
    if (!multi) return core.hypercall(nr, ...args);
    const list = core.args([nr, 0, ...args, 0, 0, 0, 0, 0, 0].slice(0, 8), MULTI);
    core.hypercall(MULTICALL, list, 1);
    return core.word(MULTI + 4) | 0;
  }

  /**
   * Asserts that the core answered as the model. Who has just unmapped its arguments cannot be told, and
   * the rest of a list was not to be read.
   */
  agree(side: Side, got: number, expected: number, what: string): void {
    if (this.canCall(side)) assert.equal(got, expected, what);
  }

  /** One access of an instruction at ring 1 or 3. */
  access(side: Side, s: Store, kind: AccessKind, user: boolean): void {
    const { core } = this.rig;
    const write = kind !== "read";
    const now = translate(this.world, side.model, s.va);
    const host = core.probe_access(
      BigInt(s.va),
      s.size,
      ACCESS[kind],
      user ? 3 : 1,
    ) >>> 0;
    const fault = faultOf(now, write, user);
    if (host !== 0 && host !== CPU + SPLIT) return this.#reach(side, s, write, user, now, host);
    let refused = host === 0;
    if (host !== 0) {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, s.value, true);
      this.rig.bytes.set(bytes, host);
      refused = core.probe_commit() === 0;
    }
    const takenOn = write && !user && fault === 3 && emulated(side.model, now, s);
    assert.equal(host !== 0, takenOn, "whether the store is emulated");
    const done = takenOn && emulate(this.world, side.model, now!.frame, s);
    assert.equal(refused, !done, "whether the access faults");
    if (!refused) return;
    assert.equal(this.rig.view.getUint32(CPU + C_FAULT, true), 14);
    assert.equal(this.rig.view.getUint32(CPU + C_FAULT_ERROR, true), fault, "the error code");
    this.rig.view.setUint32(CPU + C_FAULT, NO_FAULT, true);
  }

  /**
   * An access that reached memory: where the tables lead, or where they led since the last flush; and in
   * any case not where the domain may not go.
   */
  #reach(
    side: Side,
    s: Store,
    write: boolean,
    user: boolean,
    now: Translation | undefined,
    host: number,
  ): void {
    const f = this.world.frame((host - MACHINE) >>> 12)!;
    const page = Math.floor(s.va / 4096);
    const known = side.cached.get(page) ?? [];
    const all = now ? [now, ...known] : known;
    const used = all.find((t) => t.frame === f && faultOf(t, write, user) === undefined);
    assert.ok(
      used,
      `an access to ${s.va.toString(16)} reaches frame ${f.mfn}, which is not mapped there`,
    );
    const own = f.owner === side.model.id || side.model.mappings.some((m) => m?.mfn === f.mfn);
    const table = f.mfn >= M2P && f.mfn < M2P + 512;
    assert.ok(f.count && (own || (table && !write)), `frame ${f.mfn} is not the domain's to reach`);
    side.remember(s.va, now);
    if (!write) return;
    assert.ok(f.type === "writable" || !f.typeCount, `a store reaches frame ${f.mfn}, a ${f.type}`);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, s.value, true);
    f.bytes.set(bytes.subarray(0, s.size), s.va % 4096);
    this.rig.bytes.set(bytes.subarray(0, s.size), host);
  }

  /** Makes the core walk to the arguments, so that the accessed bits that takes are set before a step. */
  touchArguments(side: Side): void {
    this.rig.core.probe_access(BigInt(ARGS), 4, 1, 1);
    let table = side.model.cr3;
    for (let level = 3; table && level > 0; level--) {
      takeAccessed(table, this.memory(table.mfn));
      const e = table.words[Math.floor(ARGS / 2 ** (3 + 9 * level)) % 512];
      table = level > 1 ? this.world.frame(mfnOf(e)) ?? null : null;
    }
  }

  /** What stands in argument pages and shared_info is not the model's business: it takes it over. */
  syncArguments(): void {
    for (const { core, model } of this.sides) {
      for (const mfn of [core.mfns[4], core.mfns[LIST], core.mfns[STACK], core.sharedInfo]) {
        const f = this.world.frame(mfn)!;
        if (f.owner === model.id) f.bytes.set(this.memory(mfn));
      }
    }
  }

  /** A frame that has become free must be reached by no old translation, whoever gets it next. */
  forgetFreed(): void {
    for (const { cached } of this.sides) {
      for (const [page, list] of cached) {
        const left = list.filter((t) => t.frame.count > 0);
        if (left.length < list.length) cached.set(page, left);
      }
    }
  }

  /** Whether a domain can still pass arguments. */
  canCall(side: Side): boolean {
    const t = translate(this.world, side.model, ARGS);
    return t !== undefined && t.writable && t.frame.mfn === side.core.mfns[4];
  }

  /** Whether its code can go through a list with arguments. */
  canRun(side: Side): boolean {
    const pages = [[CODE, false], [LIST, true], [STACK, true]] as const;
    return this.canCall(side) && pages.every(([page, written]) => {
      const t = translate(this.world, side.model, BASE + page * 4096);
      return t?.frame.mfn === side.core.mfns[page] && (t.writable || !written);
    });
  }

  /**
   * Destroys a domain; its place is another's.
   *
   * @param untold what it did last is not known in full: what others still map of it, and what it had
   *   mapped of theirs, may hold anything
   */
  replace(slot: number, untold = false): void {
    const { model } = this.sides[slot];
    const touched = [...this.world.frames()].filter((f) =>
      f.owner === model.id || model.mappings.some((m) => m?.mfn === f.mfn)
    );
    this.#end(this.sides[slot]);
    for (const f of untold ? touched : []) {
      if (!f.count) continue;
      f.bytes.set(this.memory(f.mfn));
      f.pfn = this.rig.view.getUint32(MACHINE + M2P * 4096 + f.mfn * 4, true);
    }
    this.compare();
    this.sides[slot] = this.#create();
  }

  #end(side: Side): void {
    this.syncArguments();
    this.rig.core.slice_end();
    assert.equal(this.rig.core.domain_destroy(side.core.id), 0);
    destroy(this.world, side.model);
  }

  /** Destroys all: not a frame may be missing. */
  end(): void {
    for (const side of this.sides) this.#end(side);
    this.compare();
    assert.equal(this.rig.core.machine_free_frames(), this.#free, "frames are lost");
  }

  #own(): number {
    let count = 0;
    for (let mfn = this.rig.core.machine_size() - 1; mfn >= 0; mfn--) {
      if (isOwn(this.rig.view, mfn)) count++;
    }
    return count;
  }

  /** Every frame: owner, counts, type, pins, pfn, contents; and the core's own recount. */
  compare(): void {
    const { view, core, bytes } = this.rig;
    for (const f of this.world.frames()) {
      const at = PAGE_INFO + f.mfn * PAGE_INFO_SIZE;
      if (f.count === 0 && isOwn(view, f.mfn)) continue;
      compareFrame(f, view, at, bytes, MACHINE + f.mfn * 4096, this.world);
      const pfn = view.getUint32(MACHINE + M2P * 4096 + f.mfn * 4, true);
      if (pfn !== f.pfn) assert.equal(pfn, f.pfn, `pfn of ${f.mfn}`);
    }
    const taken = this.#free - this.world.used - core.machine_free_frames();
    if (taken !== this.#taken) this.#taken = this.#own() - this.#ownAtStart;
    assert.equal(this.#taken, taken, "free frames");
  }

  audit(side: Side): void {
    assert.equal(this.rig.audit(side.core.id), "", "audit");
  }
}
