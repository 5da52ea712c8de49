/**
 * Makes a domain from a plan: memory, image, tables, start_info, rings, first vCPU. What is written
 * where is pv-abi §2; the order of the last steps is libxenguest's (tools/libs/guest/xg_dom_boot.c),
 * because each shows: ports are allocated before shared_info is wiped, the tables are pinned before
 * the vCPU takes them as its own.
 */
import { ParavaneError } from "../error.ts";
import type { Core } from "../core.ts";
import { MAILBOX_SIZE } from "../../wasm/layout.ts";
import { GuestMemory } from "./guest_memory.ts";
import { writeHypercallPage } from "./hypercall_page.ts";
import { addressOf, type Layout } from "./layout.ts";
import type { DomainPlan } from "./plan.ts";
import { SIF_MOD_START_PFN, writeStartInfo } from "./start_info.ts";
import { writePageTables } from "./tables.ts";
import { firstVcpuContext } from "./vcpu_context.ts";

const PAGE = 4096;
/** vCPUs that have their vcpu_info in shared_info, and where its upcall mask lies. */
const LEGACY_VCPUS = 32;
const VCPU_INFO_SIZE = 64;
const UPCALL_MASK = 1;
/** Frames that are asked for at once: the host may have to find each first, which takes it up to 12 µs. */
const POPULATE_CHUNK = Math.min(32, MAILBOX_SIZE / 4);
/** Entries of the grant table through which domain 0 maps the rings. */
const GRANT_CONSOLE = 0;
const GRANT_XENSTORE = 1;
/** The core refused a step of making a domain, most often for want of memory. */
export class BuildError extends ParavaneError {
  /** "BuildError". */
  override readonly name = "BuildError";
  /** Always "build". */
  readonly code = "build";

  /**
   * Made by the library.
   *
   * @param errno negative error number the core gave
   * @param why what it means, where that can be told in words
   */
  constructor(step: string, readonly errno: number, why?: string) {
    super(`cannot make the domain: ${why ?? `${step} gave error ${errno}`}`);
  }
}

export interface BuiltDomain {
  readonly domid: number;
  readonly plan: DomainPlan;
  readonly sharedInfoMfn: number;
  readonly storeMfn: number;
  readonly storePort: number;
  readonly consoleMfn: number;
  readonly consolePort: number;
  /** Machine frame of each page at start. */
  readonly mfns: Uint32Array;
}

/** Called between two pieces of the work, to give way to others; what it throws ends the work. */
export type Pause = () => void | Promise<void>;

/**
 * Makes the domain, paused.
 *
 * @param pause other domains may run meanwhile, but none be made
 * @param undo destroys an unfinished domain
 * @throws BuildError when the core refuses, or what `pause` throws; the unfinished domain is destroyed
 */
export async function buildDomain(
  core: Core,
  plan: DomainPlan,
  pause: Pause = () => {},
  undo: (domid: number) => void = core.exports.domain_destroy,
): Promise<BuiltDomain> {
  const { exports } = core;
  const domid = check(
    "domain_create",
    exports.domain_create(plan.vcpus, plan.maxPages, plan.options),
  );
  try {
    return await fill(core, plan, domid, pause);
  } catch (error) {
    undo(domid);
    throw error;
  }
}

async function fill(
  core: Core,
  plan: DomainPlan,
  domid: number,
  pause: Pause,
): Promise<BuiltDomain> {
  const { exports } = core;
  const { layout, image, hidden } = plan;
  exports.domain_hide_features(domid, hidden.leaf1Ecx, hidden.leaf1Edx, hidden.extendedEdx);
  const mfns = await populate(core, domid, layout.totalPages, pause);
  check("domain_set_memory_map", exports.domain_set_memory_map(domid, plan.maxMemoryPages));
  const memory = new GuestMemory(core, mfns);
  const storePort = check("host_evtchn_alloc", exports.host_evtchn_alloc(domid));
  const consolePort = check("host_evtchn_alloc", exports.host_evtchn_alloc(domid));
  const sharedInfoMfn = check("domain_shared_info", exports.domain_shared_info(domid));

  await writeImage(memory, plan, pause);
  if (layout.ramdisk) await memory.writeSlowly(layout.ramdisk.pfn, 0, plan.ramdisk, pause);
  await memory.writeSlowly(layout.p2m.pfn, 0, new Uint8Array(mfns.buffer), pause);
  await writePageTables(memory, layout, pause);
  const built = {
    domid,
    plan,
    sharedInfoMfn,
    storeMfn: mfns[layout.xenstoreRing.pfn],
    storePort,
    consoleMfn: mfns[layout.consoleRing.pfn],
    consolePort,
    mfns,
  };
  writeStartInfoOf(memory, built);
  if (layout.hypercallPfn !== undefined) writeHypercallPage(memory.page(layout.hypercallPfn));
  writeSharedInfo(core.frame(sharedInfoMfn));

  // Plain PAE wants it below 4 GiB, where all frames of this machine are.
  const topTableMfn = mfns[layout.pageTables.pfn];
  check("host_grant_seed", exports.host_grant_seed(domid, GRANT_CONSOLE, built.consoleMfn));
  check("host_grant_seed", exports.host_grant_seed(domid, GRANT_XENSTORE, built.storeMfn));
  check("domain_pin", exports.domain_pin(domid, layout.format.levels, topTableMfn));
  const context = core.post(firstVcpuContext({
    entry: Number(image.entry),
    stack: addressOf(layout, layout.bootStack.pfn + layout.bootStack.count),
    startInfo: addressOf(layout, layout.startInfo.pfn),
    topTableMfn,
    extendedCr3: image.parameters.pae !== "plain",
  }));
  check("vcpu_set_context", exports.vcpu_set_context(domid, 0, context));
  return built;
}

