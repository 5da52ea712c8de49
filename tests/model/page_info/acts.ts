/**
 * What three domains of one machine may do to each other's and their own frames. Steps name frames by domain and page,
 * so that any part of a sequence still means something.
 */
export const SLOTS = 3;
/** Pages of a domain. Those before FIRST carry its first address space and its arguments. */
export const PAGES = 16, FIRST = 5;
export const BASE = 0xc0000000;
/** L2 slot of the arguments, in every address space that is to be of use. */
export const ARGS_SLOT = 427;

export type Special = "shared" | "grant" | "zero" | "m2p" | "beyond" | "ones" | "last";
export type Target = { slot: number; pfn: number } | { slot: number; what: Special };

export interface Update {
  page: Target;
  index: number;
  target: Target;
  flags: bigint;
  command: number;
}

export interface ExtOp {
  cmd: number;
  target: Target;
  source: Target;
  va: number;
  entries: number;
}

/** Where a grant is mapped: at a page's first place, or at an entry of a page. */
export type Place = { pfn: number } | { page: Target; index: number } | { va: number };

export type Act =
  | { op: "mmu_update"; list: Update[]; foreign: number }
  | { op: "va_mapping"; va: number; target: Target; flags: bigint; flush: number; other?: number }
  | { op: "remap"; pfn: number; writable: boolean }
  | { op: "mmuext"; list: ExtOp[]; foreign: number }
  | { op: "set_gdt"; targets: Target[]; entries: number }
  | { op: "update_descriptor"; page: Target; offset: number; value: bigint }
  | { op: "selector"; index: number }
  | {
    op: "access";
    va: number;
    size: number;
    kind: "read" | "write" | "modify" | "locked";
    user: boolean;
    target: Target;
  }
  | { op: "reserve"; cmd: number; pages: Target[]; order: number }
  | { op: "exchange"; pages: Target[] }
  | { op: "assist"; on: boolean; type: number }
  | { op: "grant"; ref: number; flags: number; to: number; target: Target }
  | { op: "map"; from: number; ref: number; place: Place; flags: number }
  | { op: "unmap"; handle: number; place: Place }
  | { op: "replace"; handle: number; place: Place; from: Place }
  | {
    op: "copy";
    source: Target;
    sourceRef: number;
    dest: Target;
    destRef: number;
    flags: number;
    offset: number;
    length: number;
  }
  | { op: "transfer"; target: Target; to: number; ref: number }
  | { op: "run"; items: Item[] }
  | { op: "destroy" };

/** Steps that a guest's own code carries out, one after the other (execute.ts). */
export type Item = Extract<
  Act,
  { op: "access" | "va_mapping" | "remap" | "mmuext" | "mmu_update" | "reserve" }
>;

/** `multi`: the hypercall is made inside a multicall. */
export type Step = { slot: number; multi: boolean } & Act;
