/** Builds at once, on the thread that runs guests: for tests, where what is translated must not depend on chance. */
import { buildRegions } from "./build.ts";
import type { Builder, Built } from "./builder.ts";
import type { RegionBlock } from "./region.ts";

export class DirectBuilder implements Builder {
  /** @param profile counts what is run */
  constructor(private readonly profile = false) {}

  build(regions: RegionBlock[][], built: Built): void {
    const bytes = buildRegions(regions, this.profile);
    built(new WebAssembly.Module(bytes), "", bytes.length);
  }

  stop(): void {}
}
