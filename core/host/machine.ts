/**
 * The machine: one core, its domains, and the loop that lets them run.
 *
 * A turn of the loop is one slice of guest code, then the rings of the host's own devices. When no
 * guest can run, the machine sleeps until the next timer or until something wakes it: it never
 * polls. Long runs give way to the host's event loop, so that input and timeouts get their turn.
 */
import { setImmediate } from "node:timers";
import { loadModule } from "../build/load.ts";
import { buildDomain, BuildError, type BuiltDomain } from "./builder/build.ts";
import { type DomainPlan, planDomain } from "./builder/plan.ts";
import { type Clock, type TimeMode, VirtualClock, WallClock } from "./clock.ts";
import { Console, type ConsoleSink } from "./console.ts";
import { type Core, RUN_HOST, RUN_IDLE } from "./core.ts";
import { Domain } from "./domain.ts";
import { type GuestImage, loadImage } from "./elf/image.ts";
import { GuestPage } from "./guest_page.ts";
import { Log, type LogSink } from "./log.ts";
import { instantiate, type TraceHandler } from "./module.ts";
import { optionBits, type OptionValues } from "./options.ts";
import { shutdownName } from "./shutdown.ts";
import { Xenstore } from "./xenstore/daemon.ts";
import { writeDomainNodes } from "./xenstore/domain_tree.ts";

/** Guest instructions in one slice: about a millisecond. */
const SLICE = 200_000;
/** Milliseconds of guest code after which the host's event loop gets its turn. */
const TURN = 8;
const FRAMES_PER_MIB = 256;
/** Frames a domain may need besides its own memory: spare pages, shared_info, grant table. */
const OVERHEAD_FRAMES = 512;
/** domain_state of a domain that has shut down. */
const DOM_SHUTDOWN = 2;

export interface MachineOptions {
  /** paravane.wasm; the one this tree builds when not given. */
  module?: WebAssembly.Module | Uint8Array<ArrayBuffer>;
  /** What the guests' clocks follow: the host's clock (the default), or their own instructions. */
  time?: TimeMode;
  /** Takes the lines of the hypervisor's log; they are dropped when not given. */
  log?: LogSink;
}

export interface DomainOptions {
  /** In MiB; 64 when not given. */
  memory?: number;
  /** 1 when not given. */
  vcpus?: number;
  commandLine?: string;
  ramdisk?: Uint8Array;
  name?: string;
  /** See core/host/options.ts. */
  options?: OptionValues;
  /** Takes the console's output; it is dropped when not given. */
  output?: ConsoleSink;
}

/** Makes a machine without domains. */
export async function createMachine(options: MachineOptions = {}): Promise<Machine> {
  const clock = options.time === "virtual" ? new VirtualClock() : new WallClock();
  const log = new Log(options.log ?? (() => {}));
  const tracing: { handler: TraceHandler } = { handler: () => {} };
  const module = options.module ?? await loadModule();
  const trace: TraceHandler = (...args) => tracing.handler(...args);
  const core = await instantiate(module, { clock, log, trace });
  if (clock.mode === "virtual") core.exports.time_init(1, clock.wall());
  return new Machine(core, clock, log, tracing);
}

export class Machine {
  readonly xenstore: Xenstore = new Xenstore(() => this.wake());
  private readonly domains = new Map<number, Domain>();
  private frames = 0;
  private framesInUse = 0;
  private woken = false;
  private sleeper: (() => void) | null = null;
  private running = false;
  private stopped = false;

  /** Use {@link createMachine}. */
  constructor(
    readonly core: Core,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly tracing: { handler: TraceHandler },
  ) {}

  /**
   * Builds a domain from an image and lets it run.
   *
   * @param image an ELF file, gzip'd or not, or a bzImage; or what loadImage made of one
   * @throws ImageError when the image or the options are no good, BuildError when there is not
   *   enough memory: nothing has changed then
   */
  async addDomain(image: Uint8Array | GuestImage, options: DomainOptions = {}): Promise<Domain> {
    const memory = options.memory ?? 64;
    const guest = image instanceof Uint8Array ? await loadImage(image) : image;
    const plan = await planDomain(guest, {
      memoryPages: memory * FRAMES_PER_MIB,
      vcpus: options.vcpus,
      commandLine: options.commandLine,
      ramdisk: options.ramdisk,
      options: optionBits(options.options ?? {}),
    });
    const frames = memory * FRAMES_PER_MIB + OVERHEAD_FRAMES;
    this.makeRoom(frames);
    const built = this.build(plan, frames);
    const domain = this.connect(built, frames, options);
    this.core.exports.domain_unpause(domain.id);
    this.start();
    return domain;
  }

  /** Ends a domain, if it has not ended yet, and gives its memory back. */
  destroyDomain(domain: Domain): void {
    if (!this.domains.delete(domain.id)) return;
    this.xenstore.release(domain.id);
    for (const mfn of domain.heldFrames) this.core.exports.host_release_frame(mfn);
    this.core.exports.domain_destroy(domain.id);
    this.framesInUse -= domain.frames;
    if (domain.running) domain.end({ code: -1, name: "destroyed", crash: null });
  }

