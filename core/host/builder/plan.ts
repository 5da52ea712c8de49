/**
 * Everything that is decided before a domain exists. A plan that was made can only fail for want of
 * machine memory.
 */
import { type HiddenFeatures, hiddenFeatures } from "../cpuid.ts";
import type { GuestImage } from "../elf/image.ts";
import { ImageError } from "../elf/image_error.ts";
import { computeLayout, type Layout } from "./layout.ts";
import { PAE } from "./paging.ts";
import { prepareRamdisk } from "./ramdisk.ts";
import { COMMAND_LINE_SIZE } from "./start_info.ts";

const PAGE = 4096;
/** Pages a domain may take beyond those it begins with, as libxl allows (pv-abi §16, 7.9). */
const SPARE_PAGES = 256;

export interface DomainConfig {
  /** Pages of memory. */
  memoryPages: number;
  /** Pages it may grow to; its memory when not given. */
  maxMemoryPages?: number;
  vcpus?: number;
  commandLine?: string;
  ramdisk?: Uint8Array;
  /** OPT_* bits of core/wasm/domains/domain.ts. */
  options?: number;
  /** Features to hide, see ../cpuid.ts. */
  cpuid?: readonly string[];
  /** Whether start_info names a xenstore; true when not given. */
  xenstore?: boolean;
}

export interface DomainPlan {
  readonly image: GuestImage;
  readonly layout: Layout;
  readonly vcpus: number;
  readonly maxMemoryPages: number;
  /** Frames it may own at a time. */
  readonly maxPages: number;
  readonly options: number;
  readonly hidden: HiddenFeatures;
  readonly xenstore: boolean;
  readonly commandLine: string;
  readonly ramdisk: Uint8Array;
}

/**
 * Lays out a domain for `image`.
 *
 * A command line longer than 1023 bytes is cut, as libxenguest does.
 *
 * @throws ImageError when it cannot be, CpuidError when its processor cannot be
 */
export async function planDomain(image: GuestImage, config: DomainConfig): Promise<DomainPlan> {
  const { memoryPages, vcpus = 1, options = 0, commandLine = "" } = config;
  if (commandLine.includes("\0")) {
    throw new ImageError("command-line", "the command line holds a NUL character");
  }
  const maxMemoryPages = Math.max(memoryPages, config.maxMemoryPages ?? 0);
  const ramdisk = config.ramdisk
    ? await prepareRamdisk(config.ramdisk, memoryPages * PAGE)
    : new Uint8Array();
  return {
    image,
    layout: computeLayout(image, PAE, memoryPages, ramdisk.length),
    vcpus,
    maxMemoryPages,
    maxPages: maxMemoryPages + SPARE_PAGES,
    options,
    hidden: hiddenFeatures(config.cpuid ?? []),
    xenstore: config.xenstore ?? true,
    commandLine: commandLine.slice(0, COMMAND_LINE_SIZE),
    ramdisk,
  };
}
