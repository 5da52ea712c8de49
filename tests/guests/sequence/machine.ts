/**
 * A kernel without instructions: a domain as the builder makes it for Linux or Mini-OS, whose hypercalls and memory
 * accesses a test makes in the order in which that does.
 */
import assert from "node:assert/strict";
import { loadModule } from "../../../core/build/load.ts";
import { buildDomain, type BuiltDomain } from "../../../core/host/builder/build.ts";
import { planDomain } from "../../../core/host/builder/plan.ts";
import { VirtualClock } from "../../../core/host/clock.ts";
import type { Core } from "../../../core/host/core.ts";
import { parseImage } from "../../../core/host/elf/image.ts";
import { Log } from "../../../core/host/log.ts";
import { instantiate } from "../../../core/host/module.ts";
import {
  C_FAULT,
  C_FAULT_ADDRESS,
  C_FAULT_ERROR,
  CPU,
  NO_FAULT,
  SPLIT,
} from "../../../core/wasm/layout.ts";
import { firstSight } from "../../first_sight.ts";
import { makeElf, notesWith } from "../../host/elf/make_elf.ts";

export const PAGE = 4096;
export const VIRT_BASE = 0xc0000000;
export const M2P = 0xf5800000;
export const SELF = 0x7ff0;
export const P = 1n, RW = 2n, US = 4n, A = 0x20n, D = 0x40n, NX = 1n << 63n;
/** Linux's _PAGE_TABLE, _KERNPG_TABLE and PAGE_KERNEL, without G. */
export const PAGE_TABLE = 0x67n, KERNPG_TABLE = 0x63n, PAGE_KERNEL = 0x63n, PAGE_KERNEL_RO = 0x61n;

export const HC = {
  set_trap_table: 0,
  mmu_update: 1,
  set_gdt: 2,
  stack_switch: 3,
  set_callbacks: 4,
  fpu_taskswitch: 5,
  set_debugreg: 8,
  update_descriptor: 10,
  memory_op: 12,
  multicall: 13,
  update_va_mapping: 14,
  set_timer_op: 15,
  xen_version: 17,
  console_io: 18,
  grant_table_op: 20,
  vm_assist: 21,
  vcpu_op: 24,
  mmuext_op: 26,
  sched_op: 29,
  callback_op: 30,
  event_channel_op: 32,
  physdev_op: 33,
  xenpmu_op: 40,
} as const;

export const MMUEXT = {
  PIN_L1: 0,
  PIN_L2: 1,
  PIN_L3: 2,
  UNPIN: 4,
  NEW_BASEPTR: 5,
  TLB_FLUSH_LOCAL: 6,
  INVLPG_LOCAL: 7,
  TLB_FLUSH_ALL: 10,
  INVLPG_ALL: 11,
  SET_LDT: 13,
} as const;

const KERNEL_AT = 0x100000;
const KERNEL_SIZE = 6 << 20;

interface Inside {
  hypercall(nr: number, a: number, b: number, c: number, d: number, e: number): number;
  slice_begin(now: bigint, budget: number): number;
  slice_end(): number;
  probe_access(address: bigint, size: number, access: number, cpl: number): number;
  probe_commit(): number;
  probe_descriptor(selector: number): number;
  inspect_current(): number;
  audit(domid: number): number;
}

/** The notes of Debian's 32-bit kernels (pv-abi §15). */
const NOTES = notesWith({
  1: VIRT_BASE + KERNEL_AT,
  2: VIRT_BASE + KERNEL_AT + PAGE,
  3: VIRT_BASE,
  4: 0,
  6: "linux",
  8: "generic",
  9: "yes",
  10: "!writable_page_tables|pae_pgdir_above_4gb",
  12: M2P,
  16: 1,
  17: 0x8801,
});

/** What Mini-OS and GNU Mach have in place of notes: pages count from VIRT_BASE (pv-abi §1.3). */
export const MINI_OS = makeElf({
  notes: [],
  entry: 0,
  segments: [{ paddr: 0, memsz: KERNEL_SIZE }],
  sections: [{
    name: "__xen_guest",
    type: 1,
    data: new TextEncoder().encode(
      "GUEST_OS=Mini-OS,XEN_VER=xen-3.0,VIRT_BASE=0x0,ELF_PADDR_OFFSET=0x0,HYPERCALL_PAGE=0x2," +
        "PAE=yes[extended-cr3],LOADER=generic\0",
    ),
  }],
});

