/**
 * Builds modules away from the thread that runs guests; the worker is ended when there has been
 * nothing to build for a while.
 */
import { buildRegions } from "./build.ts";
import type { RegionBlock } from "./region.ts";
import { warm } from "./warm.ts";

/** What the worker is sent. */
export interface BuildRequest {
  regions: RegionBlock[][];
  /** Whether what is run is counted. */
  profile: boolean;
}
/** Its answer: a compiled module with one function for each region, or what went wrong. */
export type BuildAnswer = "ready" | { module: WebAssembly.Module; bytes: number } | {
  error: string;
};

const scope = self as unknown as {
  onmessage: (e: MessageEvent<BuildRequest>) => void;
  postMessage(m: BuildAnswer): void;
};

scope.onmessage = ({ data }) => {
  try {
    const bytes = buildRegions(data.regions, data.profile);
    const module = new WebAssembly.Module(bytes);
    warm(module, data.regions.length);
    scope.postMessage({ module, bytes: bytes.length });
  } catch (e) {
    scope.postMessage({ error: String((e as Error).stack) });
  }
};

// Loading takes a while, and what is sent meanwhile would be lost.
scope.postMessage("ready");
