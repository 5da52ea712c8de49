/**
 * The console as two streams. Memory is bounded both ways: what is not read stays in the console's queue
 * and then in the guest's ring, so the guest waits; what is written waits until the guest takes it.
 */
import type { Console } from "./console.ts";

/** Where a console's output goes: to the program's own sink, to a stream that somebody asked for, or nowhere. */
export class OutputStream {
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | null = null;
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | null = null;
  #wanted: (() => void) | null = null;
  #closed = false;
  #waits = true;

  /** Output since the stream was first asked for. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
        if (this.#closed) controller.close();
      },
      pull: () => this.#release(),
      cancel: () => {
        this.#controller = null;
        this.#release();
      },
    }, { highWaterMark: 1 });
  }

  /** Takes output; the promise settles when there is room for more. */
  take(bytes: Uint8Array<ArrayBuffer>): void | Promise<void> {
    const controller = this.#controller;
    if (!controller || this.#closed) return;
    controller.enqueue(bytes);
    if (!this.#waits || (controller.desiredSize ?? 1) > 0) return;
    return new Promise((settle) => this.#wanted = settle);
  }

  /** What is on its way is taken without waiting for a reader: it will not become more. */
  letGo(): void {
    this.#waits = false;
    this.#release();
  }

  /** The guest is gone, and all it said was taken. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#controller?.close();
    this.#release();
  }

  #release(): void {
    this.#wanted?.();
    this.#wanted = null;
  }
}

/** A stream whose writes settle when the guest has room for them. Closing it leaves the guest alone. */
export function inputStream(console: Console): WritableStream<Uint8Array> {
  return new WritableStream({
    write: (bytes, controller) => console.send(bytes, { signal: controller.signal }),
  });
}
