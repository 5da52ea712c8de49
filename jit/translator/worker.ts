/**
 * Builds modules away from the thread that runs guests; the worker is ended when there has been
 * nothing to build for a while. The second tier's (jit/optimiser) is another one of the same text, which loads
 * Binaryen when it is first asked.
 */
import { optimise } from "../optimiser/optimise.ts";
import { buildRegions } from "./build.ts";
import type { RegionBlock } from "./region.ts";
import { ENOUGH, warm } from "./warm.ts";

/** What the worker is sent. */
export interface BuildRequest {
  regions: RegionBlock[][];
  /** Whether what is run is counted. */
  profile: boolean;
  /** Where Binaryen is, which is to optimise the module; "" to leave that. */
  binaryen: string;
}
/** Its answer: a compiled module with one function for each region, or what went wrong. */
export type BuildAnswer = "ready" | { module: WebAssembly.Module; bytes: number } | {
  error: string;
};

/** Milliseconds that the engine's optimising compiler is given for a module of the second tier. */
const ENGINE = 1000;

const scope = self as unknown as {
  onmessage: (e: MessageEvent<BuildRequest>) => void;
  postMessage(m: BuildAnswer): void;
};

scope.onmessage = async ({ data }) => {
  try {
    let bytes = buildRegions(data.regions, data.profile);
    if (data.binaryen) bytes = optimise((await import(data.binaryen)).default, bytes);
    const module = new WebAssembly.Module(bytes);
    warm(module, data.regions.length, data.binaryen ? ENOUGH : 1);
    // what it is to replace has been optimised by the engine long since: it is to be as well when it takes its place
    if (data.binaryen) await new Promise((done) => setTimeout(done, ENGINE));
    scope.postMessage({ module, bytes: bytes.length });
  } catch (e) {
    scope.postMessage({ error: String((e as Error).stack) });
  }
};

// Loading takes a while, and what is sent meanwhile would be lost.
scope.postMessage("ready");
