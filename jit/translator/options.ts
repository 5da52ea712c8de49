/** What a translator is made of, and how eager it is. */
import type { SecondTierOptions } from "../optimiser/tier.ts";
import type { Builder } from "./builder.ts";

/** What the translator needs of the core's exports: helpers and roads by name, memory, handlers. */
export interface TranslatorCore {
  readonly memory: WebAssembly.Memory;
  readonly handlers: WebAssembly.Table;
  /** Counts how often all decoded code was dropped. */
  code_generation(): number;
  /** Counts blocks that were decoded. */
  code_made(): number;
}

/** How eager a translator is, and who builds for it. */
export interface TranslatorOptions {
  builder?: Builder;
  /** Counts what is run translated (count.ts), where no builder is given. */
  profile?: boolean;
  /** Slice ends at a block that make it hot; 2 when not given. */
  hot?: number;
  /** Exits of regions in a slice that make them grow, and those to one place; see MANY_EXITS. */
  exits?: number;
  alike?: number;
  /** Translates what was decoded, hot or not. */
  everything?: boolean;
  /** Bytes of modules that may be alive at once; beyond it the oldest translations go. */
  memory?: number;
  /** Builds the hottest regions once more, optimised; there is one tier only when not given. */
  second?: SecondTierOptions;
  /** Takes a line for each region that is put in place, and others of what becomes of them. */
  tell?: (line: string) => void;
}
