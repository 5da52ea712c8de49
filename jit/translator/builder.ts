/**
 * Who builds modules: a worker, so that the thread that runs guests never waits for it. It is
 * ended when there has been nothing to build for a while, and its memory with it.
 */
import type { RegionBlock } from "./region.ts";
import type { BuildAnswer, BuildRequest } from "./worker.ts";

/** Takes a compiled module with the regions' functions and its length, or null and the reason there is none. */
export type Built = (module: WebAssembly.Module | null, problem: string, bytes: number) => void;

/** Builds one batch of regions at a time. */
export interface Builder {
  /** Regions of a batch, at most; all that wait when not given. */
  readonly most?: number;
  /** Builds the regions and says so, now or later; not to be called again before that. */
  build(regions: RegionBlock[][], built: Built): void;
  /** Gives back what it holds. */
  stop(): void;
}

/**
 * Regions of a batch: to send them, and to put in place what comes back, takes the thread that runs guests some 200 µs
 * each. Of eight, and also of sixteen, guests came to their speed later.
 */
const BATCH = 24;
/** Milliseconds without work after which the worker goes. */
const IDLE = 5000;

export class WorkerBuilder implements Builder {
  readonly most = BATCH;
  #worker: Worker | null = null;
  /** The worker is up and listens. */
  #ready = false;
  #request: BuildRequest | null = null;
  #built: Built = () => {};
  #idle: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param profile counts what is run
   * @param binaryen where Binaryen is, for modules that it optimises; "" for others
   */
  constructor(private readonly profile = false, private readonly binaryen = "") {}

  /** Starts the worker, which takes a while, before there is something to build. */
  warm(): void {
    if (!this.#worker) this.#start();
  }

  build(regions: RegionBlock[][], built: Built): void {
    clearTimeout(this.#idle);
    this.#built = built;
    this.#request = { regions, profile: this.profile, binaryen: this.binaryen };
    if (!this.#worker) this.#start();
    else if (this.#ready) this.#post();
  }

  stop(): void {
    clearTimeout(this.#idle);
    this.#worker?.terminate();
    this.#worker = null;
    this.#ready = false;
    this.#request = null;
  }

  #start(): void {
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<BuildAnswer>) => this.#answer(data);
    this.#worker.onerror = (e) => {
      e.preventDefault();
      this.#answer({ error: e.message || "its worker cannot be loaded" });
    };
  }

  #post(): void {
    this.#worker!.postMessage(this.#request);
    this.#request = null;
  }

  #answer(answer: BuildAnswer): void {
    if (answer === "ready") {
      this.#ready = true;
      if (this.#request) this.#post();
      else this.#rest();
      return;
    }
    this.#rest();
    if ("error" in answer) this.#built(null, answer.error, 0);
    else this.#built(answer.module, "", answer.bytes);
  }

  /** Ends the worker if nothing comes for a while. */
  #rest(): void {
    this.#idle = setTimeout(() => this.stop(), IDLE);
    // a program that has nothing else to do may end before that; timers are objects in Node, numbers in Deno
    (this.#idle as unknown as { unref?: () => void }).unref?.();
    if (typeof Deno !== "undefined") Deno.unrefTimer(this.#idle as unknown as number);
  }
}
