/** What machines and domains are made with. */
import type { TimeMode } from "./clock.ts";
import type { ConsoleSink } from "./console.ts";
import type { LogSink } from "./log.ts";
import type { OptionValues } from "./options.ts";
import type { Shutdown } from "./shutdown.ts";
import type { JitMode } from "./translation.ts";

/** What a machine is made with; nothing need be given. */
export interface MachineOptions {
  /** paravane.wasm; the package's own, or the one this tree builds, when not given. */
  module?: WebAssembly.Module | Uint8Array<ArrayBuffer>;
  /** What the guests' clocks follow: the host's clock (the default), or their own instructions. */
  time?: TimeMode;
  /**
   * Whether hot guest code is translated to WebAssembly: "on" when not given; false is "off". What is hottest is then
   * optimised, where the npm package `binaryen` is to be had; "quick" leaves that.
   */
  jit?: boolean | JitMode;
  /** Most bytes of translated code, 8 MiB when not given: beyond it the oldest goes. */
  translated?: number;
  /**
   * Counts what is run, for Machine.profile; off when not given. A `module` given counts what it interprets
   * only if it is loadModule("profile").
   */
  profile?: boolean;
  /** Takes the lines of the hypervisor's log; they are dropped when not given. */
  log?: LogSink;
  /** Closes the machine when it is aborted. */
  signal?: AbortSignal;
  /**
   * Told what a callback of the program's threw or a promise of it was rejected with; console.error when not given,
   * and of what it throws itself. The guest goes on.
   */
  onError?: (error: unknown) => void;
  /**
   * Most guest instructions in the next slice, for tests that want vCPUs and events in other orders
   * than usual; what they run in some 70 µs when not given, in virtual time 200,000.
   */
  slice?: () => number;
}

/** What a domain is made with; nothing need be given. */
export interface DomainOptions {
  /** In MiB; 64 when not given. */
  memory?: number;
  /** What the guest may grow to (ballooning), in MiB; its memory when not given. */
  maxMemory?: number;
  /** 1 when not given. */
  vcpus?: number;
  /** The kernel's; what is behind 1023 bytes is cut off. */
  commandLine?: string;
  /** A file that it finds in memory; unpacked if it is gzip'd. */
  ramdisk?: Uint8Array;
  /** What it is called; `guest` and its number when not given. */
  name?: string;
  /** Ways in which the hypervisor behaves towards it; see {@link OptionName}. */
  options?: OptionValues;
  /** CPU features the guest is not told of, each as in xl.cfg's cpuid: "no-ssse3,no-sse3". See core/host/cpuid.ts. */
  cpuid?: string | readonly string[];
  /** Whether it has a xenstore; true when not given. Without one, start_info names no ring and no port for it. */
  xenstore?: boolean;
  /** Takes the console's output; `console.readable` is another way to it. Dropped when nobody takes it. */
  output?: ConsoleSink;
  /** What it may take of the hypervisor; as much as there is when not given. */
  limits?: DomainLimits;
  /** Whether it waits for Domain.unpause before its first instruction. */
  paused?: boolean;
  /** Gives up while the image is fetched and read; later, destroys the domain. */
  signal?: AbortSignal;
  /**
   * Called when it has shut down or was ended, before anything else runs. In virtual time no guest
   * runs until the promise has settled, so that what is done here happens at the same moment in each run.
   */
  onShutdown?: (shutdown: Shutdown) => void | Promise<void>;
}

/** What a domain may take of the hypervisor, besides memory and vCPUs. */
export interface DomainLimits {
  /** Frames of its grant table, 1 to 64: each has 512 entries, or 256 of version 2. */
  grantFrames?: number;
  /** Grants of others that it may have mapped at a time, up to 1024. */
  maptrack?: number;
  /** Event channels, up to 1023. The console and the store take one each. */
  eventChannels?: number;
}
