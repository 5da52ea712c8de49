/**
 * The machine: one core and its domains, with the host's devices at their rings.
 */
import { loadModule } from "../build/load.ts";
import { buildDomain, BuildError, type BuiltDomain } from "./builder/build.ts";
import { type DomainPlan, planDomain } from "./builder/plan.ts";
import { onAbort } from "./abort.ts";
import { type Clock, VirtualClock, WallClock } from "./clock.ts";
import { Console } from "./console.ts";
import type { Core } from "./core.ts";
import { defaultName, Domain } from "./domain.ts";
import { StateError } from "./error.ts";
import { fetchImage } from "./fetch_image.ts";
import { type GuestImage, loadImage } from "./elf/image.ts";
import { GuestPage } from "./guest_page.ts";
import { Log } from "./log.ts";
import type { DomainOptions, MachineOptions } from "./machine_options.ts";
import { instantiate, type TraceHandler } from "./module.ts";
import { optionBits } from "./options.ts";
import type { Profile } from "./profile.ts";
import { RunLoop } from "./run_loop.ts";
import { DESTROYED, FAILED, type Shutdown, shutdownName } from "./shutdown.ts";
import { Stepper } from "./stepper.ts";
import { listen, type TraceEvent, type TraceEventKind, type TraceFilter } from "./trace/events.ts";
import { TraceHub } from "./trace/hub.ts";
import { fromEnvironment, type JitMode, jitMode, Translation } from "./translation.ts";
import { asyncDispose } from "./dispose.ts";
import { BUILDING_TURN, nextTurn, Turn } from "./turn.ts";
import { formatUuid, handleOf } from "./uuid.ts";
import { MAX_FRAMES } from "../wasm/layout.ts";
import { Xenstore } from "./xenstore/daemon.ts";
import { removeDomainNodes, writeDomainNodes } from "./xenstore/domain_tree.ts";

const FRAMES_PER_MIB = 256;
/** Instructions in a slice where all is translated: code is found at the ends of slices. */
const ALWAYS_SLICE = 2000;
/** Frames that a machine keeps for its own tables. */
const MACHINE_FRAMES = 1025;
/** Frames a domain may need besides its own memory: spare pages, shared_info, grant table. */
const OVERHEAD_FRAMES = 512;
/** Turns after which all domains' rings are looked at, whether they called or not. */
const SWEEP = 64;
/** domain_state of a domain that has shut down. */
const DOM_SHUTDOWN = 2;

/** More than any limit can be: as much as there is room for. */
const UNLIMITED = 0xffff;

/**
 * Makes a machine without domains.
 *
 * @example Several guests, and a signal that ends all of it
 * ```ts
 * import { createMachine, loadGuest } from "paravane";
 *
 * const abort = new AbortController();
 * const machine = await createMachine({ signal: abort.signal, log: console.error });
 * const image = (await loadGuest("skiff"))!;
 * const guests = await Promise.all([1, 2].map((n) => machine.addDomain(image, { memory: 16, name: `guest ${n}` })));
 * abort.abort();
 * for (const { shutdown } of guests) console.log((await shutdown).name); // "destroyed"
 * ```
 *
 * @throws the signal's reason when it is aborted before the machine is there
 */
export async function createMachine(options: MachineOptions = {}): Promise<Machine> {
  const { signal } = options;
  signal?.throwIfAborted();
  const print = (error: unknown) => console.error(error);
  // it is called in the middle of the core's work, so it must not throw either
  const failed = options.onError ? guarded(options.onError, print) : print;
  const clock = options.time === "virtual" ? new VirtualClock() : new WallClock();
  const log = new Log(guarded(options.log ?? (() => {}), failed));
  const module = options.module ?? await loadModule(options.profile ? "profile" : "");
  // the core tells of nothing before the hub has chosen what
  const late: { hub?: TraceHub } = {};
  const trace: TraceHandler = (...args) => late.hub!.handle(...args);
  const core = await instantiate(module, { clock, log, trace });
  late.hub = new TraceHub((mask) => core.exports.trace_set(mask), failed);
  if (clock.mode === "virtual") core.exports.time_init(1, clock.wall());
  const jit = jitMode(options.jit ?? fromEnvironment());
  const machine = new Machine(
    core,
    clock,
    log,
    late.hub,
    failed,
    jit,
    options,
  );
  if (options.profile) {
    const { Profile } = await import("./profile.ts");
    machine.profile = new Profile(machine, late.hub);
  }
  await machine.translation.prepare();
  if (signal?.aborted) {
    await machine.close();
    throw signal.reason;
  }
  machine.closeOn(signal);
  return machine;
}

