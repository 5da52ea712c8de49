/**
 * A machine with domains built by hand, and a hostile hand on their hypercalls.
 *
 * No guest code runs: the rig makes vCPU 0 current and calls the hypercall handlers, and touches memory
 * through the same door as an instruction would (tlb_fill, commit). Everything a guest's instructions
 * could do to its page tables can be done from here, in a few microseconds.
 */
import assert from "node:assert/strict";
import type { Exports } from "./exports.ts";
import { firstVcpuContext } from "../../core/host/builder/vcpu_context.ts";
import { loadModule } from "../../core/build/load.ts";
import {
  C_FAULT,
  C_FAULT_ADDRESS,
  C_FAULT_ERROR,
  CPU,
  MACHINE,
  MAILBOX,
  NO_FAULT,
  PAGE_INFO,
  PAGE_INFO_SIZE,
  SPLIT,
} from "../../core/wasm/layout.ts";

export const P = 1n;
export const RW = 2n;
export const US = 4n;
export const A = 0x20n;
export const D = 0x40n;
export const NX = 1n << 63n;

/** Hypercall numbers. */
export const HC = {
  mmu_update: 1,
  set_gdt: 2,
  memory_op: 12,
  update_va_mapping: 14,
  vm_assist: 21,
  update_va_mapping_otherdomain: 22,
  mmuext_op: 26,
} as const;

/** mmuext_op commands. */
export const OP = {
  PIN_L1: 0,
  PIN_L2: 1,
  PIN_L3: 2,
  PIN_L4: 3,
  UNPIN: 4,
  NEW_BASEPTR: 5,
  TLB_FLUSH_LOCAL: 6,
  INVLPG_LOCAL: 7,
  TLB_FLUSH_ALL: 10,
  SET_LDT: 13,
  CLEAR_PAGE: 16,
  COPY_PAGE: 17,
} as const;

export const DOMID_SELF = 0x7ff0;
/** Where the rig's domains see their pfn 0. */
export const BASE = 0xc0000000;
/** Slot of the slot-3 L2 behind which the argument page is mapped, in every address space of the rig. */
const ARGS_SLOT = 427;
export const ARGS = 0xc0000000 + ARGS_SLOT * 0x200000;

export const READ = 0;
export const WRITE = 1;
export const MODIFY = 3;

/** What AUDIT_ numbers say (core/wasm/pagetables/audit.ts). */
const FINDINGS = [
  "",
  "count",
  "type count",
  "entry",
  "writable entry",
  "TLB",
  "total",
  "linear",
  "type",
  "owner",
];

let compiled: WebAssembly.Module | undefined;

/** A machine without domains, in its own instance. */
export class Rig {
  private constructor(readonly core: Exports) {}

  static async create(frames = 2048): Promise<Rig> {
    const rig = await Rig.bare();
    assert.equal(rig.core.machine_init(frames), 0);
    return rig;
  }

  /** One whose memory is not there yet: machine_init is to be called. */
  static async bare(): Promise<Rig> {
    compiled ??= new WebAssembly.Module(await loadModule());
    const imports: Record<string, Record<string, () => unknown>> = {};
    for (const i of WebAssembly.Module.imports(compiled)) {
      const wide = i.name === "clock" || i.name === "wall";
      (imports[i.module] ??= {})[i.name] = () => wide ? 0n : 0;
    }
    const instance = new WebAssembly.Instance(compiled, imports);
    return new Rig(instance.exports as unknown as Exports);
  }

  get view(): DataView {
    return new DataView(this.core.memory.buffer);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.core.memory.buffer);
  }

  /** The 8 bytes at an index of a frame, straight from machine memory. */
  entry(mfn: number, index: number): bigint {
    return this.view.getBigUint64(MACHINE + mfn * 4096 + index * 8, true);
  }

  /** Writes to machine memory as nobody could: for setting up only. */
  setEntry(mfn: number, index: number, value: bigint): void {
    this.view.setBigUint64(MACHINE + mfn * 4096 + index * 8, value, true);
  }

  /** page_info of a frame. */
  info(
    mfn: number,
  ): { count: number; type: number; flags: number; typeCount: number; owner: number } {
    const at = PAGE_INFO + mfn * PAGE_INFO_SIZE;
    const word = (n: number) => this.view.getUint32(at + n * 4, true);
    return {
      count: word(0),
      type: word(1) & 0xff,
      flags: word(1) & 0xff00,
      typeCount: word(2),
      owner: word(3),
    };
  }

  /** Findings of the audit as text, "" if there are none. */
  audit(domid: number): string {
    const n = this.core.audit(domid);
    const lines: string[] = [];
    for (let i = 0; i < Math.min(n, 20); i++) {
      const word = (k: number) => this.view.getUint32(MAILBOX + i * 16 + k * 4, true);
      lines.push(`${FINDINGS[word(0)]}: mfn ${word(1)}, ${word(2)}, ${word(3)}`);
    }
    return lines.join("\n");
  }
}

