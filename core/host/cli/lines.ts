/**
 * Several consoles on one stream: each line in one piece, after the name of the guest that said it.
 *
 * A line is shown when it is complete. One that is not, such as a prompt, is shown when its guest has
 * been silent for a moment, and then stands open at the end of the stream. If another guest speaks
 * meanwhile, the open line is broken off, and shown once more from its beginning when it goes on: so
 * every complete line can be found in one piece.
 */

/** How long an incomplete line waits for its rest, in ms. */
const PATIENCE = 50;
/** Longest line that is kept together, in bytes. */
const LINE_MAX = 4096;
/** Output that may wait for the reader, in bytes. */
const QUEUE_LIMIT = 64 * 1024;
const NEWLINE = 10;

/** Where it all goes; settles when the reader has taken it. */
export type Write = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

export class Lines {
  /** The guest whose incomplete line ends the stream. */
  private open: GuestLines | null = null;
  private queue: Uint8Array<ArrayBuffer>[] = [];
  private queued = 0;
  private writing: Promise<void> | null = null;

  constructor(private readonly write: Write) {}

  /** The lines of one more guest. */
  guest(name: string): GuestLines {
    return new GuestLines(this, new TextEncoder().encode(`${name}: `));
  }

  /**
   * Puts a guest's line, or more of its open line, into the stream.
   *
   * @param line all of it up to now
   * @param shown how many bytes of it stand in the stream, if it is the open one
   */
  put(guest: GuestLines, line: Uint8Array, shown: number, complete: boolean): void {
    if (this.open === guest) {
      this.send(line.slice(shown));
    } else {
      if (this.open) this.send(Uint8Array.of(NEWLINE));
      this.send(guest.prefix);
      this.send(line.slice());
    }
    if (complete) this.send(Uint8Array.of(NEWLINE));
    this.open = complete ? null : guest;
  }

  isOpen(guest: GuestLines): boolean {
    return this.open === guest;
  }

  /** Puts a line of our own between the guests'. */
  note(text: string): void {
    if (this.open) this.send(Uint8Array.of(NEWLINE));
    this.open = null;
    this.send(new TextEncoder().encode(`${text}\n`));
  }

  /** Ends an open line, for a guest that says no more. */
  finish(guest: GuestLines): void {
    if (this.open !== guest) return;
    this.send(Uint8Array.of(NEWLINE));
    this.open = null;
  }

  /** Settles when there is room for more; at once if there is. */
  room(): Promise<void> | void {
    if (this.queued > QUEUE_LIMIT) return this.writing!;
  }

  /** Settles when the reader has taken everything. */
  async drained(): Promise<void> {
    while (this.writing) await this.writing;
  }

  private send(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length === 0) return;
    this.queue.push(bytes);
    this.queued += bytes.length;
    this.writing ??= Promise.resolve().then(() => this.flush());
  }

  private async flush(): Promise<void> {
    const { queue, queued } = this;
    this.queue = [];
    try {
      await this.write(concat(queue));
    } catch {
      // Nobody reads any more: the guests run on.
    }
    this.queued -= queued;
    this.writing = this.queue.length > 0 ? this.flush() : null;
  }
}

/** One guest's console, made into lines. */
export class GuestLines {
  private line = new Uint8Array(LINE_MAX);
  private length = 0;
  /** Bytes of the line that stand in the stream. */
  private shown = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly lines: Lines, readonly prefix: Uint8Array<ArrayBuffer>) {}

  /** Takes output; as a ConsoleSink. */
  take(bytes: Uint8Array): Promise<void> | void {
    clearTimeout(this.timer);
    for (const byte of bytes) {
      if (byte === NEWLINE) {
        this.put(true);
      } else {
        if (this.length === LINE_MAX) this.put(true);
        this.line[this.length++] = byte;
      }
    }
    if (this.lines.isOpen(this)) this.put(false); // echo of what is typed comes at once
    else if (this.length > 0) this.timer = setTimeout(() => this.put(false), PATIENCE);
    return this.lines.room();
  }

  /** The guest says no more: what it left unfinished is shown. */
  async end(): Promise<void> {
    clearTimeout(this.timer);
    if (this.length > this.shown) this.put(true);
    else this.lines.finish(this);
    this.length = this.shown = 0;
    await this.lines.drained();
  }

  private put(complete: boolean): void {
    this.lines.put(this, this.line.subarray(0, this.length), this.shown, complete);
    this.shown = this.length;
    if (complete) this.length = this.shown = 0;
  }
}

function concat(parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
