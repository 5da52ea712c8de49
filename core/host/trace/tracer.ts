/** `--trace`: one readable line for each event that the core tells of. */
import type { LogSink } from "../log.ts";
import type { Machine } from "../machine.ts";
import { currentVcpu, VcpuView } from "../vcpu_view.ts";
import { showArguments, showOutcome, type WordReader } from "./decode.ts";
import { hex, hypercallName, resultName, VECTORS } from "./names.ts";

// Kinds and details of core/wasm/trace.ts.
const HYPERCALL = 1;
const TRAP = 2;
const EVENT = 4;
const MMU = 8;
const RESULT = 0x101;
const MULTICALL = 13;

const TRAP_ENDS = ["to the guest", "emulated", "no way to deliver it: crash"];

interface OpenCall {
  nr: number;
  args: number[];
  text: string;
  /** Whether its line has been begun because calls nest in it. */
  opened: boolean;
}

/**
 * Begins to trace.
 *
 * @param mask sum of the kinds wanted
 * @returns prints what is not finished
 */
export function startTrace(machine: Machine, mask: number, sink: LogSink): () => void {
  const tracer = new Tracer(machine, sink);
  machine.trace(mask, (kind, ...words) => tracer.handle(kind, words.map((w) => w >>> 0)));
  return () => tracer.flush();
}

class Tracer {
  private readonly calls: OpenCall[] = [];

  constructor(private readonly machine: Machine, private readonly sink: LogSink) {}

  handle(kind: number, w: number[]): void {
    switch (kind) {
      case HYPERCALL:
        return this.begin(w[0], w.slice(1));
      case RESULT:
        return this.end(w[0], w[1]);
      case TRAP:
        return this.trap(w);
      case EVENT:
        return this.event(w);
      case MMU:
        return this.say(
          `mmu L${w[4]} entry at ${wide(w[0], w[1])} := ${wide(w[2], w[3])} = ${resultName(w[5])}`,
        );
    }
  }

  /** Prints calls that did not come back: those that ended the guest. */
  flush(): void {
    while (this.calls.length > 0) this.abandon();
  }

  private begin(nr: number, args: number[]): void {
    const outer = this.calls.at(-1);
    if (outer && outer.nr !== MULTICALL) this.flush();
    else if (outer && !outer.opened) {
      outer.opened = true;
      this.say(`${this.indent(1)}${outer.text} {`);
    }
    const text = `${hypercallName(nr)}(${showArguments(nr, args, this.reader())})`;
    this.calls.push({ nr, args, text, opened: false });
  }

  private end(nr: number, result: number): void {
    while (this.calls.length > 0 && this.calls.at(-1)!.nr !== nr) this.abandon();
    const call = this.calls.pop();
    if (!call) return;
    const outcome = showOutcome(nr, call.args, result | 0, this.reader());
    const head = call.opened ? "}" : call.text;
    this.say(`${this.indent(0)}${head} = ${resultName(result)}${outcome}`);
  }

  private abandon(): void {
    const call = this.calls.pop()!;
    this.say(`${this.indent(0)}${call.opened ? "}" : call.text} = ?`);
  }

  private trap([vector, error, cs, eip, address, how]: number[]): void {
    const name = VECTORS[vector] ?? `vector ${hex(vector)}`;
    const fault = vector === 14 ? ` address ${hex(address)}` : "";
    this.say(
      `trap ${name} error ${hex(error)} at ${hex(cs)}:${hex(eip)}${fault}, ${
        TRAP_ENDS[how] ?? how
      }`,
    );
  }

  private event([what, domid, vcpu, port]: number[]): void {
    const to = `d${domid}v${vcpu}`;
    const texts = [
      `event port ${port} pending for ${to}`,
      `event upcall of ${to}`,
      `event NMI callback of ${to}`,
      `event failsafe callback of ${to}`,
    ];
    this.say(texts[what] ?? `event ${what} for ${to}`);
  }

  private indent(back: number): string {
    return "  ".repeat(Math.max(0, this.calls.length - back));
  }

  private reader(): WordReader {
    const now = currentVcpu(this.machine.core);
    if (!now) return () => null;
    const view = new VcpuView(this.machine.core, now.domid, now.vcpu);
    return (address) => view.readWord(address);
  }

  private say(text: string): void {
    const now = currentVcpu(this.machine.core);
    this.sink(`${now ? `d${now.domid}v${now.vcpu}` : "xen"} ${text}`);
  }
}

function wide(low: number, high: number): string {
  return `0x${(BigInt(high) << 32n | BigInt(low)).toString(16)}`;
}
