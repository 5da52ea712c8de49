/**
 * The machine: one core and its domains, with the host's devices at their rings. making.ts makes domains, upkeep.ts
 * looks after them, run_loop.ts has them run.
 */
import { onAbort } from "./abort.ts";
import { planDomain } from "./builder/plan.ts";
import type { Clock } from "./clock.ts";
import type { Core } from "./core.ts";
import { asyncDispose } from "./dispose.ts";
import type { Domain } from "./domain.ts";
import { type GuestImage, loadImage } from "./elf/image.ts";
import { StateError } from "./error.ts";
import { fetchImage } from "./fetch_image.ts";
import { guarded } from "./guarded.ts";
import type { Log } from "./log.ts";
import type { DomainOptions, MachineOptions } from "./machine_options.ts";
import { FRAMES_PER_MIB, Making } from "./making.ts";
import type { TraceHandler } from "./module.ts";
import { optionBits } from "./options.ts";
import type { Profile } from "./profile.ts";
import { Reclaim } from "./reclaim.ts";
import { RunLoop } from "./run_loop.ts";
import { DESTROYED } from "./shutdown.ts";
import { Stepper } from "./stepper.ts";
import { listen, type TraceEvent, type TraceEventKind, type TraceFilter } from "./trace/events.ts";
import type { TraceHub } from "./trace/hub.ts";
import { type JitMode, Translation } from "./translation.ts";
import { nextTurn } from "./turn.ts";
import { Upkeep } from "./upkeep.ts";
import { Xenstore } from "./xenstore/daemon.ts";
import { removeDomainNodes } from "./xenstore/domain_tree.ts";

/** Instructions in a slice where all is translated: code is found at the ends of slices. */
const ALWAYS_SLICE = 2000;

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
  private readonly loop: RunLoop;
  private readonly stepper: Stepper;
  private readonly upkeep: Upkeep;
  private readonly making: Making;
  private readonly reclaim: Reclaim;
  /** Domains to be destroyed when the slice is over. */
  private readonly doomed = new Set<Domain>();
  private untrace = () => {};
  private forgetSignal = () => {};
  private closed = false;
  /** @internal What translates hot code. */
  readonly translation: Translation;
  /** @internal What was run up to now, where it is counted. */
  profile: Profile | null = null;

  /** @internal Use {@link createMachine}. */
  constructor(
    readonly core: Core,
    clock: Clock,
    log: Log,
    private readonly hub: TraceHub,
    private readonly reportError: (error: unknown) => void,
    jit: JitMode = "on",
    { slice, profile, translated }: MachineOptions = {},
  ) {
    const say = (line: string) => log.line(line);
    this.translation = new Translation(core, jit, hub, say, profile, translated);
    this.stepper = new Stepper(core);
    this.upkeep = new Upkeep(core, this.xenstore, this.stepper, clock.mode, reportError);
    this.reclaim = new Reclaim(core, clock.mode === "virtual");
    this.making = new Making(core, log, this.xenstore, this.upkeep, this.reclaim, {
      wake: () => this.loop.wake(),
      setPaused: (domid, paused) => this.setPaused(domid, paused),
      step: (domid, count) => this.step(domid, count),
      destroy: (domain) => this.destroyDomain(domain),
      failed: reportError,
    });
    const full = slice ?? (jit === "always" ? () => ALWAYS_SLICE : () => undefined);
    this.loop = new RunLoop(core, clock, {
      slice: () => this.stepper.active ? this.stepper.left : full(),
      sliced: () => this.translation.sliced(),
      service: (idle) => {
        this.stepper.sliced();
        this.translation.sliceEnded();
        for (const domain of this.doomed) this.destroyDomain(domain);
        this.doomed.clear();
        this.upkeep.service(idle);
      },
      settled: () => this.upkeep.waitForSlowReaders(),
      failed: (error) => this.upkeep.failed(error),
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
    const domain = await this.making.make(plan, options, () => {
      signal?.throwIfAborted();
      this.mustBeOpen();
    });
    if (!domain.paused && !this.stepper.hold(domain.id)) {
      this.core.exports.domain_unpause(domain.id);
    }
    const forget = onAbort(signal, () => this.destroyDomain(domain));
    domain.shutdown.then(forget);
    this.loop.start();
    return domain;
  }

  /** Refuses what is asked of a closed machine. */
  private mustBeOpen(): void {
    if (this.closed) throw new StateError("machine-closed", "the machine is closed");
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
    const others = [...this.upkeep.domains.values()].filter((d) =>
      d.running && !d.paused && d.id !== domid
    );
    const done = this.stepper.begin(domid, count, others.map((d) => d.id));
    this.loop.wake();
    return done;
  }

  /**
   * Ends a domain, if it has not ended yet, and gives its memory back, which may take some turns of the event loop. Asked
   * for while a guest runs, by what takes log or trace lines, it happens when the slice is over.
   */
  destroyDomain(domain: Domain): void {
    const { core, upkeep: { domains } } = this;
    if (this.loop.slicing) {
      this.doomed.add(domain);
      return;
    }
    if (domains.get(domain.id) !== domain) return;
    this.profile?.collect();
    domains.delete(domain.id);
    domain.gone();
    this.stepper.end();
    domain.console.close();
    this.xenstore.release(domain.id);
    removeDomainNodes(this.xenstore, domain.id, domain.uuid);
    for (const mfn of domain.heldFrames) core.exports.host_release_frame(mfn);
    core.exports.domain_kill(domain.id);
    this.reclaim.begin();
    if (domain.running) {
      this.upkeep.end(domain, { code: DESTROYED, name: "destroyed", crash: null });
    }
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
    const { domains } = this.upkeep;
    for (const domain of domains.values()) this.destroyDomain(domain);
    // domains that were to go when the slice is over go before it settles
    if (this.doomed.size > 0) await nextTurn();
    for (const domain of this.doomed) this.destroyDomain(domain);
    this.stop();
    this.reclaim.stop();
    await Promise.allSettled([...this.upkeep.unsettled, this.making.settled]);
  }

  /** @internal Closes the machine when a signal is aborted. */
  closeOn(signal: AbortSignal | undefined): void {
    this.forgetSignal = onAbort(signal, () => void this.close());
  }

  /** `await using machine = await createMachine()` closes it. */
  [asyncDispose](): Promise<void> {
    return this.close();
  }
}