/** Gives the domain its frames, and the M2P their page numbers. Returns each page's frame. */
async function populate(
  core: Core,
  domid: number,
  pages: number,
  pause: Pause,
): Promise<Uint32Array<ArrayBuffer>> {
  const mfns = new Uint32Array(pages);
  for (let pfn = 0; pfn < pages; pfn += POPULATE_CHUNK) {
    const count = Math.min(POPULATE_CHUNK, pages - pfn);
    check(
      `domain_populate of ${pages} pages`,
      core.exports.domain_populate(domid, pfn, count, core.mailbox),
    );
    mfns.set(new Uint32Array(core.exports.memory.buffer, core.mailbox, count), pfn);
    await pause();
  }
  return mfns;
}

/**
 * Copies the segments in the order of the file, so that later ones lie over earlier ones. New memory
 * is zero: only what an earlier segment wrote is cleared, and the rest stays untouched.
 */
async function writeImage(
  memory: GuestMemory,
  { image, layout }: DomainPlan,
  pause: Pause,
): Promise<void> {
  const pfn = layout.kernel.pfn;
  let written = 0;
  for (const s of image.segments) {
    const dataEnd = s.at + s.filesz;
    const bytes = image.file.subarray(s.offset, s.offset + s.filesz);
    await memory.writeSlowly(pfn, s.at, bytes, pause);
    memory.clear(pfn, dataEnd, Math.max(0, Math.min(s.at + s.memsz, written) - dataEnd));
    written = Math.max(written, dataEnd);
  }
  const size = Number(image.kernelEnd - image.kernelStart);
  await memory.writeSlowly(pfn, size - image.bsdSymbols.length, image.bsdSymbols, pause);
}

function writeStartInfoOf(memory: GuestMemory, built: BuiltDomain): void {
  const { layout, image, commandLine, ramdisk, xenstore } = built.plan;
  const module = moduleFields(layout, ramdisk.length);
  writeStartInfo(memory.page(layout.startInfo.pfn), {
    magic: image.guestType,
    nrPages: layout.totalPages,
    sharedInfo: built.sharedInfoMfn * PAGE,
    storeMfn: xenstore ? built.storeMfn : 0,
    storePort: xenstore ? built.storePort : 0,
    consoleMfn: built.consoleMfn,
    consolePort: built.consolePort,
    ptBase: addressOf(layout, layout.pageTables.pfn),
    nrPtFrames: layout.pageTables.count,
    mfnList: addressOf(layout, layout.p2m.pfn),
    commandLine,
    ...module,
  });
}

/** A ramdisk outside the initial mapping is given by page number, and in whole pages. */
function moduleFields(
  { ramdisk, virtBase }: Layout,
  bytes: number,
): { flags: number; modStart: number; modLen: number } {
  if (!ramdisk) return { flags: 0, modStart: 0, modLen: 0 };
  if (!ramdisk.mapped) {
    return { flags: SIF_MOD_START_PFN, modStart: ramdisk.pfn, modLen: ramdisk.count * PAGE };
  }
  return { flags: 0, modStart: Number(virtBase) + ramdisk.pfn * PAGE, modLen: bytes };
}

/** All zero but for the upcall masks: every vCPU starts with its events held back. */
function writeSharedInfo(page: Uint8Array): void {
  page.fill(0);
  for (let vcpu = 0; vcpu < LEGACY_VCPUS; vcpu++) page[vcpu * VCPU_INFO_SIZE + UPCALL_MASK] = 1;
}

function check(step: string, result: number): number {
  if (result < 0) throw new BuildError(step, result);
  return result;
}
