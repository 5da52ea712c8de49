/**
 * The guest's console on its way to the page: in batches, and held back while the terminal has not
 * shown what it was given, so that a guest that floods its console takes no unbounded memory.
 */

/** Bytes that may be on their way to the terminal. */
const WINDOW = 128 * 1024;
/** Milliseconds between batches; the first bytes after a silence go at once. */
const PAUSE = 16;

export class OutputBatches {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #unshown = 0;
  #last = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];

  /** @param post sends bytes to the page */
  constructor(private readonly post: (bytes: Uint8Array<ArrayBuffer>) => void) {}

  /** Takes output. @returns settles when there is room for more */
  take(bytes: Uint8Array): void | Promise<void> {
    this.#chunks.push(bytes);
    this.#size += bytes.length;
    this.#unshown += bytes.length;
    if (this.#timer === undefined) {
      const wait = this.#last + PAUSE - performance.now();
      if (wait <= 0) this.flush();
      else this.#timer = setTimeout(() => this.flush(), wait);
    }
    if (this.#unshown > WINDOW) return new Promise((settle) => this.#waiting.push(settle));
  }

  /** The terminal has shown so many bytes. */
  shown(bytes: number): void {
    this.#unshown -= bytes;
    if (this.#unshown > WINDOW) return;
    for (const settle of this.#waiting.splice(0)) settle();
  }

  /** Sends what waits. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#size === 0) return;
    const all = new Uint8Array(this.#size);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [];
    this.#size = 0;
    this.#last = performance.now();
    this.post(all);
  }
}
