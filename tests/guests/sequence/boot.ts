/** The calls of a 32-bit Linux's start, in its order (pv-abi §15; xen_start_kernel to the grant tables). */
import assert from "node:assert/strict";
import { HC, Kernel, M2P, PAGE, PAGE_KERNEL, PAGE_KERNEL_RO, SELF } from "./machine.ts";
import { addTable, lookup, mapMemory, type Tables, takeOver } from "./tables.ts";

const FIXMAP = 0xf5600000; // just below the hypervisor's part
export const KERNEL_CS = 0x61, KERNEL_DS = 0x68;

/** xen_start_kernel: what it asks first, its GDT, its switches. @returns the GDT's page */
function early(linux: Kernel): number {
  const features = linux.words(0, 0);
  linux.must(HC.xen_version, 6, features);
  assert.equal(linux.load(features + 4) & 0x20n, 0x20n, "mmu_pt_update_preserve_ad");
  const mapping = linux.words(0, 0, 0);
  linux.must(HC.memory_op, 12, mapping);
  assert.equal(linux.load(mapping), BigInt(M2P));
  // the GDT: read-only first, then registered; kernel code and data at 12 and 13, made ring 1
  const gdt = linux.page();
  linux.store64(gdt + 0x60, 0x00cf9b000000ffffn);
  linux.store64(gdt + 0x68, 0x00cf93000000ffffn);
  linux.store64(gdt + 0x70, 0x00cffb000000ffffn);
  linux.store64(gdt + 0x78, 0x00cff3000000ffffn);
  linux.updateVa(gdt, linux.pte(gdt, PAGE_KERNEL_RO), 0);
  linux.must(HC.set_gdt, linux.words(linux.machine(gdt) >> 12n), 32);
  assert.equal(linux.load64(gdt + 0x60) >> 45n & 3n, 1n, "DPL raised to ring 1");
  for (const selector of [KERNEL_CS, KERNEL_DS, 0x73, 0x7b]) {
    assert.ok(linux.inside.probe_descriptor(selector), `selector ${selector.toString(16)}`);
  }
  for (const type of [0, 2, 3]) linux.must(HC.vm_assist, 0, type);
  linux.must(HC.physdev_op, 6, linux.words(1));
  linux.call(HC.console_io, 0, 4, linux.words(0x0a6e6978));
  linux.sound();
  return gdt;
}

/** Callbacks, IDT entries one at a time, the whole table at load_idt. */
function traps(linux: Kernel): void {
  const callback = (type: number, flags = 0) =>
    linux.call(
      HC.callback_op,
      0,
      linux.words(type | flags << 16, KERNEL_CS, 0xc0101000 + type * 16),
    );
  assert.deepEqual([callback(0), callback(1), callback(5, 1), callback(7, 1)], [0, 0, 0, 0]);
  assert.equal(callback(2), -38, "no 64-bit SYSCALL: Linux goes on without");
  const table: number[] = [];
  for (let vector = 0; vector < 256; vector++) {
    const flags = vector === 3 || vector === 4 || vector === 0x80 ? 3 : vector === 2 ? 4 : 0;
    const words = [vector | flags << 8 | KERNEL_CS << 16, 0xc0110000 + vector * 8];
    if (vector < 20) linux.must(HC.set_trap_table, linux.words(...words, 0, 0));
    table.push(...words);
  }
  const list = linux.page(); // its last entry ends it
  table.slice(0, 255 * 2).forEach((w, n) => linux.store(list + n * 4, BigInt(w) & 0xffffffffn));
  linux.must(HC.set_trap_table, list);
  for (const n of [0, 1, 2, 3, 6, 7]) {
    linux.must(HC.set_debugreg, n, n < 4 ? 0 : n === 6 ? 0xffff0ff0 : 0x400);
  }
  linux.must(HC.stack_switch, KERNEL_DS, linux.page() + PAGE);
}

/** The memory map, what may be had, and the console's and the store's pages by the M2P. */
function memory(linux: Kernel): void {
  const pages = linux.startInfo(0x20);
  const buffer = linux.words(0, 0, 0, 0, 0);
  const map = linux.words(32, buffer);
  linux.must(HC.memory_op, 9, map);
  assert.deepEqual([linux.load(map), linux.load(buffer + 16)], [1n, 1n]);
  assert.equal(linux.load64(buffer + 8), BigInt(pages) * 4096n);
  assert.equal(linux.call(HC.memory_op, 4, linux.words(SELF)), pages + 256);
  for (const at of [0x2c, 0x34]) {
    const pfn = linux.pfn(linux.startInfo(at));
    assert.equal(linux.mfn(pfn), linux.startInfo(at));
  }
  assert.equal(linux.startInfo(0x28) & 8, 8, "SIF_MOD_START_PFN");
  assert.equal(linux.mfn(linux.startInfo(0x48)) > 0, true);
}

