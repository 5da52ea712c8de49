/** A guest as the host sees it: its console, its part of the store, and how it ends. */
import { abortable } from "./abort.ts";
import type { Console } from "./console.ts";
import type { Core } from "./core.ts";
import { asyncDispose } from "./dispose.ts";
import { StateError } from "./error.ts";
import { SHUTDOWN, type Shutdown } from "./shutdown.ts";
import { VcpuView } from "./vcpu_view.ts";
import type { SymbolTable } from "./elf/symbols.ts";
import { domainPath } from "./xenstore/path.ts";
import type { Xenstore } from "./xenstore/daemon.ts";

/** What may be asked of a guest through its control/shutdown node. */
export type ShutdownRequest = "poweroff" | "halt" | "reboot" | "suspend";

/** What a domain is called that was given no name. */
export const defaultName = (id: number): string => `guest${id}`;

/** What the machine knows of a domain and the rest of the world need not. */
export interface DomainParts {
  id: number;
  name: string;
  vcpus: number;
  frames: number;
  heldFrames: number[];
  uuid: string;
  paused: boolean;
  /** Lets the guest run, or keeps it from running. */
  setPaused: (paused: boolean) => void;
  /** Lets it run so many instructions. */
  step: (count: number) => Promise<void>;
  destroy: () => void;
  core: Core;
  /** Something may have become runnable. */
  wake: () => void;
  onShutdown: (shutdown: Shutdown) => void | Promise<void>;
  storePort: number;
  consolePort: number;
  /** Machine frame of the console's ring. */
  consoleFrame: number;
  symbols: SymbolTable;
  console: Console;
  xenstore: Xenstore;
}

/** What a crash left behind. */
export interface Crash {
  /** What the guest did; null when it reported its crash itself. */
  readonly reason: string | null;
  /** Registers, the instruction at fault, stack, last hypercalls: lines for people. Empty once the domain is destroyed. */
  readonly report: readonly string[];
}

/** Most instructions of one step. */
const STEP_LIMIT = 1_000_000;

/** A guest: what {@link Machine.addDomain} made. What ends it leaves the machine and other domains as they are. */
export class Domain {
  /** Settles when the guest has shut down or was ended. Its memory stays until it is destroyed. */
  readonly shutdown: Promise<Shutdown>;
  private settle!: (shutdown: Shutdown) => void;
  private ended = false;
  private destroyed = false;

  /** @internal Use {@link Machine.addDomain}. */
  constructor(private readonly parts: DomainParts) {
    this.shutdown = new Promise((settle) => this.settle = settle);
  }

  /** Its number, from 1. */
  get id(): number {
    return this.parts.id;
  }

  /** What it is called in the store and in logs. */
  get name(): string {
    return this.parts.name;
  }

  /** How many virtual processors it has; they are numbered from 0. */
  get vcpus(): number {
    return this.parts.vcpus;
  }

  /** @internal The symbols of its image, for reports. */
  get symbols(): SymbolTable {
    return this.parts.symbols;
  }

  /** What it writes and reads. */
  get console(): Console {
    return this.parts.console;
  }

  /** The guest's port for its console. */
  get consolePort(): number {
    return this.parts.consolePort;
  }

  /** The guest's port for its store. */
  get storePort(): number {
    return this.parts.storePort;
  }

  /** Machine frame of its console's ring. */
  get consoleFrame(): number {
    return this.parts.consoleFrame;
  }

  /** Frames of machine memory set aside for it. */
  get frames(): number {
    return this.parts.frames;
  }

  /** Frames of the guest that the host holds a reference on. */
  get heldFrames(): readonly number[] {
    return this.parts.heldFrames;
  }

  /** False once it has shut down, crashed or was destroyed. A paused domain is running in this sense. */
  get running(): boolean {
    return !this.ended;
  }

  /** Its handle, as xl prints it. */
  get uuid(): string {
    return this.parts.uuid;
  }

  /** Whether {@link pause} keeps it from running. */
  get paused(): boolean {
    return this.parts.paused;
  }

  /** Keeps the guest from running; its time goes on. Nothing happens when it is paused already, or has ended. */
  pause(): void {
    this.setPaused(true);
  }

  /** Lets it run on. */
  unpause(): void {
    this.setPaused(false);
  }

  /** Pauses or unpauses it, if it has not ended and is not so already. */
  private setPaused(paused: boolean): void {
    if (this.ended || this.parts.paused === paused) return;
    this.parts.paused = paused;
    this.parts.setPaused(paused);
  }

  /** Settles as `shutdown` does; `signal` gives up waiting, and the guest goes on. */
  wait({ signal }: { signal?: AbortSignal } = {}): Promise<Shutdown> {
    return abortable(this.shutdown, signal);
  }

