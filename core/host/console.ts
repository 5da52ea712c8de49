/**
 * The console: a ring page that the guest writes its output to and reads its input from. Reference:
 * Xen public header io/console.h.
 *
 * Output is taken into a bounded queue and given to the sink one chunk at a time. While the sink is
 * slow the queue fills, and then the ring is left as it is, so the guest waits and nothing is lost.
 */
import { onAbort } from "./abort.ts";
import { inputStream, OutputStream } from "./console_streams.ts";
import { ByteRing, type GuestPage } from "./guest_page.ts";

const IN = 0;
const IN_SIZE = 1024;
const OUT = 0x400;
const OUT_SIZE = 2048;
const IN_CONS = 0xc00;
const IN_PROD = 0xc04;
const OUT_CONS = 0xc08;
const OUT_PROD = 0xc0c;

/** Output that may wait for the sink, in bytes. */
const QUEUE_LIMIT = 64 * 1024;

/** Takes output; the promise settles when it wants more. */
export type ConsoleSink = (bytes: Uint8Array<ArrayBuffer>) => void | Promise<void>;

interface PendingInput {
  bytes: Uint8Array;
  taken: () => void;
}

/** A domain's console: two streams of bytes, without an encoding of their own. */
export class Console {
  private readonly output: ByteRing;
  private readonly input: ByteRing;
  private queue: Uint8Array<ArrayBuffer>[] = [];
  private queued = 0;
  private draining: Promise<void> | null = null;
  private sinkGone = false;
  private closed = false;
  private pendingInput: PendingInput[] = [];
  private readonly outputStream = new OutputStream();
  private inputStream: WritableStream<Uint8Array> | null = null;

  /**
   * @internal
   * @param notify makes the guest's end of the event channel pending
   * @param sink where output goes
   * @param wake called when the sink took something, so that the ring may be looked at again
   * @param failed told what a sink threw, before it is given up
   */
  constructor(
    page: GuestPage,
    private readonly notify: () => void,
    private readonly sink: ConsoleSink,
    private readonly wake: () => void,
    private readonly failed: (error: unknown) => void = () => {},
  ) {
    this.output = new ByteRing(page, OUT, OUT_SIZE, OUT_CONS, OUT_PROD);
    this.input = new ByteRing(page, IN, IN_SIZE, IN_CONS, IN_PROD);
  }

  /**
   * What the guest writes from now on. Nobody need read it: when some 64 KiB wait, the guest does. It ends when
   * the domain does, after the last bytes. What `output` was given to addDomain sees all, too.
   */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.outputStream.readable;
  }

  /**
   * What the guest reads. A write settles when the guest's ring has taken all of it; an aborted stream takes
   * back what has not got there.
   */
  get writable(): WritableStream<Uint8Array> {
    return this.inputStream ??= inputStream(this);
  }

  /** @internal The guest has ended: what it said last goes out, and then the stream ends. */
  async finish(): Promise<void> {
    await this.drained();
    this.outputStream.close();
  }

  /** @internal Its ring is gone: nothing moves any more. */
  close(): void {
    this.closed = true;
    this.takeBack();
    if (this.draining) this.outputStream.letGo();
    else this.outputStream.close();
  }

  /** @internal Moves what can be moved, both ways. */
  service(): void {
    if (this.closed) return;
    let moved = false;
    while (this.queued < QUEUE_LIMIT) {
      // A guest that puts its indices too far apart has nothing it could want to be read.
      const bytes = this.output.read(QUEUE_LIMIT - this.queued);
      if (bytes.length === 0) break;
      moved = true;
      this.queue.push(bytes);
      this.queued += bytes.length;
    }
    if (this.queued > 0 && !this.draining) this.draining = this.drain();
    if (this.feed()) moved = true;
    if (moved) this.notify();
  }

  /** Whether output is held back by a slow sink. */
  get congested(): boolean {
    return this.queued >= QUEUE_LIMIT;
  }

  /** Settles when all output has gone to the sink, also what still lay in the ring. */
  async drained(): Promise<void> {
    for (;;) {
      if (!this.draining) this.service();
      if (!this.draining) return;
      await this.draining;
    }
  }

  /**
   * Hands input to the guest.
   *
   * @param options `signal` takes back what does not lie in the ring yet, and rejects with its reason
   * @returns settles when all of it lies in the ring, was taken back, or the guest is gone; never
   *   when the guest does not take it
   */
  send(bytes: Uint8Array, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (bytes.length === 0 || this.closed) return Promise.resolve();
    const done = new Promise<void>((taken, refuse) => {
      const piece = { bytes, taken };
      this.pendingInput.push(piece);
      const forget = onAbort(signal, () => {
        this.pendingInput = this.pendingInput.filter((other) => other !== piece);
        refuse(signal!.reason);
      });
      piece.taken = () => {
        forget();
        taken();
      };
    });
    this.wake();
    return done;
  }

  /** Whether input waits for the guest to make room for it, of which the guest need not tell. */
  get waitsForRoom(): boolean {
    return this.pendingInput.length > 0;
  }

  /** Bytes of input that do not lie in the ring yet. */
  get waiting(): number {
    return this.pendingInput.reduce((sum, piece) => sum + piece.bytes.length, 0);
  }

  /** Takes back the input that does not lie in the ring yet; who sent it need not wait any longer. */
  takeBack(): Uint8Array[] {
    const rest = this.pendingInput.map((piece) => piece.bytes);
    for (const piece of this.pendingInput) piece.taken();
    this.pendingInput = [];
    return rest;
  }

  /** Moves input into the ring. */
  private feed(): boolean {
    let moved = false;
    while (this.pendingInput.length > 0) {
      const first = this.pendingInput[0];
      const n = this.input.write(first.bytes);
      if (n === 0) break;
      moved = true;
      first.bytes = first.bytes.subarray(n);
      if (first.bytes.length > 0) break;
      this.pendingInput.shift();
      first.taken();
    }
    return moved;
  }

  /** Gives the queue to the sink and the stream until it is empty. */
  private async drain(): Promise<void> {
    while (this.queue.length > 0) {
      const chunk = this.queue.length === 1 ? this.queue[0] : join(this.queue, this.queued);
      this.queue = [];
      const waits = [this.toSink(chunk), this.outputStream.take(chunk)].filter((wait) => wait);
      // where nobody asks to wait it is over before the next slice: what the guest says then goes out at once
      await (waits.length ? Promise.all(waits) : null);
      this.queued -= chunk.length;
      this.wake();
    }
    this.draining = null;
    if (this.closed) this.outputStream.close();
  }

  /** A sink that throws is asked no more: nobody reads, but the guest runs on. */
  private toSink(chunk: Uint8Array<ArrayBuffer>): void | Promise<void> {
    if (this.sinkGone) return;
    const giveUp = (error: unknown) => {
      this.sinkGone = true;
      this.failed(error);
    };
    try {
      const taken = this.sink(chunk);
      if (taken) return taken.catch(giveUp);
    } catch (error) {
      giveUp(error);
    }
  }
}

function join(parts: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
