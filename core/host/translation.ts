/**
 * When to translate: the translator (and with it Binaryen) is loaded only once a guest has kept the
 * processor busy for a while, so that it is never on the way to a guest's first line.
 */
import type { Translator, TranslatorCore } from "../../jit/translator/mod.ts";
import type { Core } from "./core.ts";

/** Slices' worth of guest code after which guests are busy enough to translate for: more than a small kernel's boot. */
const BUSY_SLICES = 120;

export class Translation {
  private busy = 0;
  private translator: Translator | null = null;
  private stopped = false;

  /** @param say takes a line for the log when nothing can be translated here */
  constructor(private readonly core: Core, private readonly say: (line: string) => void) {}

  /** To be called after each slice's worth of guest code. */
  sliced(): void {
    if (this.stopped) return;
    if (this.translator) this.sample(this.translator);
    else if (++this.busy === BUSY_SLICES) this.load().catch((e) => this.giveUp(String(e)));
  }

  private sample(translator: Translator): void {
    translator.sample();
    if (translator.failure) this.giveUp(translator.failure);
  }

  /** The interpreter goes on alone. */
  private giveUp(why: string): void {
    this.stop();
    this.say(`no translation, guests are interpreted: ${why.split("\n")[0]}`);
  }

  private async load(): Promise<void> {
    const { Translator } = await import("../../jit/translator/mod.ts");
    if (this.stopped) return;
    this.translator = new Translator(this.core.exports as unknown as TranslatorCore);
  }

  /** Gives back what the translator holds. */
  stop(): void {
    this.stopped = true;
    this.translator?.stop();
    this.translator = null;
  }
}
