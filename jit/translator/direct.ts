/** Builds at once, on the thread that runs guests: for tests, where what is translated must not depend on chance. */
import { buildRegions } from "./build.ts";
import type { Builder, Built } from "./builder.ts";
import { type BinaryenApi, optimise } from "../optimiser/optimise.ts";
import type { RegionBlock } from "./region.ts";

export class DirectBuilder implements Builder {
  /**
   * @param profile counts what is run
   * @param binaryen optimises the modules, for the second tier
   */
  constructor(private readonly profile = false, private readonly binaryen?: BinaryenApi) {}

  build(regions: RegionBlock[][], built: Built): void {
    let bytes = buildRegions(regions, this.profile);
    if (this.binaryen) bytes = optimise(this.binaryen, bytes);
    built(new WebAssembly.Module(bytes), "", bytes.length);
  }

  stop(): void {}
}
