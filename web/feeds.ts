/** What each panel is fed with: the data of "feed" messages, and the options of "watch". */

import type { DescriptorTables, Entry, EventPort, TrapHandler } from "../core/host/inspect.ts";

/** A line of the trace. */
export interface TraceRow {
  /** Counts rows from 1, also those that were left out. */
  n: number;
  kind: TraceKind;
  vcpu: string;
  /** How deep it lies in multicalls. */
  depth: number;
  name: string;
  details: string;
  /** Empty where there is none. */
  result: string;
  /** The result is an error, or the trap ended the guest. */
  bad: boolean;
}

export const TRACE_KINDS = ["hypercall", "trap", "event", "mmu"] as const;
export type TraceKind = typeof TRACE_KINDS[number];

export interface TraceOptions {
  kinds: TraceKind[];
  /** Words that a row's name and details must all have; a word with `-` in front, that they must not. */
  words: string[];
  /** Only what failed. */
  bad: boolean;
}

export interface TraceData {
  rows: TraceRow[];
  /** What happened since the last message, and of that what was not looked at for want of time. */
  seen: number;
  skipped: number;
}

/** Counts since the machine began, and where it stands. */
export interface CounterData {
  /** ms, of the worker's clock. */
  time: number;
  instructions: number;
  hypercalls: number;
  traps: number;
  events: number;
  /** Frames that the guest has. */
  frames: number;
  /** Ways into translated code. */
  translations: number;
}

/** Where the vCPU is that ran last, or runs next. */
export interface ProcessorData {
  vcpu: number;
  vcpus: number;
  /** Of the next instruction. */
  eip: number;
  symbol: string;
  /** The privilege level: 1 is the kernel's, 3 that of programs. */
  ring: number;
  bits: 16 | 32;
  /** From EIP on, as far as memory is mapped. */
  code: Uint8Array;
  registers: { name: string; value: number }[];
  selectors: { name: string; value: number }[];
  eflags: number;
}

export interface MemoryOptions {
  vcpu: number;
  /** Paths of the entries whose tables are shown. */
  open: string[];
  /** An address whose way through the tables is shown as well; null: none but a crash's. */
  address: number | null;
}

/** What the hypervisor knows of a frame. */
export interface FrameInfo {
  mfn: number;
  /** The owner's number for it; null for none. */
  pfn: number | null;
  /** "L1", "writable", "seg_desc", …; the empty string where it is used as nothing. */
  type: string;
  typeCount: number;
  count: number;
  owner: string;
  pinned: boolean;
  validated: boolean;
}

/** An entry of a page table. */
export interface EntryRow {
  /** Indices from the top, joined by dots: "3", "3.12", "3.12.7". */
  path: string;
  /** The level of the table that the entry is in: 3, 2 or 1. */
  level: number;
  /** The first address it is used for. */
  address: number;
  /** 64 bits in hexadecimal. */
  value: string;
  flags: string;
  /** It leads to a table, which may be opened. */
  table: boolean;
  open: boolean;
  /** Null for an entry that is not present. */
  frame: FrameInfo | null;
  /** The address asked for lies under it. */
  marked: boolean;
}

export interface MemoryData {
  vcpu: number;
  vcpus: number;
  /** The top-level table; null before there is one. */
  root: FrameInfo | null;
  rows: EntryRow[];
  /** There are more rows than can be shown. */
  cut: boolean;
  /** The address that is marked, and, where it is a crash's, which one of the crash. */
  address: number | null;
  crash: "" | "CR2" | "ESP" | "EIP";
  mapped: boolean;
  registers: { cr2: number; eip: number; esp: number };
}

/** A place where guests spend their time. */
export interface HotPlace {
  /** Of a region, its first block's; else the block's own. */
  eip: number;
  symbol: string;
  /** Of the instructions of late, 0 to 1. */
  share: number;
  /** What is known of its translation; null while it is interpreted. */
  region:
    | { blocks: number; instructions: number; ways: number; growths: number; bytes: number }
    | null;
}

export interface BlocksData {
  places: HotPlace[];
}

export interface CodeQuestion {
  eip: number;
}

/** A place's code. */
export interface CodeAnswer {
  bits: 16 | 32;
  /** Runs of instructions, in order of addresses. */
  code: { address: number; bytes: Uint8Array; symbol: string; exact: boolean }[];
  /** A module with the translation alone; null while the place is interpreted. */
  wasm: Uint8Array | null;
}

/** A far pointer with the symbol it names. */
export interface NamedEntry extends Entry {
  symbol: string;
}

export interface EventsData {
  ports: (EventPort & { label: string })[];
  vcpus: {
    vcpu: number;
    /** "runnable", "blocked", … */
    state: string;
    pending: boolean;
    masked: boolean;
    selector: number;
    event: NamedEntry;
    failsafe: NamedEntry;
  }[];
  fifo: boolean;
}

export interface DescriptorsOptions {
  vcpu: number;
}

export interface DescriptorsData {
  vcpu: number;
  vcpus: number;
  segments: { name: string; selector: number; base: number; limit: number; attributes: number }[];
  gdt: DescriptorTables["gdt"];
  ldt: DescriptorTables["ldt"];
  traps: (TrapHandler & { name: string; symbol: string })[];
}