/** A callback of the program's: what it throws does not reach the core. */
function guarded<A extends unknown[]>(
  f: (...args: A) => void,
  failed: (error: unknown) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      f(...args);
    } catch (error) {
      failed(error);
    }
  };
}

/** What a subscription is told of. */
export interface SubscribeOptions {
  /** What to be told of. */
  kinds: readonly TraceEventKind[];
  /** Only what happens on this domain's vCPUs. */
  domain?: Domain;
  /** Leaves events out before they are put together: what is left out costs next to nothing. */
  only?: TraceFilter;
  /** Ends the subscription when it is aborted. */
  signal?: AbortSignal;
}

/** A core and its domains. It runs them from when the first is added until it is closed. */
export class Machine {
  /** The store that its domains share: the host reads, writes and watches it as domain 0. */
  readonly xenstore: Xenstore = new Xenstore(() => this.loop.wake());
  private readonly domains = new Map<number, Domain>();
  /** Domains to be destroyed when the slice is over. */
  private readonly doomed = new Set<Domain>();
  /** Domains whose rings are to be looked at. */
  private readonly due = new Set<number>();
  private rounds = 0;
  /** What is still being done about domains that ended. */
  private readonly unsettled = new Set<Promise<void>>();
  /** Whether the core has memory for guests yet. */
  private initialised = false;
  private readonly loop: RunLoop;
  private readonly stepper: Stepper;
  private untrace = () => {};
  private forgetSignal = () => {};
  private closed = false;
  /** The domain that is being made last: one after the other, as each is made of what the ones before it left. */
  private making: Promise<unknown> = Promise.resolve();
  /** @internal What translates hot code. */
  readonly translation: Translation;
  /** @internal What was run up to now, where it is counted. */
  profile: Profile | null = null;

  /** @internal Use {@link createMachine}. */
  constructor(
    readonly core: Core,
    clock: Clock,
    private readonly log: Log,
    private readonly hub: TraceHub,
    private readonly reportError: (error: unknown) => void,
    jit: JitMode = "on",
    { slice, profile, translated }: MachineOptions = {},
  ) {
    const say = (line: string) => log.line(line);
    this.translation = new Translation(core, jit, hub, say, profile, translated);
    this.stepper = new Stepper(core);
    const full = slice ?? (jit === "always" ? () => ALWAYS_SLICE : () => undefined);
    this.loop = new RunLoop(core, clock, {
      slice: () => this.stepper.active ? this.stepper.left : full(),
      sliced: () => this.translation.sliced(),
      expecting: () => this.translation.building,
      service: (idle) => {
        this.stepper.sliced();
        this.translation.sliceEnded();
        this.service(idle);
      },
      settled: () => this.waitForSlowReaders(),
      failed: (error) => this.failed(error),
    });
  }

  /**
   * Builds a domain from an image and lets it run.
   *
   * @param image an ELF file, gzip'd or not, or a bzImage; where to fetch one; or what loadImage made of one
   * @throws ImageError when the image or the options are no good, CpuidError when `cpuid` is, BuildError when there is not
   *   enough memory, StateError when the file cannot be fetched or the machine is closed, the signal's reason when it is
   *   aborted: nothing has changed then
   */
  async addDomain(
    image: Uint8Array | URL | GuestImage,
    options: DomainOptions = {},
  ): Promise<Domain> {
    const { signal } = options;
    signal?.throwIfAborted();
    this.mustBeOpen();
    const memory = options.memory ?? 64;
    if (!(memory >= 0 && memory < Infinity)) {
      throw new StateError("argument", `memory is ${memory}, not a number of MiB`);
    }
    const file = image instanceof URL ? await fetchImage(image, signal) : image;
    const guest = file instanceof Uint8Array ? await loadImage(file) : file;
    const plan = await planDomain(guest, {
      memoryPages: memory * FRAMES_PER_MIB,
      maxMemoryPages: options.maxMemory && options.maxMemory * FRAMES_PER_MIB,
      vcpus: options.vcpus,
      commandLine: options.commandLine,
      ramdisk: options.ramdisk,
      options: optionBits(options.options ?? {}),
      xenstore: options.xenstore,
      cpuid: typeof options.cpuid === "string" ? [options.cpuid] : options.cpuid,
    });
    const making = this.making.then(() => this.make(plan, options));
    this.making = making.catch(() => {});
    const domain = await making;
    if (!domain.paused && !this.stepper.hold(domain.id)) {
      this.core.exports.domain_unpause(domain.id);
    }
    const forget = onAbort(signal, () => this.destroyDomain(domain));
    domain.shutdown.then(forget);
    this.loop.start();
    return domain;
  }

