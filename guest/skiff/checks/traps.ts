// Traps and the kernel stack.

import { EFAULT } from "../../abi/errors.ts";
import { VcpuInfo } from "../../abi/structs.ts";
import {
  addressOf,
  asm,
  bind,
  byte,
  code,
  dword,
  eax,
  esp,
  fn,
  global,
  Label,
  local,
  u32,
} from "../../asm/mod.ts";
import { onFault } from "../../kernel/fixups.ts";
import { peek } from "../../kernel/memory.ts";
import { KERNEL_CS } from "../../kernel/selectors.ts";
import { Cpu, vcpuInfoOf } from "../cpu/cpu.ts";
import { idt } from "../cpu/setup.ts";
import { SCRATCH } from "../memory/layout.ts";
import { pvCpu, pvIrq, pvMmu } from "../paravirt/ops.ts";
import { STACK, Task, thisCpu } from "../process/task.ts";
import { subject } from "./check.ts";
import { run_program, runs_well } from "./program.ts";

/** A vector nobody else has. */
const VECTOR = 0x21;
/** How often its handler ran, and the event mask that it found. */
const entered = global("check_entered", u32), found = global("check_found_mask", u32);
const handler = code("check_handler", () => {
  asm.push(eax);
  asm.mov(eax, esp);
  asm.and(eax, -STACK);
  asm.mov(eax, dword(eax, Task.offsets.cpu));
  asm.mov(eax, dword(eax, Cpu.offsets.vcpu_info));
  asm.movzx(eax, byte(eax, VcpuInfo.offsets.evtchn_upcall_mask));
  asm.mov(found, eax);
  asm.inc(entered);
  asm.pop(eax);
  asm.jmp(pvCpu.slot("iret"));
});
/** 0, or -EFAULT if the instruction faults. */
const soft_interrupt = code("check_int", () => {
  const at = new Label("at"), bad = new Label("bad");
  bind(at);
  asm.int(VECTOR);
  asm.xor(eax, eax);
  asm.ret();
  bind(bad);
  asm.mov(eax, -EFAULT);
  asm.ret();
  onFault(at, bad);
});
const undefined_instruction = code("check_ud2", () => {
  const at = new Label("at"), bad = new Label("bad");
  bind(at);
  asm.ud2();
  asm.xor(eax, eax);
  asm.ret();
  bind(bad);
  asm.mov(eax, -EFAULT);
  asm.ret();
  onFault(at, bad);
});

/** Types of gates, with the present bit. */
const INTERRUPT = 0x8e00, TRAP = 0x8f00;
/** (kind, DPL): a gate for the check's vector; the result. */
const set_gate = fn("check_set_gate", (kind, dpl) => {
  const at = local(addressOf(handler.label));
  const gate = idt.at(VECTOR);
  pvCpu.call.write_idt_entry(
    gate.address,
    at.and(0xffff).or(KERNEL_CS << 16),
    at.and(0xffff0000).or(kind).or(dpl.shl(13)),
  );
});

export const check_traps = subject("traps", (check) => {
  check("an exception of the kernel's is fixed up", undefined_instruction().eq(-EFAULT));
  peek(SCRATCH + 0x5678);
  check("a page fault brings its address", pvMmu.call.read_cr2().eq(SCRATCH + 0x5678));
  set_gate(INTERRUPT, 1);
  pvIrq.call.irq_enable();
  soft_interrupt();
  check("a gate becomes an entry of the trap table", entered.ne(0));
  check("an interrupt gate masks events", found.ne(0));
  check("and leaving clears the mask", vcpuInfoOf(thisCpu).evtchn_upcall_mask.eq(0));
  set_gate(TRAP, 1);
  soft_interrupt();
  check("a trap gate does not", found.eq(0));
  pvIrq.call.irq_disable();
  set_gate(TRAP, 0);
  const before = local(entered);
  check(
    "INT through a gate of DPL 0 is refused",
    soft_interrupt().eq(-EFAULT).both(() => entered.eq(before)),
  );
  check("INT 14 from ring 3 ends a program", run_program("fault interrupt").eq(128 + 11));
  check("INT3 from ring 3 is let through", run_program("fault breakpoint").eq(128 + 5));
  check("a division by zero", run_program("fault divide").eq(128 + 8));
  check("system calls by int 0x80, page faults", runs_well("probe-calls"));
});

export const check_stack = subject("kernel stack", (check) => {
  check("frames lie at the top of the task's own", runs_well("probe-stack"));
});
