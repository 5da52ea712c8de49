/**
 * page_info as a model sees it: one frame of machine memory, who owns it, what holds it and what it is
 * used as.
 *
 * Read this folder in this order: frame, references, targets, tables, update, then the hypercalls. It
 * is written from shared/pv-abi.md §7, §8 and §11.4 and the goldens, not from the core, and is as plain
 * and slow as it can be.
 */

export const P = 1n, RW = 2n, US = 4n, PWT = 8n, PCD = 0x10n, A = 0x20n, D = 0x40n;
export const PSE = 0x80n, G = 0x100n, AVL = 0xe00n, NX = 1n << 63n, AVL_HIGH = 0x7ffn << 52n;

export const EPERM = -1, ESRCH = -3, EACCES = -13, EFAULT = -14, EBUSY = -16, EINVAL = -22;
export const ENOSYS = -38, EOPNOTSUPP = -95;

/** What a frame is used as. §7.1; a 32-bit guest has no L4, and nothing is ever "shared". */
export type Type = "none" | "L1" | "L2" | "L3" | "seg_desc" | "writable";

/** Owners that are no domain. */
export const XEN = -1, NOBODY = -2;
export const NO_PFN = 0xffffffff;

export class Frame {
  /** A domain's number, XEN, or NOBODY: free, or left over from a domain that is gone. */
  owner = NOBODY;
  /** References of any kind; 0 = free. */
  count = 0;
  type: Type = "none";
  /** Uses as that type. A type changes only while there are none. */
  typeCount = 0;
  /** Contents checked for the type. Tables lose it with their last use, the others keep it. */
  validated = false;
  /** An L2 that stands in slot 3 of an L3: its last 84 entries are the hypervisor's. */
  xenL2 = false;
  pinned = false;
  /** The owner's allocation is one of the references. */
  allocated = false;
  /** shared_info and grant frames: the domain's to map, but not its memory. */
  xenHeap = false;
  /** XSA-240: linear entries in this table, and linear entries elsewhere that name it. */
  linearEntries = 0;
  linearUses = 0;
  /** Its entry of the machine-to-phys table. */
  pfn = NO_PFN;
  readonly words = new BigUint64Array(512);

  readonly bytes = new Uint8Array(this.words.buffer);

  constructor(readonly mfn: number) {}

  /** As good as new: free. */
  reset(): void {
    this.owner = NOBODY;
    this.count =
      this.typeCount =
      this.linearEntries =
      this.linearUses =
        0;
    this.type = "none";
    this.validated =
      this.xenL2 =
      this.pinned =
      this.allocated =
      this.xenHeap =
        false;
    this.pfn = NO_PFN;
  }

  get isTable(): boolean {
    return this.type === "L1" || this.type === "L2" || this.type === "L3";
  }
}

export const mfnOf = (e: bigint): number => Number((e >> 12n) & 0xffffffffffn);
export const ALL_ONES = 0xffffffffff;
