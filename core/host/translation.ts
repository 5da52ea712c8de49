/**
 * When to translate: the translator (and with it Binaryen) is loaded only once a guest has kept the
 * processor busy for a while, so that it is never on the way to a guest's first line.
 */
import type { Translator, TranslatorCore } from "../../jit/translator/mod.ts";
import type { Core } from "./core.ts";

/** Full slices after which a guest is busy enough to translate for. */
const BUSY_SLICES = 50;

export class Translation {
  private busy = 0;
  private translator: Translator | null = null;

  constructor(private readonly core: Core) {}

  /** To be called after a slice that was used up. */
  sliced(): void {
    if (this.translator) this.translator.sample();
    else if (++this.busy === BUSY_SLICES) this.load();
  }

  private async load(): Promise<void> {
    const { Translator } = await import("../../jit/translator/mod.ts");
    this.translator = new Translator(this.core.exports as unknown as TranslatorCore);
  }
}
