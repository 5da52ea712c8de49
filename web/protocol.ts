/**
 * What the page and the worker that runs the machine tell each other. The page asks and shows; the
 * worker alone touches the machine. Everything here survives structured cloning.
 */

/** A guest to boot. */
export interface BootRequest {
  /** An ELF file, gzip'd or not, or a bzImage. */
  kernel: Uint8Array<ArrayBuffer>;
  ramdisk?: Uint8Array<ArrayBuffer>;
  commandLine: string;
  /** In MiB. */
  memory: number;
  vcpus: number;
  name: string;
}

/** What the worker is told. */
export type ToMachine =
  | { type: "boot"; module: WebAssembly.Module; request: BootRequest }
  | { type: "input"; bytes: Uint8Array<ArrayBuffer> }
  /** The terminal has shown so many bytes of output. */
  | { type: "shown"; bytes: number }
  | { type: "pause" }
  | { type: "resume" }
  | { type: "step" }
  /** A panel came into sight, or wants other things; `options` is the panel's own. */
  | { type: "watch"; feed: FeedName; options?: unknown }
  | { type: "unwatch"; feed: FeedName }
  | { type: "ask"; id: number; feed: FeedName; question: unknown };

/** What the worker tells. */
export type FromMachine =
  | { type: "ready" }
  | { type: "booted" }
  /** The guest could not be booted: one line that says why. */
  | { type: "refused"; message: string }
  | { type: "output"; bytes: Uint8Array<ArrayBuffer> }
  | { type: "log"; lines: string[] }
  | { type: "state"; state: RunState; eip: number; instructions: number }
  /** How much the guest has done of late: instructions a second. Told when it changes. */
  | { type: "pace"; perSecond: number }
  | { type: "ended"; end: GuestEnd }
  | { type: "feed"; feed: FeedName; data: unknown }
  | { type: "answer"; id: number; value: unknown; error?: string };

export type RunState = "running" | "paused" | "stepping";

/** How a guest's life ended. */
export interface GuestEnd {
  /** "poweroff", "crash", … */
  name: string;
  code: number;
  /** What the guest did, where the hypervisor ended it. */
  crash: string | null;
  /** The crash report, line by line; empty where there is nothing to report. */
  report: string[];
}

/**
 * Sources of what panels show, and the first one of what a paused guest's card does. Each costs nothing until that is
 * in sight.
 */
export const FEEDS = [
  "processor",
  "hypercalls",
  "memory",
  "events",
  "descriptors",
  "blocks",
  "counters",
] as const;
export type FeedName = typeof FEEDS[number];
