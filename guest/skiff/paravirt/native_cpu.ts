// Privileged processor state on a machine of one's own: the instructions that there are for it.

import {
  asm,
  code,
  cr0,
  dword,
  eax,
  ebx,
  ecx,
  edi,
  edx,
  esp,
  farPointer,
  fn,
  global,
  local,
  ret,
  struct,
  u16,
  u32,
} from "../../asm/mod.ts";
import { TLS_ENTRY } from "../cpu/gdt.ts";

/** (leaf, subleaf, where): four words; `prefix` emits what stands before the instruction. */
export const cpuidWith = (name: string, prefix: () => void) =>
  code(name, () => {
    asm.push(ebx);
    asm.push(edi);
    asm.mov(eax, dword(esp, 12));
    asm.mov(ecx, dword(esp, 16));
    asm.mov(edi, dword(esp, 20));
    prefix();
    asm.cpuid();
    [eax, ebx, ecx, edx].forEach((r, i) => asm.mov(dword(edi, 4 * i), r));
    asm.pop(edi);
    asm.pop(ebx);
    asm.ret();
  });
export const native_cpuid = cpuidWith("native_cpuid", () => {});

export const native_read_cr0 = code("native_read_cr0", () => {
  asm.mov(eax, cr0);
  asm.ret();
});
export const native_clts = code("native_clts", () => {
  asm.clts();
  asm.ret();
});
const TS = 8;
export const native_stts = code("native_stts", () => {
  asm.mov(eax, cr0);
  asm.or(eax, TS);
  asm.mov(cr0, eax);
  asm.ret();
});

/** What LGDT and LIDT take: a limit and an address. */
const TablePointer = struct("table_pointer", { pad: u16, limit: u16, base: u32 });
const pointer = global("native_table_pointer", TablePointer);
const load = (mnemonic: "lgdt" | "lidt", name: string) =>
  code(name, () => {
    asm.mov(eax, pointer.address.plus(2).operand());
    asm[mnemonic](farPointer(eax));
    asm.ret();
  });
const lgdt = load("lgdt", "native_lgdt"), lidt = load("lidt", "native_lidt");

export const native_load_gdt = fn("native_load_gdt", (table, entries) => {
  pointer.limit.set(entries.times(8).minus(1));
  pointer.base.set(table);
  lgdt();
});
export const native_load_idt = fn("native_load_idt", (table) => {
  pointer.limit.set(256 * 8 - 1);
  pointer.base.set(table);
  lidt();
});
const native_lldt = code("native_lldt", () => {
  asm.mov(eax, dword(esp, 4));
  asm.lldt(eax);
  asm.ret();
});
/** Only "none" can be said without a descriptor of the table; this kernel keeps none. */
export const native_set_ldt = fn("native_set_ldt", (_address, _entries) => {
  native_lldt(0);
  ret(0);
});

/** A descriptor is a place in memory. */
export const native_write_descriptor = fn("native_write_descriptor", (entry, low, high) => {
  u32.at(entry).set(low);
  u32.at(entry.plus(4)).set(high);
  ret(0);
});

const gdtAddress = code("native_gdt_address", () => {
  asm.mov(eax, pointer.base);
  asm.ret();
});
export const native_load_tls = fn("native_load_tls", (low, high) => {
  const entry = local(gdtAddress().plus(TLS_ENTRY * 8));
  native_write_descriptor(entry, low, high);
});

/** The one word of the task state segment that a kernel without tasks changes. */
const tss = global("native_tss_esp0", u32);
export const native_load_sp0 = fn("native_load_sp0", (stack) => tss.set(stack));

export const native_iret = code("native_iret", () => asm.iret());
export const native_nothing = fn("native_nothing", () => {});
export const native_page_as_it_is = fn("native_page_as_it_is", (_page) => {});