  /** Builds a domain, while others run, and connects it. */
  private async make(plan: DomainPlan, options: DomainOptions): Promise<Domain> {
    const mayGoOn = () => {
      options.signal?.throwIfAborted();
      this.mustBeOpen();
    };
    mayGoOn();
    const frames = plan.maxMemoryPages + OVERHEAD_FRAMES;
    this.makeRoom(frames);
    const turn = new Turn(BUILDING_TURN);
    const built = await buildDomain(this.core, plan, async () => {
      if (turn.over) await turn.pass();
      mayGoOn();
    });
    const { grantFrames, maptrack, eventChannels } = options.limits ?? {};
    this.core.exports.domain_set_limits(
      built.domid,
      grantFrames ?? UNLIMITED,
      maptrack ?? UNLIMITED,
      eventChannels ?? UNLIMITED,
    );
    return this.connect(built, frames, options);
  }

  /** Refuses what is asked of a closed machine. */
  private mustBeOpen(): void {
    if (this.closed) throw new StateError("machine-closed", "the machine is closed");
  }

  /**
   * Ends a domain, if it has not ended yet, and gives its memory back. Asked for while a guest runs, by
   * what takes log or trace lines, it happens when the slice is over.
   */
  destroyDomain(domain: Domain): void {
    if (this.loop.slicing) {
      this.doomed.add(domain);
      return;
    }
    if (this.domains.get(domain.id) !== domain) return;
    this.profile?.collect();
    this.domains.delete(domain.id);
    domain.gone();
    this.stepper.end();
    domain.console.close();
    this.xenstore.release(domain.id);
    removeDomainNodes(this.xenstore, domain.id, domain.uuid);
    for (const mfn of domain.heldFrames) this.core.exports.host_release_frame(mfn);
    this.core.exports.domain_destroy(domain.id);
    if (domain.running) this.endNow(domain, { code: DESTROYED, name: "destroyed", crash: null });
  }

  /**
   * @internal Chooses what one handler is told, in the core's own words: the sum of TRACE_ bits (core/wasm/trace.ts).
   * The handler before goes; subscriptions stay.
   */
  trace(mask: number, handler: TraceHandler): void {
    this.untrace();
    this.untrace = mask ? this.hub.listen(mask, handler) : () => {};
  }

  /**
   * Tells of what happens inside, from now on. What nobody has subscribed to costs nothing.
   *
   * @example The guest's changes of page tables, and how its page faults ended
   * ```ts
   * import { createMachine, loadGuest } from "paravane";
   *
   * const PAGE_FAULT = 14;
   * await using machine = await createMachine();
   * const end = machine.subscribe({
   *   kinds: ["mmu", "trap"],
   *   only: (kind, number) => kind === "mmu" || number === PAGE_FAULT,
   * }, (event) => {
   *   if (event.kind === "mmu") console.log("level", event.level, event.value.toString(16), event.result);
   *   if (event.kind === "trap") console.log("fault at", event.address?.toString(16), event.how);
   * });
   * const domain = await machine.addDomain((await loadGuest("skiff"))!, { memory: 16 });
   * domain.requestShutdown("poweroff");
   * await domain.shutdown;
   * end();
   * ```
   *
   * @param take called in the middle of the guest's slice; what it throws goes to `onError`
   * @returns ends the subscription
   */
  subscribe(options: SubscribeOptions, take: (event: TraceEvent) => void): () => void {
    const { domain, signal } = options;
    if (signal?.aborted) return () => {};
    const kinds = new Set(options.kinds);
    const filtered = (event: TraceEvent) => {
      if (!domain || (event.kind !== "jit" && event.domain === domain.id)) take(event);
    };
    const ends = [listen(this.hub, this.core, kinds, filtered, options.only)];
    if (kinds.has("jit")) {
      const tell = guarded((text: string) => take({ kind: "jit", text }), this.reportError);
      ends.push(this.translation.listen(tell));
    }
    const end = () => {
      for (const each of ends.splice(0)) each();
    };
    ends.push(onAbort(signal, end));
    return end;
  }