/** A domain of a rig, running: its vCPU is current. */
export class TestDomain {
  /** mfn by pfn. 0: L3, 1: slot-3 L2, 2: the L1 that maps all pages, 3: the L1 of the argument page. */
  readonly mfns: number[];
  readonly sharedInfo: number;

  private constructor(readonly rig: Rig, readonly id: number, pages: number) {
    const { core } = rig;
    assert.equal(core.domain_populate(id, 0, pages, MAILBOX), 0);
    this.mfns = [...new Uint32Array(core.memory.buffer, MAILBOX, pages)];
    this.sharedInfo = core.domain_shared_info(id);
  }

  /**
   * @param pages frames to begin with, at least 8
   * @param most frames it may have
   * @param options sum of OPT_
   * @param enter makes it the running one, where there are others that run
   */
  static create(
    rig: Rig,
    pages = 24,
    most = pages + 8,
    options = 0,
    enter?: (id: number) => void,
  ): TestDomain {
    const { core } = rig;
    const id = core.domain_create(1, most, options);
    assert.ok(id > 0, `domain_create: ${id}`);
    const d = new TestDomain(rig, id, pages);
    for (let i = 0; i < pages; i++) rig.setEntry(d.mfns[2], i, d.pte(i, i < 4 ? 0x61n : 0x63n));
    rig.setEntry(d.mfns[3], 0, d.pte(4, 0x63n));
    rig.setEntry(d.mfns[1], 0, d.pte(2, 0x67n));
    rig.setEntry(d.mfns[1], ARGS_SLOT, d.pte(3, 0x67n));
    rig.setEntry(d.mfns[0], 3, d.pte(1, 1n));
    assert.equal(core.domain_pin(id, 3, d.mfns[0]), 0);
    const context = firstVcpuContext({
      entry: BASE,
      stack: BASE + 5 * 4096,
      startInfo: BASE,
      topTableMfn: d.mfns[0],
      extendedCr3: true,
    });
    rig.bytes.set(context, MAILBOX);
    assert.equal(core.vcpu_set_context(id, 0, MAILBOX), 0);
    assert.equal(core.domain_unpause(id), 0);
    if (enter) enter(id);
    else d.run();
    return d;
  }

  /** Makes its vCPU current for so many instructions (or ns); no other domain of the rig may be unpaused. */
  run(budget = 0x7fffffff): void {
    assert.equal(this.rig.core.slice_begin(0n, budget), 1, "the vCPU does not run");
  }

  /** Takes it off and destroys it. */
  destroy(): void {
    this.rig.core.slice_end();
    assert.equal(this.rig.core.domain_destroy(this.id), 0);
  }

  /** An entry for a page of its own. */
  pte(pfn: number, flags: bigint): bigint {
    return (BigInt(this.mfns[pfn]) << 12n) | flags;
  }

  /** Machine address of an entry in a page. */
  at(pfn: number, index: number): bigint {
    return (BigInt(this.mfns[pfn]) << 12n) + BigInt(index * 8);
  }

  /** Where a page is mapped at the start. */
  va(pfn: number): number {
    return BASE + pfn * 4096;
  }

  /** Fills the argument page from a byte offset on. */
  args(words: number[], offset = 0): number {
    const at = MACHINE + this.mfns[4] * 4096 + offset;
    words.forEach((w, i) => this.rig.view.setUint32(at + i * 4, w, true));
    return ARGS + offset;
  }

  word(offset: number): number {
    return this.rig.view.getUint32(MACHINE + this.mfns[4] * 4096 + offset, true);
  }

  hypercall(nr: number, ...args: number[]): number {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
    return this.rig.core.hypercall(nr, a, b, c, d, e);
  }

  /** One mmu_update request. */
  mmuUpdate(ptr: bigint, value: bigint, foreign = DOMID_SELF): number {
    const list = this.args(words64(ptr, value));
    return this.hypercall(HC.mmu_update, list, 1, 0, foreign);
  }

  /** One mmuext_op operation. */
  mmuext(cmd: number, arg1 = 0, arg2 = 0): number {
    return this.hypercall(HC.mmuext_op, this.args([cmd, arg1, arg2]), 1, 0, DOMID_SELF);
  }

