/** The machine of the model: its frames and domains. */
import { Frame, NO_PFN, NOBODY, XEN } from "./frame.ts";
import { putPage, putPageAndType } from "./references.ts";

export interface GrantUse {
  by: number;
  uses: number;
  writers: number;
  mfn: number;
}

/** What a handle of map_grant_ref stands for. */
export interface Mapping {
  flags: number;
  ref: number;
  /** Who granted it; possibly gone. Its number may be another's then. */
  from: Domain;
  mfn: number;
}

export class Domain {
  /** Frames that count against maxPages: what it owns, but for shared_info and grant frames. */
  pages = 0;
  cr3: Frame | null = null;
  gdt: Frame[] = [];
  ldt = { base: 0, entries: 0, pages: new Map<number, Frame>() };
  readonly assists = new Set<number>();
  /** Entries of its grant table that others (or itself) use. */
  readonly granted = new Map<number, GrantUse>();
  readonly mappings: (Mapping | null)[] = [];

  constructor(readonly id: number, readonly maxPages: number, readonly grantFrame: Frame) {}

  /** Gives back the LDT's pages; they are taken again when a selector needs them. */
  dropLdt(): void {
    const pages = [...this.ldt.pages.values()];
    this.ldt.pages.clear();
    for (const page of pages) putPageAndType(this.world, page);
  }

  world!: World;
  dead = false;
}

export class World {
  readonly domains = new Map<number, Domain>();
  readonly #frames = new Map<number, Frame>();

  /**
   * @param size frames of the machine
   * @param m2p first frame of the machine-to-phys table, which has 512
   */
  constructor(readonly size: number, readonly m2p: number) {}

  /** The frame of that number, or undefined: no RAM. Frame 0 is none (golden uva.mfn0). */
  frame(mfn: number): Frame | undefined {
    if (!(mfn > 0 && mfn < this.size)) return undefined;
    let frame = this.#frames.get(mfn);
    if (!frame) {
      this.#frames.set(mfn, frame = new Frame(mfn));
      if (mfn >= this.m2p && mfn < this.m2p + 512) {
        frame.owner = XEN;
        frame.count = 1;
      }
    }
    return frame;
  }

  /** Every frame the model has come across. */
  frames(): Iterable<Frame> {
    return this.#frames.values();
  }

  /** Number of frames in use by domains or left over from them. */
  get used(): number {
    let n = 0;
    for (const f of this.#frames.values()) if (f.count && f.owner !== XEN) n++;
    return n;
  }

  /** A free frame becomes `domain`'s. Which one is the allocator's choice; that it is free is checked. */
  allocate(domain: number, mfn: number, pfn = NO_PFN, xenHeap = false): Frame {
    const f = this.frame(mfn);
    if (!f || f.count) throw new Error(`frame ${mfn} was handed out, but it is not free`);
    f.reset();
    f.words.fill(0n);
    f.owner = domain;
    f.pfn = pfn;
    f.xenHeap = xenHeap;
    f.count = 1;
    f.allocated = true;
    if (xenHeap) {
      f.type = "writable";
      f.validated = true;
      f.typeCount = 1;
    }
    const d = this.domains.get(domain);
    if (d && !xenHeap) d.pages++;
    return f;
  }

  /** Gives the allocation's reference back: the frame is free now, or when its last mapping goes. */
  release(f: Frame): void {
    if (!f.allocated) return;
    f.allocated = false;
    if (f.xenHeap) f.typeCount--;
    putPage(this, f);
  }

  /** The last reference is gone. */
  freed(f: Frame): void {
    const d = this.domains.get(f.owner);
    if (d && !f.xenHeap) d.pages--;
    f.owner = NOBODY;
    f.type = "none";
    f.pfn = NO_PFN;
  }
}
