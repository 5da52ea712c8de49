/** One guest of a run: booted, booted again when it reboots, until it ends. */
import type { GuestArguments } from "./args.ts";
import { BuildError } from "../builder/build.ts";
import type { ConsoleSink } from "../console.ts";
import type { Domain } from "../domain.ts";
import { ImageError } from "../elf/image_error.ts";
import type { GuestImage } from "../elf/image.ts";
import type { Machine } from "../machine.ts";
import { say } from "./output.ts";
import { shown, UsageError } from "./usage.ts";
import { DESTROYED, FAILED, SHUTDOWN, type Shutdown } from "../shutdown.ts";

export const EXIT = {
  POWEROFF: 0,
  USAGE: 1,
  TIMEOUT: 2,
  CRASH: 3,
  OTHER: 4,
  INTERRUPTED: 130,
} as const;

/** What a guest is made of, read before anything boots. */
export interface GuestFiles {
  readonly args: GuestArguments;
  readonly image: GuestImage;
  readonly ramdisk: Uint8Array | undefined;
}

/** What is wrong with an image or what was asked of it is the user's mistake, told with the guest's name. */
export async function aboutGuest<T>(args: GuestArguments, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ImageError || error instanceof BuildError)) throw error;
    throw new UsageError(
      `${args.image === null ? "the built-in guest" : shown(args.image)}: ${error.message}`,
    );
  }
}

/** What the run has to know of a guest's life. */
export interface GuestEvents {
  /** It has a domain, for the first time or after a reboot. */
  booted(): void;
  /** Its domain is about to go, and another will follow. */
  rebooting(): void;
  /** It has ended for good. */
  ended(): void | Promise<void>;
}

export class GuestRun {
  domain: Domain | null = null;
  /** Settles with the guest's exit status when it has ended for good. */
  readonly ended: Promise<number>;
  private end!: (status: number) => void;
  private fail!: (error: unknown) => void;

  constructor(
    private readonly machine: Machine,
    private readonly files: GuestFiles,
    private readonly output: ConsoleSink,
    private readonly events: GuestEvents,
  ) {
    this.ended = new Promise((end, fail) => {
      this.end = end;
      this.fail = fail;
    });
  }

  get name(): string | null {
    return this.files.args.name;
  }

  /**
   * Makes the domain, paused.
   *
   * @throws UsageError when it cannot be made
   */
  async boot(): Promise<void> {
    const { args, image, ramdisk } = this.files;
    this.domain = await aboutGuest(
      args,
      this.machine.addDomain(image, {
        memory: args.memory,
        maxMemory: args.maxMemory ?? undefined,
        vcpus: args.vcpus,
        commandLine: args.commandLine,
        ramdisk,
        name: args.name ?? undefined,
        options: args.options,
        cpuid: args.cpuid,
        output: this.output,
        paused: true,
        onShutdown: (shutdown) => this.shutDown(shutdown).catch(this.fail),
      }),
    );
    this.events.booted();
  }

  private async shutDown(shutdown: Shutdown): Promise<void> {
    const domain = this.domain!;
    if (shutdown.code === DESTROYED) return;
    if (shutdown.code !== FAILED) await domain.console.drained();
    if (shutdown.code === SHUTDOWN.REBOOT && this.files.args.reboot) {
      this.events.rebooting();
      this.destroy(domain);
      await this.boot();
      this.domain!.unpause();
      return;
    }
    const status = await this.conclude(domain, shutdown);
    if (shutdown.code !== FAILED) this.destroy(domain);
    await this.events.ended();
    this.end(status);
  }

  private destroy(domain: Domain): void {
    this.domain = null;
    this.machine.destroyDomain(domain);
  }

  private async conclude(domain: Domain, shutdown: Shutdown): Promise<number> {
    const who = this.name === null ? "the guest" : this.name;
    switch (shutdown.code) {
      case SHUTDOWN.POWEROFF:
        return EXIT.POWEROFF;
      case SHUTDOWN.CRASH:
      case SHUTDOWN.WATCHDOG: {
        const { crashReport } = await import("../report/report.ts");
        for (const line of await crashReport(this.machine.core, domain, shutdown)) say(line);
        return EXIT.CRASH;
      }
      case FAILED:
        say(`paravane: ${shutdown.crash}`);
        return EXIT.OTHER;
      default:
        say(`paravane: ${who} shut down with reason ${shutdown.code} (${shutdown.name})`);
        return EXIT.OTHER;
    }
  }
}