  /** Settles when the domain has ended: with what there is to say of its crash, or null when it ended otherwise. */
  get crash(): Promise<Crash | null> {
    return this.crashed ??= this.shutdown.then((shutdown) => this.lookAtCrash(shutdown));
  }

  private crashed: Promise<Crash | null> | undefined;

  /** Puts the report together. */
  private async lookAtCrash(shutdown: Shutdown): Promise<Crash | null> {
    const { code, crash } = shutdown;
    if (crash === null && code !== SHUTDOWN.CRASH && code !== SHUTDOWN.WATCHDOG) return null;
    const { crashReport } = await import("./report/report.ts");
    if (this.destroyed) return { reason: crash, report: [] };
    return { reason: crash, report: await crashReport(this.parts.core, this, shutdown) };
  }

  /**
   * Runs some instructions of a paused domain, which is paused again then; the machine's other domains stand still.
   * A guest that waits for an event runs when it comes.
   *
   * @param count 1 to 1,000,000
   * @throws StateError when it is not paused, or has ended; the signal's reason when it is aborted, and the step ends
   */
  async step(count = 1, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    signal?.throwIfAborted();
    this.mustRun();
    if (!this.paused) throw new StateError("not-paused", "only a paused domain can be stepped");
    if (!Number.isInteger(count) || count < 1 || count > STEP_LIMIT) {
      throw new StateError("argument", `a step of ${count} instructions: from 1 to ${STEP_LIMIT}`);
    }
    try {
      await abortable(this.parts.step(count), signal);
    } finally {
      if (signal?.aborted) this.parts.setPaused(true);
    }
  }

  /**
   * Makes a port of the guest's pending, as if its other end had sent.
   *
   * @throws StateError ("no-port") when the port is not in use
   */
  sendEvent(port: number): void {
    this.mustRun();
    const result = this.parts.core.exports.host_evtchn_inject(this.id, port);
    if (result < 0) throw new StateError("no-port", `domain ${this.id} has no port ${port} in use`);
    this.parts.wake();
  }

  /**
   * Raises a virtual interrupt (public/xen.h, VIRQ_*) on a vCPU. One that the guest has not bound is lost.
   *
   * @throws StateError ("no-virq") when there is no such interrupt or vCPU
   */
  sendVirq(virq: number, vcpu = 0): void {
    this.mustRun();
    if (this.parts.core.exports.host_virq(this.id, vcpu, virq) < 0) {
      throw new StateError("no-virq", `no virtual interrupt ${virq} for vCPU ${vcpu}`);
    }
    this.parts.wake();
  }

  /**
   * A vCPU's registers, and the guest's memory by the virtual addresses that it uses.
   *
   * @example The instructions that a paused guest would run next
   * ```ts
   * import { createMachine, loadGuest } from "paravane";
   *
   * await using machine = await createMachine();
   * const image = (await loadGuest("skiff"))!;
   * const domain = await machine.addDomain(image, { memory: 16, paused: true });
   * await domain.step(1000);
   * const cpu = domain.vcpu();
   * console.log("ring", cpu.cpl, "ESI", cpu.gpr(6).toString(16), "code", cpu.read(cpu.eip, 16).toHex());
   * ```
   *
   * @throws StateError ("no-vcpu") when there is no such vCPU, or the domain was destroyed
   */
  vcpu(number = 0): VcpuView {
    if (this.destroyed || !Number.isInteger(number) || number < 0 || number >= this.vcpus) {
      throw new StateError("no-vcpu", `domain ${this.id} has no vCPU ${number}`);
    }
    return new VcpuView(this.parts.core, this.id, number);
  }

  /** Ends the guest, if it has not ended, and gives its memory back. */
  destroy(): void {
    this.parts.destroy();
  }

  /** `await using domain = …` destroys it. */
  async [asyncDispose](): Promise<void> {
    this.destroy();
    await this.shutdown;
  }

  /** Refuses what is asked of a domain that has ended. */
  private mustRun(): void {
    if (this.ended) throw new StateError("domain-gone", `domain ${this.id} has ended`);
  }

  /** @internal Called by the machine when the domain's memory is given back. */
  gone(): void {
    this.destroyed = true;
  }

  /** Asks the guest to end; it is free not to listen. Nothing happens when it has ended. */
  requestShutdown(request: ShutdownRequest): void {
    if (this.ended) return;
    this.parts.xenstore.write(`${domainPath(this.id)}/control/shutdown`, request);
  }

  /**
   * @internal Called by the machine, once.
   *
   * @returns what onShutdown gave
   */
  end(shutdown: Shutdown): void | Promise<void> {
    this.ended = true;
    this.settle(shutdown);
    return this.parts.onShutdown(shutdown);
  }
}