  /** Chooses what the handler is told: the sum of TRACE_ bits (core/wasm/trace.ts). */
  trace(mask: number, handler: TraceHandler): void {
    this.tracing.handler = handler;
    this.core.exports.trace_set(mask);
  }

  /** Makes a sleeping machine look at its rings again. */
  wake(): void {
    this.woken = true;
    this.sleeper?.();
  }

  /** Stops the loop for good. */
  stop(): void {
    this.stopped = true;
    this.wake();
  }

  /** Room in the machine's memory for a domain of so many frames. */
  private makeRoom(frames: number): void {
    const { exports } = this.core;
    const missing = this.framesInUse + frames - this.frames;
    if (missing > 0) {
      const result = this.frames === 0
        ? exports.machine_init(missing)
        : exports.machine_grow(missing);
      if (result < 0) throw new BuildError(`room for ${missing} more frames`, result);
      this.frames += missing;
    }
    this.framesInUse += frames;
  }

  private build(plan: DomainPlan, frames: number): BuiltDomain {
    try {
      return buildDomain(this.core, plan);
    } catch (error) {
      this.framesInUse -= frames;
      throw error;
    }
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
      this.woken = true;
      exports.host_evtchn_notify(domid, port);
    };
    const name = options.name ?? `guest${domid}`;
    const domain = new Domain({
      id: domid,
      name,
      vcpus: plan.vcpus,
      frames,
      heldFrames: [built.storeMfn, built.consoleMfn],
      storePort: built.storePort,
      consolePort: built.consolePort,
      symbols: plan.image.symbols,
      xenstore: this.xenstore,
      console: new Console(
        page(built.consoleMfn),
        notifier(built.consolePort),
        options.output ?? (() => {}),
        () => this.wake(),
      ),
    });
    exports.host_evtchn_bind(domid, built.storePort);
    exports.host_evtchn_bind(domid, built.consolePort);
    const memoryKiB = plan.layout.totalPages * 4;
    writeDomainNodes(this.xenstore, {
      domid,
      name,
      uuid: uuidOf(domid),
      memoryKiB,
      vcpus: plan.vcpus,
      storePort: built.storePort,
      storeFrame: built.storeMfn,
      consolePort: built.consolePort,
      consoleFrame: built.consoleMfn,
    });
    this.xenstore.introduce(domid, page(built.storeMfn), {
      notify: notifier(built.storePort),
      log: (line) => this.log.line(`d${domid}: ${line}`),
    });
    this.domains.set(domid, domain);
    return domain;
  }

  private start(): void {
    this.wake();
    if (this.running) return;
    this.running = true;
    this.loop();
  }

  private async loop(): Promise<void> {
    let turn = performance.now();
    while (!this.stopped) {
      this.woken = false;
      const result = this.core.exports.machine_run(this.clock.now(), SLICE);
      this.service();
      if (result === RUN_IDLE && !this.woken) {
        if (await this.idle()) turn = performance.now();
      }
      // What a guest said goes out now, not at the end of the turn.
      if (result === RUN_HOST) await null;
      if (this.clock.mode === "virtual") await this.waitForSlowReaders();
      if (performance.now() - turn > TURN) {
        await new Promise((resolve) => setImmediate(resolve));
        turn = performance.now();
      }
    }
    this.running = false;
  }

  /** Looks after every domain's rings, and finds those that ended. */
  private service(): void {
    this.xenstore.service();
    for (const domain of this.domains.values()) {
      if (!domain.running) continue;
      domain.console.service();
      if (this.core.exports.domain_state(domain.id) >= DOM_SHUTDOWN) this.ended(domain);
    }
  }

  private ended(domain: Domain): void {
    const { exports } = this.core;
    const code = exports.domain_shutdown_code(domain.id);
    const crash = this.core.string(exports.domain_crash_reason(domain.id)) || null;
    domain.end({ code, name: shutdownName(code), crash });
  }

  /**
   * Waits until a guest may have something to do.
   *
   * @returns whether the host's event loop had its turn
   */
  private async idle(): Promise<boolean> {
    const deadline = this.core.exports.machine_deadline();
    if (deadline >= 0n && this.clock instanceof VirtualClock) {
      this.clock.allow(deadline);
      return false;
    }
    const wait = deadline < 0n ? Infinity : Number(deadline - this.clock.now()) / 1e6;
    if (wait > 0) await this.sleep(wait);
    return wait > 0;
  }

  private sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      this.sleeper = () => {
        clearTimeout(timer);
        this.sleeper = null;
        resolve();
      };
      if (milliseconds < Infinity) {
        timer = setTimeout(this.sleeper, Math.min(Math.ceil(milliseconds), 0x7fffffff));
      }
    });
  }

  /** In virtual time a guest must not see how fast its output is read: everything waits with it. */
  private async waitForSlowReaders(): Promise<void> {
    for (const domain of this.domains.values()) {
      if (domain.console.congested) await domain.console.drained();
    }
  }
}

/** Virtual machines get recognisable numbers, the same in each run. */
function uuidOf(domid: number): string {
  return `00000000-0000-0000-0000-${domid.toString(16).padStart(12, "0")}`;
}