/** xen_setup_shared_info: by its machine address in a fixmap. */
function sharedInfo(linux: Kernel, tables: Tables): void {
  addTable(linux, tables, FIXMAP);
  const machine = BigInt(linux.startInfo(0x24));
  linux.updateVa(FIXMAP, machine | PAGE_KERNEL, 2);
  assert.equal(linux.load(FIXMAP + 1, 1), 1n, "events masked");
  linux.store(FIXMAP + 0x910, linux.startInfo(0x44)); // p2m, for the toolstack
  assert.equal(linux.pfn(Number(machine >> 12n)) | 0, -1, "no pfn");
  // the mask of every port, then the vCPU's own vcpu_info
  for (let n = 0; n < 32; n++) linux.store(FIXMAP + 0x880 + n * 4, 0xffffffff);
  const info = linux.page() + 0x140;
  linux.must(HC.vcpu_op, 10, 0, linux.words(linux.machine(info) >> 12n, 0, info % PAGE, 0));
  assert.equal(linux.load(info, 1), 1n, "a spurious upcall");
  linux.sound();
}

/** The FIFO ABI if it is to be had, the timer, runstate. @returns the timer's port */
function events(linux: Kernel): number {
  const control = linux.page(), array = linux.page();
  linux.must(HC.event_channel_op, 11, linux.words(linux.machine(control) >> 12n, 0, 0, 0, 0, 0));
  linux.must(HC.event_channel_op, 12, linux.words(linux.machine(array) >> 12n, 0));
  const bind = linux.words(0, 0, 0);
  linux.must(HC.event_channel_op, 1, bind);
  const port = Number(linux.load(bind + 8));
  linux.must(HC.event_channel_op, 13, linux.words(port, 3));
  linux.must(HC.event_channel_op, 9, linux.words(port));
  for (const at of [0x30, 0x38]) {
    linux.must(HC.event_channel_op, 5, linux.words(SELF, linux.startInfo(at), 0, 0, 0, 0));
    linux.must(HC.event_channel_op, 4, linux.words(linux.startInfo(at)));
  }
  assert.equal(linux.call(HC.vcpu_op, 7, 0), 0, "which clockevent: stop_periodic_timer says");
  linux.must(HC.vcpu_op, 9, 0);
  linux.must(HC.vcpu_op, 8, 0, linux.words(1_000_000_000, 0, 1));
  linux.must(HC.vcpu_op, 5, 0, linux.words(linux.page(), 0));
  assert.equal(linux.call(HC.xen_version, 0, 0), 0x00040011, "the forced callback");
  assert.ok(linux.call(HC.xenpmu_op, 0, linux.words(0, 0, 0, 0)) < 0, "goes on without");
  linux.sound();
  return port;
}

/** Grant tables: sizes, version, frames mapped in vmalloc space. */
function grants(linux: Kernel, tables: Tables): void {
  const query = linux.words(SELF, 0, 0, 0);
  linux.must(HC.grant_table_op, 6, query, 1);
  const version = linux.words(2);
  if (linux.call(HC.grant_table_op, 8, version, 1) !== 0) {
    linux.must(HC.grant_table_op, 8, linux.words(1), 1);
  }
  const list = linux.words(0, 0, 0, 0);
  linux.must(HC.grant_table_op, 2, linux.words(SELF, 4, 0, list), 1);
  const area = 0xf0000000;
  addTable(linux, tables, area);
  for (let n = 0; n < 4; n++) {
    const mfn = linux.load(list + n * 4);
    linux.mmuUpdate([
      linux.machine(lookup(linux, tables, area + n * PAGE)),
      mfn << 12n | PAGE_KERNEL,
    ]);
  }
  linux.store(area + 8 * 16, 0x12345678);
  linux.sound();
}

/** A Linux that has come as far as its first process. */
export async function booted(options = {}) {
  return bootOn(await Kernel.boot(options));
}

/** The same on a domain where another kernel was before. */
export function bootOn(linux: Kernel) {
  const gdt = early(linux);
  const tables = takeOver(linux);
  traps(linux);
  memory(linux);
  mapMemory(linux, tables);
  linux.sound();
  sharedInfo(linux, tables);
  const port = events(linux);
  grants(linux, tables);
  const pool = Array.from({ length: 160 }, () => linux.page());
  return { linux, gdt, tables, port, pool, stack: linux.page() + PAGE };
}
