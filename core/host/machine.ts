/**
 * The machine: one core and its domains, with the host's devices at their rings.
 */
import { loadModule } from "../build/load.ts";
import { buildDomain, BuildError, type BuiltDomain } from "./builder/build.ts";
import { planDomain } from "./builder/plan.ts";
import { type Clock, type TimeMode, VirtualClock, WallClock } from "./clock.ts";
import { Console, type ConsoleSink } from "./console.ts";
import type { Core } from "./core.ts";
import { defaultName, Domain } from "./domain.ts";
import { type GuestImage, loadImage } from "./elf/image.ts";
import { GuestPage } from "./guest_page.ts";
import { Log, type LogSink } from "./log.ts";
import { instantiate, type TraceHandler } from "./module.ts";
import { optionBits, type OptionValues } from "./options.ts";
import { RunLoop } from "./run_loop.ts";
import { DESTROYED, FAILED, type Shutdown, shutdownName } from "./shutdown.ts";
import { fromEnvironment, type JitMode, jitMode, Translation } from "./translation.ts";
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

export interface MachineOptions {
  /** paravane.wasm; the one this tree builds when not given. */
  module?: WebAssembly.Module | Uint8Array<ArrayBuffer>;
  /** What the guests' clocks follow: the host's clock (the default), or their own instructions. */
  time?: TimeMode;
  /** Whether hot guest code is translated to WebAssembly: "on" when not given; false is "off". */
  jit?: boolean | JitMode;
  /** Takes the lines of the hypervisor's log; they are dropped when not given. */
  log?: LogSink;
  /**
   * Most guest instructions in the next slice, for tests that want vCPUs and events in other orders
   * than usual; about a millisecond's worth when not given.
   */
  slice?: () => number;
}

export interface DomainOptions {
  /** In MiB; 64 when not given. */
  memory?: number;
  /** What the guest may grow to (ballooning), in MiB; its memory when not given. */
  maxMemory?: number;
  /** 1 when not given. */
  vcpus?: number;
  commandLine?: string;
  ramdisk?: Uint8Array;
  name?: string;
  /** See core/host/options.ts. */
  options?: OptionValues;
  /** CPU features the guest is not told of, each as in xl.cfg's cpuid: "no-ssse3,no-sse3". See core/host/cpuid.ts. */
  cpuid?: string | readonly string[];
  /** Whether it has a xenstore; true when not given. Without one, start_info names no ring and no port for it. */
  xenstore?: boolean;
  /** Takes the console's output; it is dropped when not given. */
  output?: ConsoleSink;
  limits?: DomainLimits;
  /** Whether it waits for Domain.unpause before its first instruction. */
  paused?: boolean;
  /**
   * Called when it has shut down or was ended, before anything else runs. In virtual time no guest
   * runs until the promise has settled, so that what is done here happens at the same moment in each run.
   */
  onShutdown?: (shutdown: Shutdown) => void | Promise<void>;
}

/** What a domain may take of the hypervisor, besides memory and vCPUs. */
export interface DomainLimits {
  /** Frames of its grant table, 1 to 64: each has 512 entries, or 256 of version 2. */
  grantFrames?: number;
  /** Grants of others that it may have mapped at a time, up to 1024. */
  maptrack?: number;
  /** Event channels, up to 1023. The console and the store take one each. */
  eventChannels?: number;
}

/** More than any limit can be: as much as there is room for. */
const UNLIMITED = 0xffff;

/** Makes a machine without domains. */
export async function createMachine(options: MachineOptions = {}): Promise<Machine> {
  const clock = options.time === "virtual" ? new VirtualClock() : new WallClock();
  const log = new Log(options.log ?? (() => {}));
  const tracing: { handler: TraceHandler } = { handler: () => {} };
  const module = options.module ?? await loadModule();
  const trace: TraceHandler = (...args) => tracing.handler(...args);
  const core = await instantiate(module, { clock, log, trace });
  if (clock.mode === "virtual") core.exports.time_init(1, clock.wall());
  const jit = jitMode(options.jit ?? fromEnvironment());
  const machine = new Machine(core, clock, log, tracing, jit, options.slice);
  await machine.translation.prepare();
  return machine;
}

