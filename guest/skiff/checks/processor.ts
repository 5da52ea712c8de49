// Privileged instructions, control registers, CPUID.

import { EFAULT } from "../../abi/errors.ts";
import { MMUEXT } from "../../abi/numbers.ts";
import { array, asm, bind, code, eax, fn, Label, local, localOf, u32 } from "../../asm/mod.ts";
import { onFault } from "../../kernel/fixups.ts";
import { Mm, mm_create, mm_destroy } from "../memory/address_space.ts";
import { freeCount } from "../memory/pages.ts";
import { pvCpu, pvMmu } from "../paravirt/ops.ts";
import { use_mm } from "../process/switch.ts";
import { current, thisCpu } from "../process/task.ts";
import { subject } from "./check.ts";
import { mmuext_page } from "./page_tables.ts";
import { run_program, runs_well } from "./program.ts";

/** 0 if one instruction could be executed, -EFAULT if it faulted. */
const tried = (name: string, instruction: () => void) =>
  code(`check_${name}`, () => {
    const at = new Label("at"), bad = new Label("bad");
    bind(at);
    instruction();
    asm.xor(eax, eax);
    asm.ret();
    bind(bad);
    asm.mov(eax, -EFAULT);
    asm.ret();
    onFault(at, bad);
  });
const halt = tried("hlt", () => asm.hlt());
const load_ldt = tried("lldt", () => asm.lldt(eax));
const touch_fpu = code("check_touch_fpu", () => {
  asm.fninit();
  asm.ret();
});
const TS = 8, PG_PE = 0x80000001 | 0;

/** The FPU as if this task had never used it. */
const forget_fpu = fn("check_forget_fpu", () => {
  current.fpu_live.set(0);
  current.fpu_used.set(0);
});

export const check_privileged = subject("privileged instructions", (check) => {
  check("HLT in ring 1 is refused", halt().eq(-EFAULT));
  check("LLDT in ring 1 is refused", load_ldt().eq(-EFAULT));
  check("HLT in ring 3 ends a program", run_program("fault privileged").eq(128 + 11));
  check("port I/O in ring 3 ends a program", run_program("fault port").eq(128 + 11));
  check("a hypercall from ring 3 ends a program", run_program("fault hypercall").eq(128 + 11));
});

export const check_control_registers = subject("control registers", (check) => {
  check("CR0 is emulated", pvCpu.call.read_cr0().and(PG_PE).eq(PG_PE));
  forget_fpu();
  pvCpu.call.stts();
  check("CR0.TS can be set", pvCpu.call.read_cr0().and(TS).eq(TS));
  const before = local(thisCpu.fpu_traps);
  touch_fpu();
  check("the next FPU instruction traps, once", thisCpu.fpu_traps.eq(before.plus(1)));
  touch_fpu();
  check(
    "and clears it",
    thisCpu.fpu_traps.eq(before.plus(1)).both(() => pvCpu.call.read_cr0().and(TS).eq(0)),
  );
  pvCpu.call.stts();
  pvCpu.call.clts();
  check("CR0.TS can be cleared", pvCpu.call.read_cr0().and(TS).eq(0));
  forget_fpu();
  pvCpu.call.stts();
  check("registers of the FPU are kept for their task", runs_well("probe-fpu"));

  const pages = local(freeCount);
  const mm = local(mm_create());
  const old = local(thisCpu.active_mm);
  pvMmu.call.activate_mm(mm);
  use_mm(mm);
  check("CR3 is what was loaded", pvMmu.call.read_cr3().eq(Mm.at(mm).top));
  check(
    "an address space in use is pinned",
    mmuext_page(MMUEXT.pin_l3, Mm.at(mm).top).isNegative(),
  );
  use_mm(old);
  mm_destroy(mm);
  check("one that ended gives everything back", freeCount.eq(pages));
});

const SIGNATURE = 0x566e6558; // "XenV"
export const check_cpuid = subject("CPUID", (check) => {
  const leaf = localOf(array(u32, 4));
  pvCpu.call.cpuid(0x40000000, 0, leaf.address);
  check("the hypervisor gives its name", leaf.at(1).eq(SIGNATURE));
  pvCpu.call.cpuid(1, 0, leaf.address);
  const hidden = (1 << 9) | (1 << 22); // APIC, ACPI
  check("APIC and ACPI are masked", leaf.at(3).and(hidden).eq(0));
  check("it says that there is a hypervisor", leaf.at(2).isNegative());
  check("PAE is there", leaf.at(3).and(1 << 6).ne(0));
  check("ring 3 may ask too", runs_well("probe-cpuid"));
});
