/** Builds at once, on the thread that runs guests: for tests, where what is translated must not depend on chance. */
import { buildRegions } from "./build.ts";
import type { Builder, Built } from "./builder.ts";
import type { RegionBlock } from "./region.ts";

export class DirectBuilder implements Builder {
  build(regions: RegionBlock[][], built: Built): void {
    const bytes = buildRegions(regions);
    built(new WebAssembly.Module(bytes), "", bytes.length);
  }

  stop(): void {}
}