const LINUX = makeElf({ notes: NOTES, segments: [{ paddr: KERNEL_AT, memsz: KERNEL_SIZE }] });

export class Kernel {
  /** Pages of the image's bss, handed out one by one. */
  #next: number;
  readonly #scratch: number;
  #at = 0;
  cpl: 1 | 3 = 1;

  private constructor(
    readonly core: Core,
    readonly built: BuiltDomain,
    /** Where it sees pfn 0. */
    readonly base: number,
    first: number,
    readonly imageEnd: number,
  ) {
    this.#next = first;
    this.#scratch = this.page();
    this.page();
  }

  /** @param pages of memory */
  static async boot(
    { pages = 8192, vcpus = 1, options = 9, elf = LINUX } = {},
  ): Promise<Kernel> {
    const { trace, watch } = firstSight();
    const core = await instantiate(await loadModule(), {
      clock: new VirtualClock(),
      log: new Log(() => {}),
      trace,
    });
    watch(core);
    core.exports.time_init(1, 1_600_000_000_000_000_000n);
    assert.equal(core.exports.machine_init(pages + 1024), 0);
    const image = parseImage(elf);
    const ramdisk = new Uint8Array(100_000).fill(0x5a);
    const plan = await planDomain(image, { memoryPages: pages, vcpus, options, ramdisk });
    const built = await buildDomain(core, plan);
    core.exports.domain_unpause(built.domid);
    const base = elf === LINUX ? VIRT_BASE : 0;
    const end = base + (base ? KERNEL_AT : 0) + KERNEL_SIZE;
    const first = base + (base ? KERNEL_AT : 0) + 8 * PAGE;
    const kernel = new Kernel(core, built, base, first, end);
    kernel.run();
    return kernel;
  }

  get inside(): Inside {
    return this.core.exports as unknown as Inside;
  }

  /** The kernel that this one hands over to: it sees pfn 0 elsewhere, and takes what pages are left. */
  next(base: number): Kernel {
    const moved = base - this.base;
    return new Kernel(this.core, this.built, base, this.#next + moved, this.imageEnd + moved);
  }

  /** Changes a word of start_info, as a boot loader does for the kernel that it starts. */
  setStartInfo(offset: number, value: number): void {
    const page = this.core.frame(this.built.mfns[this.built.plan.layout.startInfo.pfn]);
    new DataView(page.buffer, page.byteOffset).setUint32(offset, value, true);
  }

  /** Makes vCPU `n` the running one. */
  run(n = 0): void {
    for (let tries = 0; tries < 50; tries++) {
      this.inside.slice_begin(0n, 0x7fffffff);
      if (this.inside.inspect_current() === (this.built.domid << 16 | n)) return;
      this.call(HC.sched_op, 0); // yield
      this.inside.slice_end();
    }
    assert.fail(
      `vCPU ${n} does not run, state ${this.core.exports.domain_state(this.built.domid)}`,
    );
  }

  /** A zeroed page of the kernel's. */
  page(): number {
    const va = this.#next;
    this.#next += PAGE;
    assert.ok(va < this.imageEnd, "no page left in the image");
    return va;
  }

  startInfo(offset: number): number {
    const page = this.core.frame(this.built.mfns[this.built.plan.layout.startInfo.pfn]);
    return new DataView(page.buffer, page.byteOffset).getUint32(offset, true);
  }

  mfn(pfn: number): number {
    return Number(this.load(this.startInfo(0x44) + pfn * 4));
  }

  /** pfn of a machine frame, by the machine-to-phys table. */
  pfn(mfn: number): number {
    return Number(this.load(M2P + mfn * 4));
  }

  /** Machine address of a lowmem address. */
  machine(va: number): bigint {
    const pa = va - this.base;
    return BigInt(this.mfn(Math.floor(pa / PAGE))) * 4096n + BigInt(pa % PAGE);
  }

  /** Lowmem address of the page that an entry names. */
  table(entry: bigint): number {
    return this.base + this.pfn(Number(entry >> 12n & 0xffffffn)) * PAGE;
  }

  /** An entry for the page at a lowmem address. */
  pte(va: number, flags: bigint): bigint {
    return this.machine(va) & ~0xfffn | flags;
  }

  load(va: number): bigint;
  load(va: number, size: 1 | 2 | 4 | 8): bigint;
  load(va: number, size = 4): bigint {
    const host = this.inside.probe_access(BigInt(va), size, 0, this.cpl) >>> 0;
    if (!host) assert.fail(`reading ${va.toString(16)}: page fault ${this.#fault()}`);
    const view = this.core.view();
    if (size === 8) return view.getBigUint64(host, true);
    return BigInt(
      size === 4
        ? view.getUint32(host, true)
        : size === 2
        ? view.getUint16(host, true)
        : view.getUint8(host),
    );
  }

  load64 = (va: number): bigint => this.load(va, 8);

  /**
   * Stores as an instruction does.
   *
   * @param modify as one that reads first (LOCK BTR, CMPXCHG8B)
   * @returns the page fault's error code, or null
   */
  tryStore(va: number, value: bigint, size: 4 | 8 = 4, modify = false): number | null {
    const host = this.inside.probe_access(BigInt(va), size, modify ? 3 : 1, this.cpl) >>> 0;
    if (!host) return this.#fault();
    if (size === 8) this.core.view().setBigUint64(host, value, true);
    else this.core.view().setUint32(host, Number(value & 0xffffffffn), true);
    if (host === CPU + SPLIT && !this.inside.probe_commit()) return this.#fault();
    return null;
  }

  store(va: number, value: bigint | number): void {
    assert.equal(this.tryStore(va, BigInt(value)), null, `storing to ${va.toString(16)}`);
  }

  /** An 8-byte store to memory that is no table: two halves. */
  store64(va: number, value: bigint): void {
    this.store(va + 4, value >> 32n);
    this.store(va, value & 0xffffffffn);
  }

  copyPage(to: number, from: number): void {
    for (let n = 0; n < PAGE; n += 8) this.store64(to + n, this.load64(from + n));
  }

  #fault(): number {
    const view = this.core.view();
    assert.equal(view.getUint32(CPU + C_FAULT, true), 14);
    const error = view.getUint32(CPU + C_FAULT_ERROR, true);
    view.getBigUint64(CPU + C_FAULT_ADDRESS, true);
    view.setUint32(CPU + C_FAULT, NO_FAULT, true);
    return error;
  }

