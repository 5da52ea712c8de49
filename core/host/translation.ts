/**
 * When to translate: the translator is loaded only once a guest has kept the processor busy for a while,
 * so that it is never on the way to a guest's first line.
 */
import type { Builder } from "../../jit/translator/builder.ts";
import type { RegionView, Translator, TranslatorCore } from "../../jit/translator/mod.ts";
import type { Standing } from "../../jit/translator/history.ts";
import type { Core } from "./core.ts";
import { TRACE_BLOCK, type TraceHub } from "./trace/hub.ts";

/**
 * What becomes of guest code: interpreted; translated where it is hot (`quick`); also optimised where it is hottest, if
 * Binaryen is to be had (`on`); or translated before it first runs, for tests.
 */
export type JitMode = "off" | "quick" | "on" | "always";
export const JIT_MODES: readonly JitMode[] = ["off", "quick", "on", "always"];

/** The mode that an option names. */
export function jitMode(option: boolean | JitMode | undefined): JitMode {
  return typeof option === "boolean" ? (option ? "on" : "off") : option ?? "on";
}

/** What PARAVANE_JIT says, for running all tests in one mode; undefined where it says nothing. */
export function fromEnvironment(): JitMode | undefined {
  try {
    const said = typeof Deno === "undefined" ? undefined : Deno.env.get("PARAVANE_JIT");
    return JIT_MODES.find((mode) => mode === said);
  } catch {
    return undefined; // no permission to look
  }
}

/** Slices' worth of guest code after which guests are busy enough to translate for. */
const BUSY_SLICES = 12;

/** Times in a slice that a region is left for the same place before it takes that in, where all is translated. */
const ROUNDS = 3;
/** Bytes of modules where all is translated, each block in one of its own at first. */
const MEMORY_OF_ALL = 32 << 20;

export class Translation {
  private busy = 0;
  private translator: Translator | null = null;
  private stopped: boolean;
  private unlisten = () => {};
  private builder: Builder | undefined;
  private readonly listeners = new Set<(line: string) => void>();

  /**
   * @param hub tells of blocks before they are run for the first time
   * @param say takes a line for the log when nothing can be translated here
   */
  constructor(
    private readonly core: Core,
    private readonly mode: JitMode,
    private readonly hub: TraceHub,
    private readonly say: (line: string) => void,
    private readonly profile = false,
    private readonly memory?: number,
  ) {
    this.stopped = mode === "off";
  }

  /**
   * @param tell takes a line for each region that is put in place or given up
   * @returns ends that
   */
  listen(tell: (line: string) => void): () => void {
    this.listeners.add(tell);
    return () => void this.listeners.delete(tell);
  }

  /** Ways into translated code. */
  get count(): number {
    return this.translator?.count ?? 0;
  }

  /** What is translated now, to be looked at only. */
  regions(): RegionView[] {
    return this.translator?.regions() ?? [];
  }

  /** Before the first guest: where all is translated, the translator must be there at once. */
  async prepare(): Promise<void> {
    if (this.mode !== "always" || this.stopped || this.translator) return;
    const { DirectBuilder } = await import("../../jit/translator/direct.ts");
    this.builder = new DirectBuilder(this.profile);
    await this.load();
    this.unlisten = this.hub.listen(TRACE_BLOCK, () => this.look((t) => t.meet()));
  }

  /** To be called after each slice, however short. */
  sliceEnded(): void {
    if (this.mode === "always") this.sliced();
  }

  /** To be called after each slice's worth of guest code. */
  sliced(): void {
    if (this.stopped) return;
    if (this.translator) this.look((t) => t.sample());
    else if (++this.busy === BUSY_SLICES) this.load().catch((e) => this.giveUp(String(e)));
  }

  private look(at: (translator: Translator) => void): void {
    const { translator } = this;
    if (!translator) return;
    at(translator);
    if (translator.failure) this.giveUp(translator.failure);
  }

  /** The interpreter goes on alone. */
  private giveUp(why: string): void {
    this.stop();
    this.say(`no translation, guests are interpreted: ${why.split("\n")[0]}`);
  }

  private async load(): Promise<void> {
    if (!this.builder) {
      // its worker starts while the translator is loaded here
      const { WorkerBuilder } = await import("../../jit/translator/builder.ts");
      if (this.stopped) return;
      const builder = new WorkerBuilder(this.profile);
      builder.warm();
      this.builder = builder;
    }
    const { Translator } = await import("../../jit/translator/mod.ts");
    const optimiser = await this.optimiser();
    if (this.stopped) return;
    const always = this.mode === "always";
    this.translator = new Translator(this.core.exports as unknown as TranslatorCore, {
      builder: this.builder,
      profile: this.profile,
      everything: always,
      hot: always ? 1 : undefined,
      exits: always ? 1 : undefined,
      // blocks run translated by themselves; regions of several are made of what goes round
      alike: always ? ROUNDS : undefined,
      memory: this.memory ?? (always ? MEMORY_OF_ALL : undefined),
      second: optimiser ? { builder: optimiser } : undefined,
      tell: (line) => this.listeners.forEach((tell) => tell(line)),
    });
  }

  /** Who optimises what is hottest, in a worker that begins when there is something; null where nobody does. */
  private async optimiser(): Promise<Builder | null> {
    // a profile shows what the first tier makes
    if (this.mode !== "on" || this.profile) return null;
    const { findBinaryen } = await import("../../jit/optimiser/find.ts");
    const binaryen = findBinaryen();
    if (!binaryen) return null;
    const { WorkerBuilder } = await import("../../jit/translator/builder.ts");
    return new WorkerBuilder(false, binaryen);
  }

  /** What the translator knows of the block at a record; null while there is none. For a profile. */
  standing(record: number): Standing | null {
    return this.translator?.standing(record) ?? null;
  }

  /** Gives back what the translator holds. */
  stop(): void {
    this.stopped = true;
    this.unlisten();
    this.translator?.stop();
    this.translator = null;
  }
}
