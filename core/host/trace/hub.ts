/**
 * Who is told of what happens inside: any number of listeners, each for kinds of its own. The core calls the
 * host for kinds that somebody listens for only, so that what nobody watches costs one test.
 */
import type { TraceHandler } from "../module.ts";

/** Kinds that listeners choose from: the core's TRACE_ bits (core/wasm/trace.ts). */
export const TRACE_KIND = { hypercall: 1, trap: 2, event: 4, mmu: 8 } as const;
/** A kind that is for profiles only: decoded code is about to be dropped. */
export const TRACE_CODE = 16;
/** A kind for what translates all code: a block is about to be run that was not known at its address. */
export const TRACE_BLOCK = 32;
/** The second call for a hypercall, with its result, which goes to those who are told of hypercalls. */
export const TRACE_RESULT = 0x101;

interface Listener {
  mask: number;
  handler: TraceHandler;
}

export class TraceHub {
  readonly #listeners = new Set<Listener>();
  #only: Listener | null = null;

  /**
   * @param choose tells the core the sum of the bits wanted
   * @param failed told what a listener threw; the guest must not notice
   */
  constructor(
    private readonly choose: (mask: number) => void,
    private readonly failed: (error: unknown) => void,
  ) {}

  /**
   * Adds a listener.
   *
   * @param mask sum of bits of TRACE_KIND
   * @returns takes it away again
   */
  listen(mask: number, handler: TraceHandler): () => void {
    const listener = { mask, handler };
    this.#listeners.add(listener);
    this.#chosen();
    return () => {
      if (this.#listeners.delete(listener)) this.#chosen();
    };
  }

  /** What the core calls. */
  readonly handle: TraceHandler = (kind, a, b, c, d, e, f) => {
    const bit = kind & 0xff;
    if (this.#only) this.#tell(this.#only, bit, kind, a, b, c, d, e, f);
    else {
      for (const listener of this.#listeners) this.#tell(listener, bit, kind, a, b, c, d, e, f);
    }
  };

  #tell(listener: Listener, bit: number, ...words: Parameters<TraceHandler>): void {
    if (!(listener.mask & bit)) return;
    try {
      listener.handler(...words);
    } catch (error) {
      this.failed(error);
    }
  }

  #chosen(): void {
    let mask = 0;
    for (const listener of this.#listeners) mask |= listener.mask;
    this.#only = this.#listeners.size === 1 ? [...this.#listeners][0] : null;
    this.choose(mask);
  }
}