  call(nr: number, ...args: number[]): number {
    const [a = 0, b = 0, c = 0, d = 0, e = 0] = args;
    return this.inside.hypercall(nr, a, b, c, d, e);
  }

  /** A hypercall that Linux dies of if it fails. */
  must(nr: number, ...args: number[]): void {
    assert.equal(this.call(nr, ...args), 0, `hypercall ${nr}(${args.map((a) => a.toString(16))})`);
  }

  /** Words somewhere in the kernel's data. */
  words(...words: (number | bigint)[]): number {
    if (this.#at + words.length * 4 > 2 * PAGE) this.#at = 0;
    const va = this.#scratch + this.#at;
    words.forEach((w, n) => this.store(va + n * 4, BigInt(w) & 0xffffffffn));
    this.#at += words.length * 4;
    return va;
  }

  mmuUpdate(...requests: [ptr: bigint, value: bigint][]): void {
    const list = this.words(...requests.flat().flatMap((q) => [q & 0xffffffffn, q >> 32n]));
    const done = this.words(0);
    this.must(HC.mmu_update, list, requests.length, done, SELF);
    assert.equal(this.load(done), BigInt(requests.length));
  }

  mmuext(...ops: [cmd: number, arg1: number | bigint, arg2?: number][]): void {
    const list = this.words(...ops.flatMap(([cmd, a, b = 0]) => [cmd, a, b]));
    this.must(HC.mmuext_op, list, ops.length, 0, SELF);
  }

  updateVa(va: number, pte: bigint, flags = 0): void {
    this.must(HC.update_va_mapping, va, Number(pte & 0xffffffffn), Number(pte >> 32n), flags);
  }

  /** xen_mc_flush: a batch, every entry of which has to succeed. */
  multicall(...calls: number[][]): void {
    for (let first = 0; first < calls.length; first += 32) {
      const batch = calls.slice(first, first + 32);
      const list = this.words(
        ...batch.flatMap((c) => [c[0], 0x7777, ...[...c.slice(1), 0, 0, 0, 0, 0, 0].slice(0, 6)]),
      );
      this.must(HC.multicall, list, batch.length);
      batch.forEach((c, n) => {
        const result = Number(this.load(list + n * 32 + 4)) | 0;
        assert.ok(result >= 0, `${c[0]} in a multicall: ${result}`);
      });
    }
  }

  /** Every count is right. */
  sound(): void {
    assert.equal(this.inside.audit(this.built.domid), 0);
  }
}
