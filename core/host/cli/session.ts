/**
 * One run of the command: the guest with its console here, booted again when it reboots, until it
 * ends, time is up, or the user has had enough.
 */
import type { BootArguments } from "./args.ts";
import type { Domain } from "../domain.ts";
import type { GuestImage } from "../elf/image.ts";
import { Input } from "./input.ts";
import type { Machine } from "../machine.ts";
import { say, writeConsole } from "./output.ts";
import { FAILED, SHUTDOWN, type Shutdown } from "../shutdown.ts";

export const EXIT = {
  POWEROFF: 0,
  USAGE: 1,
  TIMEOUT: 2,
  CRASH: 3,
  OTHER: 4,
  INTERRUPTED: 130,
} as const;

/** How long output may still wait for its reader once time is up, in ms. */
const LAST_WORDS = 500;

export class Session {
  private readonly input: Input;
  private inputEnded = false;
  private domain: Domain | null = null;
  private finish!: (status: number) => void;
  private readonly finished: Promise<number>;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly interrupt = () => this.stop("interrupted", EXIT.INTERRUPTED);

  constructor(
    private readonly machine: Machine,
    private readonly args: BootArguments,
    private readonly image: GuestImage,
    private readonly ramdisk: Uint8Array | undefined,
  ) {
    this.finished = new Promise((finish) => this.finish = finish);
    this.input = new Input();
  }

  /**
   * Boots and waits.
   *
   * @returns the exit status
   * @throws ImageError, BuildError when the guest cannot be made
   */
  async run(): Promise<number> {
    const { timeout } = this.args;
    if (timeout < Infinity) {
      const stop = () => this.stop(`timed out after ${timeout} s`, EXIT.TIMEOUT);
      this.timer = setTimeout(stop, Math.min(timeout * 1000, 0x7fffffff));
    }
    Deno.addSignalListener("SIGINT", this.interrupt);
    this.watchInput();
    const guests = this.runGuests();
    return await Promise.race([guests, this.finished]);
  }

  /** Gives the terminal back and lets the machine go. */
  close(): void {
    clearTimeout(this.timer);
    this.input.close();
    this.machine.stop();
  }

  private async runGuests(): Promise<number> {
    for (;;) {
      const domain = await this.boot();
      const shutdown = await domain.shutdown;
      if (shutdown.code !== FAILED) await domain.console.drained();
      if (shutdown.code !== SHUTDOWN.REBOOT || !this.args.reboot) {
        return await this.conclude(domain, shutdown);
      }
      this.input.disconnect();
      this.machine.destroyDomain(domain);
    }
  }

  private async boot(): Promise<Domain> {
    const { args } = this;
    const domain = await this.machine.addDomain(this.image, {
      memory: args.memory,
      vcpus: args.vcpus,
      commandLine: args.commandLine,
      ramdisk: this.ramdisk,
      options: args.options,
      cpuid: args.cpuid,
      output: writeConsole,
    });
    this.domain = domain;
    this.input.connect(domain.console);
    if (this.inputEnded) this.askToPowerOff();
    return domain;
  }

  private async watchInput(): Promise<void> {
    if (await this.input.ended === "leave") {
      this.stop("console left; the guest is gone", EXIT.POWEROFF);
      return;
    }
    this.inputEnded = true;
    this.askToPowerOff();
  }

  private askToPowerOff(): void {
    if (this.args.poweroffAtEnd && this.domain?.running) this.domain.requestShutdown("poweroff");
  }

  private async conclude(domain: Domain, shutdown: Shutdown): Promise<number> {
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
        say(`paravane: the guest shut down with reason ${shutdown.code} (${shutdown.name})`);
        return EXIT.OTHER;
    }
  }

  /** Ends the run before the guest does, with a last chance for its output. */
  private async stop(why: string, status: number): Promise<void> {
    this.input.close();
    this.machine.stop();
    const drained = this.domain?.console.drained();
    await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, LAST_WORDS))]);
    say(`paravane: ${why}`);
    this.finish(status);
  }
}
