/** A guest as the host sees it: its console, its part of the store, and how it ends. */
import type { Console } from "./console.ts";
import type { Shutdown } from "./shutdown.ts";
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
  onShutdown: (shutdown: Shutdown) => void | Promise<void>;
  storePort: number;
  consolePort: number;
  /** Machine frame of the console's ring. */
  consoleFrame: number;
  symbols: SymbolTable;
  console: Console;
  xenstore: Xenstore;
}

export class Domain {
  /** Settles when the guest has shut down or was ended. Its memory stays until it is destroyed. */
  readonly shutdown: Promise<Shutdown>;
  private settle!: (shutdown: Shutdown) => void;
  private ended = false;

  constructor(private readonly parts: DomainParts) {
    this.shutdown = new Promise((settle) => this.settle = settle);
  }

  /** Its number, from 1. */
  get id(): number {
    return this.parts.id;
  }

  get name(): string {
    return this.parts.name;
  }

  get vcpus(): number {
    return this.parts.vcpus;
  }

  /** The symbols of its image, for reports. */
  get symbols(): SymbolTable {
    return this.parts.symbols;
  }

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

  get running(): boolean {
    return !this.ended;
  }

  /** Its handle, as xl prints it. */
  get uuid(): string {
    return this.parts.uuid;
  }

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

  private setPaused(paused: boolean): void {
    if (this.ended || this.parts.paused === paused) return;
    this.parts.paused = paused;
    this.parts.setPaused(paused);
  }

  /** Asks the guest to end; it is free not to listen. Nothing happens when it has ended. */
  requestShutdown(request: ShutdownRequest): void {
    if (this.ended) return;
    this.parts.xenstore.write(`${domainPath(this.id)}/control/shutdown`, request);
  }

  /**
   * Called by the machine, once.
   *
   * @returns what onShutdown gave
   */
  end(shutdown: Shutdown): void | Promise<void> {
    this.ended = true;
    this.settle(shutdown);
    return this.parts.onShutdown(shutdown);
  }
}