export class Machine {
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
  readonly translation: Translation;

  /** Use {@link createMachine}. */
  constructor(
    readonly core: Core,
    clock: Clock,
    private readonly log: Log,
    private readonly tracing: { handler: TraceHandler },
    jit: JitMode = "on",
    slice?: () => number,
  ) {
    this.translation = new Translation(core, jit, (line) => log.line(line));
    this.loop = new RunLoop(core, clock, {
      slice: slice ?? (jit === "always" ? () => ALWAYS_SLICE : undefined),
      sliced: () => this.translation.sliced(),
      service: (idle) => {
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
   * @param image an ELF file, gzip'd or not, or a bzImage; or what loadImage made of one
   * @throws ImageError when the image or the options are no good, CpuidError when `cpuid` is, BuildError when there is not
   *   enough memory: nothing has changed then
   */
  async addDomain(image: Uint8Array | GuestImage, options: DomainOptions = {}): Promise<Domain> {
    const memory = options.memory ?? 64;
    const guest = image instanceof Uint8Array ? await loadImage(image) : image;
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
    const frames = plan.maxMemoryPages + OVERHEAD_FRAMES;
    this.makeRoom(frames);
    const built = buildDomain(this.core, plan);
    const { grantFrames, maptrack, eventChannels } = options.limits ?? {};
    this.core.exports.domain_set_limits(
      built.domid,
      grantFrames ?? UNLIMITED,
      maptrack ?? UNLIMITED,
      eventChannels ?? UNLIMITED,
    );
    const domain = this.connect(built, frames, options);
    if (!domain.paused) this.core.exports.domain_unpause(domain.id);
    this.loop.start();
    return domain;
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
    this.domains.delete(domain.id);
    domain.console.close();
    this.xenstore.release(domain.id);
    removeDomainNodes(this.xenstore, domain.id, domain.uuid);
    for (const mfn of domain.heldFrames) this.core.exports.host_release_frame(mfn);
    this.core.exports.domain_destroy(domain.id);
    if (domain.running) domain.end({ code: DESTROYED, name: "destroyed", crash: null });
  }

  /** Chooses what the handler is told: the sum of TRACE_ bits (core/wasm/trace.ts). */
  trace(mask: number, handler: TraceHandler): void {
    this.tracing.handler = handler;
    this.core.exports.trace_set(mask);
  }

  /** Stops running guests, for good. */
  stop(): void {
    this.translation.stop();
    this.loop.stop();
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

  private setPaused(domid: number, paused: boolean): void {
    const { exports } = this.core;
    if (paused) exports.domain_pause(domid);
    else exports.domain_unpause(domid);
    this.loop.wake();
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

  private serve(domain: Domain): void {
    domain.console.service();
    if (this.core.exports.domain_state(domain.id) >= DOM_SHUTDOWN) this.ended(domain);
  }

  private ended(domain: Domain): void {
    const { exports } = this.core;
    const code = exports.domain_shutdown_code(domain.id);
    const crash = this.core.string(exports.domain_crash_reason(domain.id)) || null;
    const work = domain.end({ code, name: shutdownName(code), crash })?.catch(() => {})
      .finally(() => this.unsettled.delete(work!));
    if (work) this.unsettled.add(work);
  }

  /** The core failed, which no guest should be able to bring about: everything ends. */
  private failed(error: unknown): void {
    const crash = `the hypervisor failed: ${error instanceof Error ? error.stack : error}`;
    for (const domain of this.domains.values()) {
      if (domain.running) domain.end({ code: FAILED, name: "failure of the hypervisor", crash });
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
