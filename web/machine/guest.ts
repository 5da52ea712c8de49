/** One machine with one guest, as the page's messages drive it. */
import type { Domain } from "../../core/host/domain.ts";
import { createMachine } from "../../core/host/create_machine.ts";
import type { Machine } from "../../core/host/machine.ts";
import type { Shutdown } from "../../core/host/shutdown.ts";
import type { BootRequest, FromMachine, GuestEnd, ToMachine } from "../protocol.ts";
import { Feeds } from "./feeds/feeds.ts";
import { LogBatches } from "./log.ts";
import { OutputBatches } from "./output.ts";
import { Pace } from "./pace.ts";
import { Stepper } from "./stepper.ts";

export type Post = (message: FromMachine, transfer?: Transferable[]) => void;

/** Instructions of a slice: about a millisecond, as if nothing were said. */
const SLICE = 200_000;

export class Guest {
  readonly #output: OutputBatches;
  readonly #log: LogBatches;
  readonly #stepper: Stepper;
  readonly #feeds: Feeds;
  readonly #pace: Pace;
  #machine: Machine | null = null;
  #domain: Domain | null = null;

  constructor(private readonly post: Post) {
    this.#output = new OutputBatches((bytes) => post({ type: "output", bytes }, [bytes.buffer]));
    this.#log = new LogBatches((lines) => post({ type: "log", lines }));
    this.#stepper = new Stepper(() => this.#tellState());
    this.#feeds = new Feeds(post);
    this.#pace = new Pace((perSecond) => post({ type: "pace", perSecond }));
  }

  handle(message: ToMachine): void {
    switch (message.type) {
      case "boot":
        this.#boot(message.module, message.request);
        break;
      case "input":
        this.#domain?.console.send(message.bytes);
        break;
      case "shown":
        this.#output.shown(message.bytes);
        break;
      case "pause":
        this.#stepper.pause();
        break;
      case "resume":
        this.#stepper.resume();
        break;
      case "step":
        this.#stepper.step();
        break;
      case "watch":
        this.#feeds.watch(message.feed, message.options);
        break;
      case "unwatch":
        this.#feeds.unwatch(message.feed);
        break;
      case "ask":
        this.#feeds.ask(message.id, message.feed, message.question);
    }
  }

  async #boot(module: WebAssembly.Module, request: BootRequest): Promise<void> {
    try {
      const machine = await createMachine({
        module,
        log: (line) => this.#log.take(line),
        slice: () => {
          this.#feeds.beforeSlice();
          return SLICE;
        },
      });
      this.#machine = machine;
      const domain = await machine.addDomain(request.kernel, {
        memory: request.memory,
        vcpus: request.vcpus,
        commandLine: request.commandLine,
        ramdisk: request.ramdisk,
        name: request.name,
        paused: true,
        output: (bytes) => this.#output.take(bytes),
      });
      this.#domain = domain;
      this.#stepper.attach(domain);
      await this.#feeds.attach(machine, domain);
      domain.shutdown.then((shutdown) => this.#ended(domain, shutdown));
      this.post({ type: "booted" });
      this.#pace.start(machine.core);
      this.#stepper.resume();
    } catch (error) {
      this.#log.flush();
      this.post({ type: "refused", message: reason(error) });
    }
  }

  async #ended(domain: Domain, shutdown: Shutdown): Promise<void> {
    await Promise.race([domain.console.drained(), new Promise((r) => setTimeout(r, 500))]);
    this.#output.flush();
    this.#log.flush();
    const { name, code, crash } = shutdown;
    const report = await crashLines(domain);
    const end: GuestEnd = { name, code, crash, report };
    this.#pace.stop();
    this.post({ type: "ended", end });
    this.#feeds.refresh();
  }

  #tellState(): void {
    const { state } = this.#stepper;
    const instructions = this.#machine?.core.retired() ?? 0;
    const eip = this.#domain?.vcpu().eip ?? 0;
    this.post({ type: "state", state, eip, instructions });
    this.#feeds.refresh();
  }
}

/** What a crash left behind; empty where there was none. */
async function crashLines(domain: Domain): Promise<string[]> {
  try {
    return [...(await domain.crash)?.report ?? []];
  } catch (error) {
    return [`no report: ${reason(error)}`];
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
