/** Our own input, for the guest's console. */
import type { Console } from "../console.ts";

/** Ctrl-], which leaves the console as with `xl console`. */
const LEAVE = 0x1d;

/** How reading ended: the input was used up, or the user wants to leave. */
export type InputEnd = "end" | "leave";

/**
 * The one reader of stdin. Guests come and go (a reboot), the reader stays, because a read that has
 * begun cannot be called off.
 */
export class Input {
  readonly raw = Deno.stdin.isTerminal();
  /** Settles when there is no more input. */
  readonly ended: Promise<InputEnd>;
  private target: Console | null = null;
  private unsent: Uint8Array[] = [];
  private waiting: (() => void) | null = null;

  constructor() {
    if (this.raw) Deno.stdin.setRaw(true);
    this.ended = this.read();
  }

  /** Sends what comes in from now on to this console, and first what the last one left. */
  connect(console: Console): void {
    this.target = console;
    for (const bytes of this.unsent) console.send(bytes);
    this.unsent = [];
    this.waiting?.();
    this.waiting = null;
  }

  /** Keeps what comes in, and what the guest has not been given yet, for the next console. */
  disconnect(): void {
    this.unsent = this.target?.takeBack() ?? [];
    this.target = null;
  }

  /** Gives the terminal back as it was. */
  close(): void {
    if (this.raw) Deno.stdin.setRaw(false);
  }

  private async read(): Promise<InputEnd> {
    const buffer = new Uint8Array(1024);
    for (;;) {
      let n: number | null;
      try {
        n = await Deno.stdin.read(buffer);
      } catch {
        return "end";
      }
      if (n === null) return "end";
      const bytes = buffer.slice(0, n);
      const leave = this.raw ? bytes.indexOf(LEAVE) : -1;
      if (leave >= 0) return "leave";
      if (!this.target) await new Promise<void>((ready) => this.waiting = ready);
      await this.target!.send(bytes);
    }
  }
}
