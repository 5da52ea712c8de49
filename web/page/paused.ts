/** What a paused guest is about to do: the next instructions, and registers, of which those that changed stand out. */
import type { ProcessorData } from "../feeds.ts";
import type { RunState } from "../protocol.ts";
import { byId, make } from "./dom.ts";
import { hex, hex8 } from "./hex.ts";
import type { MachineWorker } from "./machine.ts";

/** Instructions that are shown. */
const LINES = 5;
const FLAGS: [bit: number, name: string][] = [
  [0, "CF"],
  [2, "PF"],
  [4, "AF"],
  [6, "ZF"],
  [7, "SF"],
  [8, "TF"],
  [9, "IF"],
  [10, "DF"],
  [11, "OF"],
];

export class PausedCard {
  readonly #card = byId("paused", HTMLElement);
  readonly #title = byId("paused-title", HTMLElement);
  readonly #code = byId("paused-code", HTMLElement);
  readonly #registers = byId("paused-registers", HTMLElement);
  #instructions = 0;
  /** Registers as they were when the guest last stood still. */
  #before = new Map<string, number>();
  /** Counts data: code that is disassembled when other data are there is not shown. */
  #shown = 0;

  constructor(private readonly machine: MachineWorker) {}

  /** @param instructions that the machine has done */
  state(state: RunState, instructions: number): void {
    this.#instructions = instructions;
    if (state === "running") return this.hide();
    if (this.#card.hidden) this.machine.watch("processor");
    this.#card.hidden = false;
  }

  hide(): void {
    if (this.#card.hidden) return;
    this.#card.hidden = true;
    this.machine.unwatch("processor");
    this.#before.clear();
  }

  async fed(data: ProcessorData): Promise<void> {
    const { eip, symbol, ring, vcpu, vcpus, registers, selectors, eflags } = data;
    const mine = ++this.#shown;
    const who = `${vcpus > 1 ? `vCPU ${vcpu}, ` : ""}ring ${ring}`;
    this.#title.textContent = `${hex8(eip)}${symbol && ` <${symbol}>`}, ${who}, after ${
      this.#instructions.toLocaleString("en")
    } instructions`;
    const flags = FLAGS.filter(([bit]) => eflags >> bit & 1).map(([, name]) => name);
    this.#registers.replaceChildren(
      ...registers.map(({ name, value }) => this.#register(name, value, hex8(value))),
      make(
        "span",
        { class: "selectors" },
        ...selectors.map(({ name, value }) => this.#register(name, value, hex(value))),
        make("span", {}, make("i", {}, "flags"), ` ${flags.join(" ")}`),
      ),
    );
    for (const { name, value } of [...registers, ...selectors]) this.#before.set(name, value);
    const lines = await codeLines(data);
    if (mine === this.#shown) this.#code.textContent = lines.join("\n");
  }

  #register(name: string, value: number, text: string): HTMLElement {
    const changed = this.#before.has(name) && this.#before.get(name) !== value;
    return make(
      "span",
      { "data-register": name },
      make("i", {}, name),
      " ",
      changed ? make("mark", {}, text) : text,
    );
  }
}

async function codeLines({ code, eip, bits }: ProcessorData): Promise<string[]> {
  if (code.length === 0) return ["Nothing is mapped there: a page fault comes next."];
  try {
    const { disassemble } = await import("./disassembly/x86.ts");
    return disassemble(code, eip, bits, true).slice(0, LINES);
  } catch (error) {
    return [`The disassembler cannot be loaded: ${error instanceof Error ? error.message : error}`];
  }
}