  updateVa(va: number, pte: bigint, flags = 2): number {
    const [low, high] = words64(pte);
    return this.hypercall(HC.update_va_mapping, va, low, high, flags);
  }

  /** Maps one of its own pages at its place in the first mapping. */
  remap(pfn: number, flags: bigint): number {
    return this.updateVa(this.va(pfn), this.pte(pfn, flags));
  }

  memoryOp(cmd: number, words: number[]): number {
    return this.hypercall(HC.memory_op, cmd, this.args(words));
  }

  /** Decrease (1), increase (0) or populate (6) with single pages; the list is in the argument page. */
  reservation(cmd: number, list: number[], order = 0): number {
    const at = this.args(list, 256);
    return this.memoryOp(cmd, [at, list.length, order, 0, DOMID_SELF]);
  }

  setGdt(mfns: number[]): number {
    return this.hypercall(HC.set_gdt, this.args(mfns), mfns.length * 512);
  }

  /** Privilege of load and store: 1, the kernel's, or 3. */
  cpl: 1 | 3 = 1;

  /** Reads as an instruction would. */
  load(va: number, size = 4): Access {
    return this.#access(va, size, READ, (host) => {
      const bytes = this.rig.bytes.subarray(host, host + size);
      return bytes.reduceRight((sum, b) => (sum << 8n) | BigInt(b), 0n);
    });
  }

  /** Writes as an instruction would; `access` MODIFY: as one that reads first. */
  store(va: number, value: bigint, size = 4, access = WRITE): Access {
    return this.#access(va, size, access, (host) => {
      for (let i = 0; i < size; i++) {
        this.rig.bytes[host + i] = Number((value >> BigInt(8 * i)) & 0xffn);
      }
      return value;
    });
  }

  #access(va: number, size: number, access: number, act: (host: number) => bigint): Access {
    const { core } = this.rig;
    const host = core.probe_access(BigInt(va), size, access, this.cpl) >>> 0;
    if (host === 0) return this.#fault();
    const value = act(host);
    if (access !== READ && host === CPU + SPLIT && core.probe_commit() === 0) return this.#fault();
    return { value };
  }

  #fault(): Access {
    const { view } = this.rig;
    assert.equal(view.getUint32(CPU + C_FAULT, true), 14);
    const error = view.getUint32(CPU + C_FAULT_ERROR, true);
    const address = Number(view.getBigUint64(CPU + C_FAULT_ADDRESS, true));
    view.setUint32(CPU + C_FAULT, NO_FAULT, true);
    return { error, address };
  }

  /** Looks a selector up, as loading a segment register does. */
  descriptor(selector: number): boolean {
    return this.rig.core.probe_descriptor(selector) !== 0;
  }

  /** What the tables in memory say of an address: where it leads, or the page fault. Asks no TLB. */
  walk(va: number, access: number): { host: number } | { error: number } {
    const write = access !== READ;
    const user = this.cpl === 3 ? 4 : 0;
    const absent = (write ? 2 : 0) | user;
    let table = this.rig.core.inspect_cr3(this.id, 0);
    let rights = RW | US;
    for (let level = 3; level > 0; level--) {
      const index = Math.floor(va / 2 ** (9 * level + 3)) % 512;
      const e = this.rig.entry(table, index);
      if (!(e & P)) return { error: absent };
      rights &= e;
      table = Number((e >> 12n) & 0xffffffffffn);
      if (level === 2 && e & 0x80n) {
        table += Math.floor(va / 4096) % 512;
        break;
      }
    }
    if (user && !(rights & US)) return { error: absent | 1 };
    if (write && !(rights & RW)) return { error: user | 3 };
    return { host: MACHINE + table * 4096 + va % 4096 };
  }

  /** Where an access goes, without carrying it out. */
  touch(va: number, access: number): { host: number } | { error: number } {
    const host = this.rig.core.probe_access(BigInt(va), 1, access, this.cpl) >>> 0;
    return host ? { host } : { error: this.#fault().error! };
  }

  /** Asserts that the audit finds nothing. */
  sound(): void {
    assert.equal(this.rig.audit(this.id), "");
  }
}

/** How an access went: what was read or written, or the page fault's error code and CR2. */
export type Access = { value: bigint; error?: undefined; address?: undefined } | {
  value?: undefined;
  error: number;
  address: number;
};

/** 64-bit numbers as pairs of words, low one first. */
export function words64(...values: bigint[]): number[] {
  return values.flatMap((v) => [Number(v & 0xffffffffn), Number((v >> 32n) & 0xffffffffn)]);
}