  /** Stops running guests, for good. */
  stop(): void {
    this.profile?.stop();
    this.stepper.end();
    this.translation.stop();
    this.loop.stop();
  }

  /** Destroys all domains and stops. Nothing more can be asked of the machine; closing it again does nothing. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.forgetSignal();
    this.untrace();
    for (const domain of this.domains.values()) this.destroyDomain(domain);
    // domains that were to go when the slice is over go before it settles
    if (this.doomed.size > 0) await nextTurn();
    for (const domain of this.doomed) this.destroyDomain(domain);
    this.stop();
    await Promise.allSettled([...this.unsettled, this.making]);
  }

  /** @internal Closes the machine when a signal is aborted. */
  closeOn(signal: AbortSignal | undefined): void {
    this.forgetSignal = onAbort(signal, () => void this.close());
  }

  /** `await using machine = await createMachine()` closes it. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Room in the machine's memory for a domain of so many frames, besides what the others were promised
   * and have not taken yet. Frames of a destroyed domain that another still maps are not free.
   */
  private makeRoom(frames: number): void {
    const { exports } = this.core;
    let missing = frames;
    if (this.initialised) {
      for (const domain of this.domains.values()) {
        missing += Math.max(0, domain.frames - exports.domain_frames(domain.id));
      }
      missing -= exports.machine_free_frames();
      if (missing <= 0) return;
    }
    const result = this.initialised ? exports.machine_grow(missing) : exports.machine_init(missing);
    if (result < 0) throw new BuildError("room", result, this.noRoom(frames, missing));
    this.initialised = true;
  }

  /** Why there is no room for a domain of so many frames, of which so many are missing. */
  private noRoom(frames: number, missing: number): string {
    const mib = (n: number) => `${Math.ceil(n / FRAMES_PER_MIB)} MiB`;
    const size = this.initialised ? this.core.exports.machine_size() : 0;
    const full = size + missing > MAX_FRAMES - MACHINE_FRAMES;
    return full
      ? `no room for its ${mib(frames)}: all guests of a machine together have ${mib(MAX_FRAMES)}` +
        (size > 0 ? `, and ${mib(size + missing - frames)} are taken` : "")
      : `this host gives no ${mib(missing)} of memory more`;
  }

  /** Gives a built domain its console, its connection to the store, and its place among the others. */
  private connect(built: BuiltDomain, frames: number, options: DomainOptions): Domain {
    const { exports } = this.core;
    const { domid, plan } = built;
    const page = (mfn: number) => {
      exports.host_hold_frame(domid, mfn);
      return new GuestPage(exports.memory, this.core.frameAddress(mfn));
    };
    // Who is notified may have become runnable: an idle machine must look again.
    const notifier = (port: number) => () => {
      this.loop.wake();
      exports.host_evtchn_notify(domid, port);
    };
    const name = options.name ?? defaultName(domid);
    const handle = handleOf(domid);
    const uuid = formatUuid(handle);
    const domain = new Domain({
      id: domid,
      name,
      vcpus: plan.vcpus,
      frames,
      heldFrames: [built.storeMfn, built.consoleMfn],
      uuid,
      paused: options.paused ?? false,
      setPaused: (paused) => this.setPaused(domid, paused),
      step: (count) => this.step(domid, count),
      destroy: () => this.destroyDomain(domain),
      core: this.core,
      wake: () => this.loop.wake(),
      onShutdown: options.onShutdown ?? (() => {}),
      storePort: built.storePort,
      consolePort: built.consolePort,
      consoleFrame: built.consoleMfn,
      symbols: plan.image.symbols,
      xenstore: this.xenstore,
      console: new Console(
        page(built.consoleMfn),
        notifier(built.consolePort),
        options.output ?? (() => {}),
        () => {
          this.due.add(domid);
          this.loop.wake();
        },
        this.reportError,
      ),
    });
    exports.host_evtchn_bind(domid, built.storePort);
    exports.host_evtchn_bind(domid, built.consolePort);
    exports.domain_set_handle(domid, this.core.post(handle));
    const memoryKiB = plan.layout.totalPages * 4;
    writeDomainNodes(this.xenstore, {
      domid,
      name,
      uuid,
      memoryKiB,
      maxMemoryKiB: plan.maxMemoryPages * 4,
      vcpus: plan.vcpus,
      storePort: built.storePort,
      storeFrame: built.storeMfn,
      consolePort: built.consolePort,
      consoleFrame: built.consoleMfn,
    });
    if (plan.xenstore) {
      this.xenstore.introduce(domid, page(built.storeMfn), {
        notify: notifier(built.storePort),
        log: (line) => this.log.line(`d${domid}: ${line}`),
      });
    } else exports.host_hold_frame(domid, built.storeMfn);
    this.domains.set(domid, domain);
    return domain;
  }

