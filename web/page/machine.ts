/** The worker with the machine, as the page sees it. Each boot has a worker of its own. */
import type {
  BootRequest,
  FeedName,
  FromMachine,
  GuestEnd,
  RunState,
  ToMachine,
} from "../protocol.ts";
import { assetUrl, hypervisor } from "./assets.ts";

/** What the page wants to be told of. */
export interface MachineEvents {
  booted(): void;
  /** One line that says why there is no guest. */
  refused(message: string): void;
  /** @param shown to be called when the terminal has shown them */
  output(bytes: Uint8Array, shown: () => void): void;
  log(lines: string[]): void;
  state(state: RunState, eip: number, instructions: number): void;
  /** @param perSecond instructions */
  pace(perSecond: number): void;
  ended(end: GuestEnd): void;
  fed(feed: FeedName, data: unknown): void;
}

export class MachineWorker {
  #worker: Worker | null = null;
  #questions = new Map<number, { resolve(v: unknown): void; reject(e: Error): void }>();
  #nextQuestion = 1;
  readonly #watched = new Map<FeedName, unknown>();

  constructor(private readonly events: MachineEvents) {}

  /** Boots a guest in place of the one that is there. */
  async boot(request: BootRequest): Promise<void> {
    this.stop();
    const worker = new Worker(assetUrl("machine.js"), { type: "module", name: "paravane" });
    this.#worker = worker;
    worker.onerror = (event) => {
      event.preventDefault();
      if (this.#worker !== worker) return;
      this.events.refused(`the machine's worker failed: ${event.message || "it cannot be loaded"}`);
    };
    const ready = new Promise<void>((resolve) => {
      worker.onmessage = ({ data }: MessageEvent<FromMachine>) => {
        if (data.type === "ready") resolve();
        else if (this.#worker === worker) this.#handle(data);
      };
    });
    try {
      const [module] = await Promise.all([hypervisor(), ready]);
      if (this.#worker !== worker) return;
      for (const [feed, options] of this.#watched) this.#post({ type: "watch", feed, options });
      this.#post({ type: "boot", module, request });
    } catch (error) {
      this.events.refused(error instanceof Error ? error.message : String(error));
    }
  }

  /** Ends the machine and gives its memory back. */
  stop(): void {
    this.#worker?.terminate();
    this.#worker = null;
    for (const { reject } of this.#questions.values()) reject(new Error("the machine is gone"));
    this.#questions.clear();
  }

  input(bytes: Uint8Array<ArrayBuffer>): void {
    this.#post({ type: "input", bytes });
  }

  pause(): void {
    this.#post({ type: "pause" });
  }

  resume(): void {
    this.#post({ type: "resume" });
  }

  step(): void {
    this.#post({ type: "step" });
  }

  /** Wants a feed's data, from now on and after each boot. */
  watch(feed: FeedName, options?: unknown): void {
    this.#watched.set(feed, options);
    this.#post({ type: "watch", feed, options });
  }

  /** Changes a feed's options, if it is being watched. */
  setOptions(feed: FeedName, options: unknown): void {
    if (this.#watched.has(feed)) this.watch(feed, options);
  }

  unwatch(feed: FeedName): void {
    this.#watched.delete(feed);
    this.#post({ type: "unwatch", feed });
  }

  /** Asks a feed that is being watched. */
  ask(feed: FeedName, question: unknown): Promise<unknown> {
    if (!this.#worker) return Promise.reject(new Error("there is no machine"));
    const id = this.#nextQuestion++;
    const answer = new Promise((resolve, reject) => this.#questions.set(id, { resolve, reject }));
    this.#post({ type: "ask", id, feed, question });
    return answer;
  }

  #post(message: ToMachine): void {
    this.#worker?.postMessage(message);
  }

  #handle(message: FromMachine): void {
    const { events } = this;
    switch (message.type) {
      case "booted":
        return events.booted();
      case "refused":
        return events.refused(message.message);
      case "output": {
        const bytes = message.bytes.length;
        return events.output(message.bytes, () => this.#post({ type: "shown", bytes }));
      }
      case "log":
        return events.log(message.lines);
      case "state":
        return events.state(message.state, message.eip, message.instructions);
      case "pace":
        return events.pace(message.perSecond);
      case "ended":
        return events.ended(message.end);
      case "feed":
        return events.fed(message.feed, message.data);
      case "answer": {
        const question = this.#questions.get(message.id);
        this.#questions.delete(message.id);
        if (message.error === undefined) question?.resolve(message.value);
        else question?.reject(new Error(message.error));
      }
    }
  }
}
