// Start of day on a machine of one's own: nothing to find out, and nothing to give away.

import { ENOSYS } from "../../abi/errors.ts";
import { fn, ret } from "../../asm/mod.ts";
import { print } from "../../kernel/print.ts";

export const native_banner = fn("native_banner", () => print`Skiff on a machine of its own\n`);
/** 16 MiB: what every machine has that can run this kernel. */
export const native_memory_setup = fn("native_memory_setup", () => ret(4096));
/** 0 stands for the end of the address space. */
export const native_reserve_top = fn("native_reserve_top", () => ret(0));
export const native_arch_setup = fn("native_arch_setup", () => {});
export const native_pagetable_start = fn("native_pagetable_start", () => {});
export const native_pagetable_done = fn("native_pagetable_done", () => {});
export const native_processors = fn("native_processors", () => ret(1));
export const native_boot_vcpu = fn("native_boot_vcpu", (_cpu, _task, _entry) => ret(-ENOSYS));
