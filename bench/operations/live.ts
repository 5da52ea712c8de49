/**
 * One operation of a guest as something Deno.bench can measure: the guest repeats it so many times
 * between two lines of its console, and runs only while a sample is taken. The guest never reads a
 * clock; what is timed is from the one line's arrival to the other's.
 */
import { createMachine, type Domain, type Machine } from "../../mod.ts";
import { OPERATIONS } from "../reference.ts";
import { operationGuest, type OwnOperation } from "./guest.ts";

/** An operation of bench/guest/kernel-pv.elf, or of the guest beside this file. */
export type OperationName = keyof typeof OPERATIONS | OwnOperation;

/** How often kernel-pv.elf does an operation when not told otherwise (fe_xenpv.c, fe_tests). */
const THEIR_COUNTS: Record<string, number> = {
  int80: 100000,
  pgfault: 50000,
  int80min: 100000,
  cr3: 50000,
  cr3touch: 50000,
  mc1: 100000,
  mc8: 50000,
  mc32: 20000,
  uvm: 100000,
  evself: 50000,
  cpuid_fe: 50000,
  priv: 50000,
  iret_hc: 100000,
  ctxsw: 30000,
};

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** Milliseconds that a guest runs unmeasured. */
const WARMING = 2000;

/** The guest being measured, and what its next lines mean. */
class Live {
  readonly #machine: Machine;
  #domain: Domain | null = null;
  #name = "";
  #line = "";
  #sample: { bench: Deno.BenchContext; begun: boolean; done: () => void } | null = null;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Takes one sample: `count` operations. */
  async sample(name: string, count: number, bench: Deno.BenchContext): Promise<void> {
    const key = `${name} ${count}`;
    if (this.#name !== key) {
      if (this.#domain) this.#machine.destroyDomain(this.#domain);
      this.#domain = await this.#boot(name, count);
      this.#name = key;
      // warm before anything is measured: found hot, translated, compiled
      this.#domain.unpause();
      await new Promise((done) => setTimeout(done, WARMING));
      this.#domain.pause();
    }
    const finished = new Promise<void>((done) => this.#sample = { bench, begun: false, done });
    this.#domain!.unpause();
    const ended = this.#domain!.shutdown.then(({ name }) => {
      throw new Error(`the guest ended (${name}): ${this.#line}`);
    });
    await Promise.race([finished, ended]);
    this.#domain!.pause();
  }

  async #boot(name: string, count: number): Promise<Domain> {
    const theirs = THEIR_COUNTS[name];
    const image = theirs
      ? await Deno.readFile(new URL("../guest/kernel-pv.elf", import.meta.url))
      : operationGuest(name as OwnOperation, count);
    const decoder = new TextDecoder();
    // it multiplies in 32 bits, so the fraction has to be in its lowest terms
    const common = greatestDivisor(count, theirs ?? 1);
    const scale = `mul=${count / common} div=${(theirs ?? 1) / common}`;
    return await this.#machine.addDomain(image, {
      commandLine: `con=ring rounds=1000000 only=${name} ${scale}`,
      paused: true,
      output: (bytes) => {
        const lines = (this.#line + decoder.decode(bytes, { stream: true })).split("\n");
        this.#line = lines.pop()!;
        for (const line of lines) this.#take(line);
      },
    });
  }

  /** At once, in the slice's end that brought the line: nothing may lie between. */
  #take(line: string): void {
    if (!this.#sample) return;
    if (line.startsWith("B ")) {
      this.#sample.begun = true;
      this.#sample.bench.start();
    } else if (line.startsWith("E ") && this.#sample.begun) {
      this.#sample.bench.end();
      this.#sample.done();
      this.#sample = null;
    }
  }
}

let live: Promise<Live> | undefined;

/** How a sample's time reads: a million operations, and ms are ns for each; a thousand, and they are µs. */
const COUNTS = { ns: 1_000_000, µs: 1000 };

/** An operation in a table of `deno bench`. */
interface Measured {
  group: string;
  /** What the others of the group are compared with. */
  baseline?: boolean;
  /** What the table's ms stand for, for one operation. */
  unit: keyof typeof COUNTS;
  /** The same as this in ../reference.ts, whose figure for Xen in QEMU is shown. */
  as?: string;
}

/**
 * Registers an operation with Deno.bench.
 *
 * @param what what one operation is
 */
export function operation(name: string, what: string, measured: Measured): void {
  const { group, baseline = false, unit, as = name } = measured;
  const xen = OPERATIONS[as]?.xen[1];
  const beside = xen === undefined ? "" : `; Xen in QEMU ${unit === "ns" ? xen * 1000 : xen}`;
  Deno.bench({
    name: `${what} (ms = ${unit} each${beside})`,
    group,
    baseline,
    async fn(bench) {
      live ??= createMachine({ log: (line) => console.error(line) }).then((m) => new Live(m));
      await (await live).sample(name, COUNTS[unit], bench);
    },
  });
}
