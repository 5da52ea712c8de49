/** What the hypervisor knows of frames: page_info, and the M2P as guests see it. */
import type { Core } from "../../../core/host/core.ts";
import { domainName } from "../../../core/host/trace/names.ts";
import { MACHINE, PAGE_INFO, PAGE_INFO_SIZE } from "../../../core/wasm/layout.ts";
import type { FrameInfo } from "../../feeds.ts";

// Fields and flags of core/wasm/frames/page.ts.
const COUNT = 0;
const TYPE = 4;
const TYPE_COUNT = 8;
const OWNER = 12;
const TYPES = ["", "L1", "L2", "L3", "L4", "seg_desc", "shared", "writable"];
const PINNED = 0x100;
const VALIDATED = 0x200;

/** Where every 32-bit PV guest finds the machine-to-phys table (Xen public header arch-x86/xen-x86_32.h). */
const M2P = 0xf5800000;
const NO_PFN = 0xffffffff;

const PRESENT = 1n;
const LARGE = 0x80n;
const FRAME = 0x000ffffffffff000n;

/** Reads an entry of the table in frame `mfn`; 0 where there is no such frame. */
export function entryAt(core: Core, mfn: number, index: number): bigint {
  return mfn > 0 && mfn < core.exports.machine_size()
    ? core.view().getBigUint64(MACHINE + mfn * 4096 + index * 8, true)
    : 0n;
}

/** The frame that an entry names. */
export function entryFrame(entry: bigint): number {
  return Number((entry & FRAME) >> 12n);
}

/** Address of a guest's byte in the core's memory, by its tables; -1 = not mapped. */
function locate(core: Core, root: number, linear: number): number {
  let table = root;
  for (const [shift, mask] of [[30, 3], [21, 511], [12, 511]]) {
    const entry = entryAt(core, table, (linear >>> shift) & mask);
    if (!(entry & PRESENT)) return -1;
    table = entryFrame(entry);
    if (shift === 21 && entry & LARGE) {
      table += (linear >>> 12) & 511;
      break;
    }
  }
  return table > 0 && table < core.exports.machine_size()
    ? MACHINE + table * 4096 + (linear & 4095)
    : -1;
}

/**
 * What is known of a frame.
 *
 * @param root a top-level table through which the M2P is mapped
 */
export function frameInfo(core: Core, root: number, mfn: number): FrameInfo {
  const none = { mfn, pfn: null, type: "", typeCount: 0, count: 0, owner: "not RAM" };
  if (mfn === 0 || mfn >= core.exports.machine_size()) {
    return { ...none, pinned: false, validated: false };
  }
  const at = PAGE_INFO + mfn * PAGE_INFO_SIZE;
  const view = core.view();
  const type = view.getUint32(at + TYPE, true);
  const typeCount = view.getUint32(at + TYPE_COUNT, true);
  const count = view.getUint32(at + COUNT, true);
  const entry = locate(core, root, M2P + mfn * 4);
  const pfn = entry < 0 ? NO_PFN : view.getUint32(entry, true);
  return {
    mfn,
    pfn: pfn === NO_PFN ? null : pfn,
    type: typeCount > 0 ? TYPES[type & 0xff] ?? String(type & 0xff) : "",
    typeCount,
    count,
    owner: count === 0 ? "free" : domainName(view.getUint32(at + OWNER, true)),
    pinned: (type & PINNED) !== 0,
    validated: (type & VALIDATED) !== 0,
  };
}
