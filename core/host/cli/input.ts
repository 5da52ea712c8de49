/** Our own input, for the guests' consoles. */
import type { Console } from "../console.ts";

/** Ctrl-], which leaves the console as with `xl console`. */
const LEAVE = 0x1d;
/** Ctrl-a, which three times in a row switches the console, as on Xen's own. */
const SWITCH = 0x01;
const SWITCH_TIMES = 3;
/** Typed bytes that may wait for a guest; more are lost, as on a serial line. */
const TYPED_LIMIT = 16 * 1024;

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
  private switches = 0;

  /** @param onSwitch called when the user wants the next guest; without it nothing is looked for */
  constructor(private readonly onSwitch: (() => void) | null) {
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

  /** Keeps what comes in from now on for the next console. */
  hold(): void {
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
      let from = 0;
      for (let at = 0; this.onSwitch && at < n; at++) {
        this.switches = bytes[at] === SWITCH ? this.switches + 1 : 0;
        if (this.switches < SWITCH_TIMES) continue;
        this.switches = 0;
        await this.send(bytes.subarray(from, Math.max(from, at + 1 - SWITCH_TIMES)));
        from = at + 1;
        this.onSwitch();
      }
      await this.send(bytes.subarray(from));
    }
  }

  private async send(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    if (!this.target) await new Promise<void>((ready) => this.waiting = ready);
    const target = this.target!;
    // A file can wait for a guest that does not read; who sits at a terminal must be able to leave.
    if (!this.raw) await target.send(bytes);
    else if (target.waiting < TYPED_LIMIT) void target.send(bytes);
  }
}
