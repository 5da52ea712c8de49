/** Domains that come: room for them, their making, and their place among the others. */
import { buildDomain, BuildError, type BuiltDomain } from "./builder/build.ts";
import type { DomainPlan } from "./builder/plan.ts";
import { Console } from "./console.ts";
import type { Core } from "./core.ts";
import { defaultName, Domain, type DomainParts } from "./domain.ts";
import { GuestPage } from "./guest_page.ts";
import type { Log } from "./log.ts";
import type { DomainOptions } from "./machine_options.ts";
import type { Reclaim } from "./reclaim.ts";
import { Turn } from "./turn.ts";
import type { Upkeep } from "./upkeep.ts";
import { formatUuid, handleOf } from "./uuid.ts";
import { MAX_FRAMES } from "../wasm/layout.ts";
import type { Xenstore } from "./xenstore/daemon.ts";
import { writeDomainNodes } from "./xenstore/domain_tree.ts";

export const FRAMES_PER_MIB = 256;
/** Frames that a machine keeps for its own tables. */
const MACHINE_FRAMES = 1025;
/** Frames a domain may need besides its own memory: spare pages, shared_info, grant table. */
const OVERHEAD_FRAMES = 512;
/** More than any limit can be: as much as there is room for. */
const UNLIMITED = 0xffff;

/** What the machine does for a domain, and a domain asks of it. */
export interface MakingWork extends Pick<DomainParts, "wake"> {
  setPaused(domid: number, paused: boolean): void;
  step(domid: number, count: number): Promise<void>;
  destroy(domain: Domain): void;
  failed(error: unknown): void;
}

export class Making {
  /** Whether the core has memory for guests yet. */
  #initialised = false;
  /** The domain that is being made last: one after the other, as each is made of what the ones before it left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly core: Core,
    private readonly log: Log,
    private readonly xenstore: Xenstore,
    private readonly upkeep: Upkeep,
    private readonly reclaim: Reclaim,
    private readonly work: MakingWork,
  ) {}

  /** Settles when no domain is being made that was begun before. */
  get settled(): Promise<unknown> {
    return this.#last;
  }

  /**
   * Makes a domain, paused, while others run, and connects it.
   *
   * @param mayGoOn called between its pieces: what it throws ends it, with nothing changed
   * @throws BuildError
   */
  make(plan: DomainPlan, options: DomainOptions, mayGoOn: () => void): Promise<Domain> {
    const making = this.#last.then(() => this.#make(plan, options, mayGoOn));
    this.#last = making.catch(() => {});
    return making;
  }

  async #make(plan: DomainPlan, options: DomainOptions, mayGoOn: () => void): Promise<Domain> {
    // of the memory that goes back: else the machine would grow, for good
    await this.reclaim.settled;
    mayGoOn();
    const frames = plan.maxMemoryPages + OVERHEAD_FRAMES;
    this.#makeRoom(frames);
    const turn = new Turn();
    const built = await buildDomain(this.core, plan, async () => {
      if (turn.over()) await turn.pass();
      mayGoOn();
    }, (domid) => {
      this.core.exports.domain_kill(domid);
      this.reclaim.begin();
    });
    const { grantFrames, maptrack, eventChannels } = options.limits ?? {};
    this.core.exports.domain_set_limits(
      built.domid,
      grantFrames ?? UNLIMITED,
      maptrack ?? UNLIMITED,
      eventChannels ?? UNLIMITED,
    );
    return this.#connect(built, frames, options);
  }

  /**
   * Room in the machine's memory for a domain of so many frames, besides what the others were promised
   * and have not taken yet. Frames of a destroyed domain that another still maps are not free.
   */
  #makeRoom(frames: number): void {
    const { exports } = this.core;
    let missing = frames;
    if (this.#initialised) {
      for (const domain of this.upkeep.domains.values()) {
        missing += Math.max(0, domain.frames - exports.domain_frames(domain.id));
      }
      missing -= exports.machine_free_frames();
      if (missing <= 0) return;
    }
    const result = this.#initialised
      ? exports.machine_grow(missing)
      : exports.machine_init(missing);
    if (result < 0) throw new BuildError("room", result, this.#noRoom(frames, missing));
    this.#initialised = true;
  }

  /** Why there is no room for a domain of so many frames, of which so many are missing. */
  #noRoom(frames: number, missing: number): string {
    const mib = (n: number) => `${Math.ceil(n / FRAMES_PER_MIB)} MiB`;
    const size = this.#initialised ? this.core.exports.machine_size() : 0;
    const full = size + missing > MAX_FRAMES - MACHINE_FRAMES;
    return full
      ? `no room for its ${mib(frames)}: all guests of a machine together have ${mib(MAX_FRAMES)}` +
        (size > 0 ? `, and ${mib(size + missing - frames)} are taken` : "")
      : `this host gives no ${mib(missing)} of memory more`;
  }

  /** Gives a built domain its console, its connection to the store, and its place among the others. */
  #connect(built: BuiltDomain, frames: number, options: DomainOptions): Domain {
    const { exports } = this.core;
    const { domid, plan } = built;
    const page = (mfn: number) => {
      exports.host_hold_frame(domid, mfn);
      return new GuestPage(exports.memory, this.core.frameAddress(mfn));
    };
    // Who is notified may have become runnable: an idle machine must look again.
    const notifier = (port: number) => () => {
      this.work.wake();
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
      setPaused: (paused) => this.work.setPaused(domid, paused),
      step: (count) => this.work.step(domid, count),
      destroy: () => this.work.destroy(domain),
      core: this.core,
      wake: () => this.work.wake(),
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
          this.upkeep.due.add(domid);
          this.work.wake();
        },
        (error) => this.work.failed(error),
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
    this.upkeep.domains.set(domid, domain);
    return domain;
  }
}
