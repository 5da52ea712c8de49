/**
 * Under PARAVANE_JIT=always the rigs, which have no machine around their core, translate as `--jit always` does: a block
 * is translated before it runs for the first time.
 */
import type { Core } from "../core/host/core.ts";
import { fromEnvironment } from "../core/host/translation.ts";
import { TRACE_BLOCK } from "../core/host/trace/hub.ts";
import { DirectBuilder } from "../jit/translator/direct.ts";
import { Translator, type TranslatorCore } from "../jit/translator/mod.ts";

/** Whether this run of the tests is one in which all is translated. */
export const ALWAYS = fromEnvironment() === "always";

/** What env.trace is to be for a core, and what is to be called once it is there. */
export interface FirstSight {
  trace: (kind: number) => void;
  watch: (core: Core) => void;
  /** Blocks that are translated now. */
  count: () => number;
}

/**
 * @param always whether to translate at all
 * @throws from the core's calls into the host where code cannot be translated at all: nothing is silently interpreted
 */
export function firstSight(always: boolean = ALWAYS): FirstSight {
  let translator: Translator | undefined;
  return {
    trace(kind) {
      if (kind !== TRACE_BLOCK || !translator) return;
      translator.meet();
      if (translator.failure) throw new Error(translator.failure);
    },
    count: () => translator?.count ?? 0,
    watch({ exports }) {
      if (!always) return;
      const eager = { everything: true, hot: 1, exits: 1, alike: 3 };
      const inside = exports as unknown as TranslatorCore;
      translator = new Translator(inside, { builder: new DirectBuilder(), ...eager });
      exports.trace_set(TRACE_BLOCK);
    },
  };
}
