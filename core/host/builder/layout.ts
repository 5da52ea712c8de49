/**
 * Where everything goes in a new domain's memory. A pure computation: it refuses what does not fit
 * before a domain exists. Order and sizes: pv-abi §2.1 and §2.2; Xen: tools/libs/guest/xg_dom_core.c
 * (xc_dom_build_image) and xg_dom_x86.c (alloc_pgtables_pv).
 */
import type { GuestImage } from "../elf/image.ts";
import { hex, ImageError } from "../elf/image_error.ts";
import { type PagingFormat, type TableLevel, tablesFor } from "./paging.ts";

const PAGE = 4096n;
/** Pages kept free behind the last thing built. */
const SLACK_PAGES = 128;
const BOOT_STACK_PAGES = 1;
/** The initial mapping ends on a multiple of this. */
const MAPPING_UNIT = 4n << 20n;
/** Bytes of an entry of the P2M list. */
const P2M_ENTRY = 4;

/** Consecutive pages. PFN 0 is mapped at VIRT_BASE, and so on. */
export interface Pages {
  readonly pfn: number;
  readonly count: number;
}

export interface Layout {
  readonly format: PagingFormat;
  readonly virtBase: bigint;
  /** All pages of the domain. */
  readonly totalPages: number;
  readonly kernel: Pages;
  readonly ramdisk: Pages & { readonly mapped: boolean } | undefined;
  readonly p2m: Pages;
  readonly startInfo: Pages;
  readonly xenstoreRing: Pages;
  readonly consoleRing: Pages;
  readonly pageTables: Pages;
  readonly bootStack: Pages;
  /** Pages of the initial mapping, from PFN 0. */
  readonly mappedPages: number;
  readonly tables: readonly TableLevel[];
  /** Page the guest wants the hypercall entries in. */
  readonly hypercallPfn: number | undefined;
}

/**
 * Lays a domain out.
 *
 * @param totalPages pages of memory the domain has
 * @param ramdiskBytes length of the ramdisk as it will lie in memory, 0 for none
 * @throws ImageError when it does not fit
 */
export function computeLayout(
  image: GuestImage,
  format: PagingFormat,
  totalPages: number,
  ramdiskBytes: number,
): Layout {
  const base = image.virtBase;
  const alloc = new Allocator(totalPages);
  // Counted in pages before anything is made as large as the image claims to be.
  const padding = Number((image.kernelStart - base) / PAGE);
  const kernelPages = Number((image.kernelEnd - image.kernelStart + PAGE - 1n) / PAGE);
  alloc.take("the space below the kernel", padding);
  const kernel = alloc.take("the kernel", kernelPages);
  const ramdiskPages = Math.ceil(ramdiskBytes / Number(PAGE));
  const unmapped = image.parameters.modStartPfn;
  let ramdisk = ramdiskBytes > 0 && !unmapped
    ? { ...alloc.take("the ramdisk", ramdiskPages), mapped: true }
    : undefined;
  const p2m = alloc.take("the P2M list", Math.ceil(totalPages * P2M_ENTRY / Number(PAGE)));
  const startInfo = alloc.take("start_info", 1);
  const xenstoreRing = alloc.take("the xenstore ring", 1);
  const consoleRing = alloc.take("the console ring", 1);

  const { tables, end } = sizeTables(format, base, base + BigInt(alloc.next) * PAGE);
  if (end >= format.hole) {
    throw new ImageError(
      "address",
      `the initial mapping ${hex(base)}..${hex(end)} reaches the hypervisor's own range, which ` +
        `begins at ${hex(format.hole)}`,
    );
  }
  const pageTables = alloc.take("the page tables", tables.reduce((sum, t) => sum + t.count, 0));
  const bootStack = alloc.take("the boot stack", BOOT_STACK_PAGES);
  const mappedPages = Number((end + 1n - base) / PAGE);
  alloc.take("the initial mapping", mappedPages - alloc.next);
  if (ramdiskBytes > 0 && unmapped) {
    ramdisk = { ...alloc.take("the ramdisk", ramdiskPages), mapped: false };
  }
  const layout = {
    format,
    virtBase: base,
    totalPages,
    kernel,
    ramdisk,
    p2m,
    startInfo,
    xenstoreRing,
    consoleRing,
    pageTables,
    bootStack,
    mappedPages,
    tables,
  };
  return { ...layout, hypercallPfn: hypercallPage(image, pageTables, mappedPages) };
}

/** Virtual address of a page of the initial mapping. */
export function addressOf(layout: Layout, pfn: number): number {
  return Number(layout.virtBase + BigInt(pfn) * PAGE);
}

/** Hands out consecutive pages and refuses when there are no more. */
class Allocator {
  next = 0;

  constructor(readonly total: number) {}

  take(what: string, count: number): Pages {
    if (count > this.total - this.next) {
      throw new ImageError(
        "memory",
        `${what} needs ${mebibytes(count)} MiB behind the ${
          mebibytes(this.next)
        } MiB already laid ` +
          `out, but the domain has ${mebibytes(this.total)} MiB of memory`,
      );
    }
    const pages = { pfn: this.next, count };
    this.next += count;
    return pages;
  }
}

function mebibytes(pages: number): number {
  return Math.round(pages / 25.6) / 10;
}

/**
 * The tables and the last address of the initial mapping. Each depends on the other: guess, count,
 * and begin again until the tables, the boot stack and the slack fit before the end.
 */
function sizeTables(
  format: PagingFormat,
  base: bigint,
  used: bigint,
): { tables: TableLevel[]; end: bigint } {
  const extra = BOOT_STACK_PAGES + SLACK_PAGES;
  for (let pages = extra;;) {
    const end = (used + BigInt(pages) * PAGE) | (MAPPING_UNIT - 1n);
    const tables = tablesFor(format, base, end);
    pages = tables.reduce((sum, t) => sum + t.count, extra);
    if (used + BigInt(pages) * PAGE <= end + 1n) return { tables, end };
  }
}

function hypercallPage(image: GuestImage, tables: Pages, mapped: number): number | undefined {
  const address = image.parameters.hypercallPage;
  if (address === undefined) return undefined;
  const pfn = Number((address - image.virtBase) / PAGE);
  if (address < image.virtBase || pfn >= mapped) {
    throw new ImageError(
      "address",
      `HYPERCALL_PAGE ${hex(address)} lies outside the initial mapping, which begins at ` +
        `${hex(image.virtBase)} and has ${mapped} pages`,
    );
  }
  if (pfn >= tables.pfn && pfn < tables.pfn + tables.count) {
    throw new ImageError("address", `HYPERCALL_PAGE ${hex(address)} lies in the page tables`);
  }
  return pfn;
}