  /** Lets a domain run, or keeps it from running. */
  private setPaused(domid: number, paused: boolean): void {
    const { exports } = this.core;
    this.stepper.end();
    if (paused) exports.domain_pause(domid);
    else exports.domain_unpause(domid);
    this.loop.wake();
  }

  /** Lets a paused domain run so many instructions. */
  private step(domid: number, count: number): Promise<void> {
    this.stepper.end();
    const others = [...this.domains.values()].filter((d) =>
      d.running && !d.paused && d.id !== domid
    );
    const done = this.stepper.begin(domid, count, others.map((d) => d.id));
    this.loop.wake();
    return done;
  }

  /**
   * Looks after the rings of the domains that called, and finds those that ended. Now and then, and
   * before all falls asleep, after everybody's: a guest may forget to call.
   */
  private service(idle: boolean): void {
    for (const domain of this.doomed) this.destroyDomain(domain);
    this.doomed.clear();
    const { exports } = this.core;
    const { due } = this;
    for (let domid; (domid = exports.host_next_caller()) !== 0;) due.add(domid);
    if (idle || ++this.rounds % SWEEP === 0) {
      for (const domid of this.domains.keys()) due.add(domid);
    }
    this.xenstore.service(due);
    for (const domid of due) {
      const domain = this.domains.get(domid);
      if (domain?.running) this.serve(domain);
      if (!domain?.console.waitsForRoom) due.delete(domid);
    }
  }

  /** Looks after one domain, that called or may have. */
  private serve(domain: Domain): void {
    domain.console.service();
    if (this.core.exports.domain_state(domain.id) >= DOM_SHUTDOWN) this.ended(domain);
  }

  /** Takes note of a domain that has shut down or crashed. */
  private ended(domain: Domain): void {
    const { exports } = this.core;
    const code = exports.domain_shutdown_code(domain.id);
    const crash = this.core.string(exports.domain_crash_reason(domain.id)) || null;
    this.stepper.end();
    void domain.console.finish();
    this.endNow(domain, { code, name: shutdownName(code), crash });
  }

  /** Tells that a domain has ended, and remembers what is being done about it. */
  private endNow(domain: Domain, shutdown: Shutdown): void {
    const told = async () => await domain.end(shutdown);
    const work = told().catch(this.reportError).finally(() => this.unsettled.delete(work));
    this.unsettled.add(work);
  }

  /** The core failed, which no guest should be able to bring about: everything ends. */
  private failed(error: unknown): void {
    const crash = `the hypervisor failed: ${error instanceof Error ? error.stack : error}`;
    for (const domain of this.domains.values()) {
      if (domain.running) {
        this.endNow(domain, { code: FAILED, name: "failure of the hypervisor", crash });
      }
    }
  }

  /** In virtual time a guest must not see how fast its output is read: everything waits with it. */
  private async waitForSlowReaders(): Promise<void> {
    for (const domain of this.domains.values()) {
      if (domain.console.congested) await domain.console.drained();
    }
    for (const work of this.unsettled) await work;
  }
}
