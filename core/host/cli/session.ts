/**
 * One run of the command: its guests with their consoles here, until all of them have ended, time is
 * up, or the user has had enough.
 */
import type { BootArguments } from "./args.ts";
import { EXIT, type GuestFiles, GuestRun } from "./guest_run.ts";
import { Input } from "./input.ts";
import { type GuestLines, Lines } from "./lines.ts";
import type { Machine } from "../machine.ts";
import { say, writeConsole } from "./output.ts";

/** How long output may still wait for its reader once time is up, in ms. */
const LAST_WORDS = 500;

export class Session {
  private readonly guests: GuestRun[] = [];
  private readonly input: Input;
  private inputEnded = false;
  /** The guest that gets our input. */
  private focus = 0;
  /** Several guests' consoles on one stream. */
  private readonly together: Lines | null;
  private readonly lines: GuestLines[] = [];
  private readonly running = new Set<GuestRun>();
  private finish!: (status: number) => void;
  private readonly finished: Promise<number>;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly interrupt = () => this.stop("interrupted", EXIT.INTERRUPTED);

  constructor(
    private readonly machine: Machine,
    private readonly args: BootArguments,
    files: GuestFiles[],
  ) {
    this.finished = new Promise((finish) => this.finish = finish);
    const several = files.length > 1;
    this.together = several ? new Lines(writeConsole) : null;
    for (const each of files) this.addGuest(each, this.together?.guest(each.args.name!) ?? null);
    this.input = new Input(several ? () => this.switchInput() : null);
  }

  /**
   * Boots and waits.
   *
   * @returns the exit status
   * @throws UsageError when a guest cannot be made
   */
  async run(): Promise<number> {
    const { timeout } = this.args;
    if (timeout < Infinity) {
      const stop = () => this.stop(`timed out after ${timeout} s`, EXIT.TIMEOUT);
      this.timer = setTimeout(stop, Math.min(timeout * 1000, 0x7fffffff));
    }
    Deno.addSignalListener("SIGINT", this.interrupt);
    this.watchInput();
    return await Promise.race([this.runGuests(), this.finished]);
  }

  /** Gives the terminal back and lets the machine go. */
  close(): void {
    clearTimeout(this.timer);
    this.input.close();
    this.machine.stop();
  }

  private addGuest(files: GuestFiles, lines: GuestLines | null): void {
    const output = lines ? (bytes: Uint8Array) => lines.take(bytes) : writeConsole;
    const guest: GuestRun = new GuestRun(this.machine, files, output, {
      booted: () => {
        if (this.guests[this.focus] === guest) this.input.connect(guest.domain!.console);
        if (this.inputEnded) this.askToPowerOff(guest);
      },
      rebooting: () => {
        if (this.guests[this.focus] === guest) this.input.disconnect();
      },
      ended: () => {
        this.running.delete(guest);
        if (this.guests[this.focus] === guest) this.switchInput();
        return lines?.end();
      },
    });
    if (lines) this.lines.push(lines);
    this.guests.push(guest);
    this.running.add(guest);
  }

  /** Makes all, then lets all go: none is ahead because another's image is large. */
  private async runGuests(): Promise<number> {
    for (const guest of this.guests) await guest.boot();
    for (const guest of this.guests) guest.domain!.unpause();
    const statuses = await Promise.all(this.guests.map((guest) => guest.ended));
    return [EXIT.CRASH, EXIT.OTHER].find((status) => statuses.includes(status)) ?? EXIT.POWEROFF;
  }

  /** Gives our input to the next guest that runs. */
  private switchInput(): void {
    for (let n = 1; n <= this.guests.length; n++) {
      const next = (this.focus + n) % this.guests.length;
      const guest = this.guests[next];
      if (!this.running.has(guest) || next === this.focus) continue;
      this.focus = next;
      if (guest.domain) this.input.connect(guest.domain.console);
      else this.input.hold();
      if (!this.inputEnded) this.note(`paravane: input goes to ${guest.name}`);
      return;
    }
  }

  /** At a terminal, where a guest's prompt may stand, what we say goes the guests' way. */
  private note(text: string): void {
    if (this.together && Deno.stdout.isTerminal()) this.together.note(text);
    else say(text);
  }

  private async watchInput(): Promise<void> {
    if (await this.input.ended === "leave") {
      const gone = this.guests.length > 1 ? "the guests are gone" : "the guest is gone";
      this.stop(`console left; ${gone}`, EXIT.POWEROFF);
      return;
    }
    this.inputEnded = true;
    for (const guest of this.guests) this.askToPowerOff(guest);
  }

  private askToPowerOff({ domain }: GuestRun): void {
    if (this.args.poweroffAtEnd && domain?.running) domain.requestShutdown("poweroff");
  }

  /** Ends the run before the guests do, with a last chance for their output. */
  private async stop(why: string, status: number): Promise<void> {
    this.input.close();
    this.machine.stop();
    const drained = Promise.all(this.guests.map(({ domain }) => domain?.console.drained()));
    const shown = drained.then(() => Promise.all(this.lines.map((each) => each.end())));
    await Promise.race([shown, new Promise((resolve) => setTimeout(resolve, LAST_WORDS))]);
    say(`paravane: ${why}`);
    this.finish(status);
  }
}
