// What is done about each trap and upcall.

import { SHUTDOWN } from "../../abi/numbers.ts";
import { TrapFrame } from "../../abi/structs.ts";
import { fn, if_, local, ret, while_ } from "../../asm/mod.ts";
import { upcallOf } from "../../kernel/events.ts";
import { SYSCALL, UPCALL } from "../../kernel/exceptions.ts";
import { find_fixup } from "../../kernel/fixups.ts";
import { shutdown } from "../../kernel/panic.ts";
import { dec, hex, print, text } from "../../kernel/print.ts";
import { vcpuInfoOf } from "../cpu/cpu.ts";
import { lock_kernel, unlock_kernel } from "../cpu/lock.ts";
import { settle_fault } from "../memory/fault.ts";
import { USER_END } from "../memory/layout.ts";
import { pvMmu } from "../paravirt/ops.ts";
import { fpu_trap } from "./fpu.ts";
import { schedule } from "./schedule.ts";
import { fault_signal, take_signals } from "./signals.ts";
import { do_system_call } from "./syscalls.ts";
import { current, thisCpu } from "./task.ts";
import { BAD_IRET } from "./vectors.ts";

const NO_DEVICE = 7, PAGE_FAULT = 14;

const do_upcall = upcallOf(
  "skiff_upcall",
  vcpuInfoOf(thisCpu),
  thisCpu.upcalls,
  (word) => thisCpu.ports.at(word),
);

/** Prints what a trap came with. */
export const show_frame = fn("show_frame", (frame) => {
  const f = TrapFrame.at(frame);
  print`trap ${dec(f.vector)} error ${hex(f.error, 4)} eip ${hex(f.cs.and(0xffff), 4)}:${
    hex(f.eip)
  } cr2 ${hex(pvMmu.call.read_cr2())} processor ${dec(thisCpu.index)} task ${dec(current.pid)} ${
    text(current.name.address)
  }\n`;
  print`eax ${hex(f.eax)} ebx ${hex(f.ebx)} ecx ${hex(f.ecx)} edx ${hex(f.edx)}\n`;
  print`esi ${hex(f.esi)} edi ${hex(f.edi)} ebp ${hex(f.ebp)} flags ${hex(f.eflags)}\n`;
});

/** (frame): exceptions, where they come from. Not 0: nobody expected this one. */
const do_exception = fn("do_exception", (frame) => {
  const f = TrapFrame.at(frame);
  const vector = local(f.vector), address = local(0);
  if_(vector.eq(NO_DEVICE), () => {
    fpu_trap();
    ret(0);
  });
  if_(vector.eq(PAGE_FAULT), () => {
    address.set(pvMmu.call.read_cr2());
    if_(current.mm.ne(0).both(() => address.lt(USER_END)), () => {
      if_(settle_fault(current.mm, address, f.error), () => ret(0));
    });
  });
  if_(vector.eq(BAD_IRET), () => {
    thisCpu.bad_irets.inc();
    vector.set(13);
  });
  if_(f.cs.and(3).eq(3), () => {
    fault_signal(frame, vector, address);
    ret(0);
  });
  const fixup = local(find_fixup(f.eip));
  if_(fixup.eq(0), () => ret(1));
  f.eip.set(fixup);
  ret(0);
});

/** (frame): before a program goes on: others' turns, and what it is to be told. */
export const return_to_user = fn("return_to_user", (frame) => {
  while_(() => thisCpu.need_resched.or(current.pending).ne(0), () => {
    if_(thisCpu.need_resched.ne(0), () => void schedule());
    if_(current.pending.ne(0), () => void take_signals(frame));
  });
  unlock_kernel();
});

/** (frame): all traps and upcalls come here, with events masked. */
export const trap = fn("trap", (frame) => {
  const f = TrapFrame.at(frame);
  lock_kernel();
  const unexpected = local(0);
  if_(f.vector.eq(UPCALL), () => void do_upcall(), () => {
    if_(
      f.vector.eq(SYSCALL),
      () => void do_system_call(frame),
      () => unexpected.set(do_exception(frame)),
    );
  });
  if_(unexpected.ne(0), () => {
    print`\npanic: unexpected trap in the kernel\n`;
    show_frame(frame);
    shutdown(SHUTDOWN.crash);
  });
  if_(f.cs.and(3).eq(3), () => {
    return_to_user(frame);
    ret();
  });
  unlock_kernel();
});
