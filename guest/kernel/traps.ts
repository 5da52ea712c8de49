// What is done about each trap.

import { ENOSYS, SHUTDOWN } from "../abi/numbers.ts";
import { TrapFrame } from "../abi/structs.ts";
import { fn, if_, local, ret } from "../asm/mod.ts";
import type { Callable, Given, Value } from "../asm/mod.ts";
import { SYSCALL, UPCALL } from "./exceptions.ts";
import { do_upcall } from "./events.ts";
import { find_fixup } from "./fixups.ts";
import { panic, shutdown } from "./panic.ts";
import { dec, hex, print } from "./print.ts";
import { vcpu } from "./state.ts";

const PAGE_FAULT = 14;

/** Prints what a trap came with. */
export const show_trap = fn("show_trap", (frame) => {
  const f = TrapFrame.at(frame);
  print`trap ${dec(f.vector)} error ${hex(f.error, 4)} eip ${hex(f.cs.and(0xffff), 4)}:${
    hex(f.eip)
  } cr2 ${hex(vcpu.cr2)}\n`;
  print`eax ${hex(f.eax)} ebx ${hex(f.ebx)} ecx ${hex(f.ecx)} edx ${hex(f.edx)}\n`;
  print`esi ${hex(f.esi)} edi ${hex(f.edi)} ebp ${hex(f.ebp)} flags ${hex(f.eflags)}\n`;
});

type OnFrame = Callable & ((frame: Given) => Value);

/** What a kernel decides for itself about the traps that its programs raise. */
export interface TrapPolicy {
  /** (frame): does a system call and sets the frame's EAX. */
  systemCall: OnFrame;
  /** (frame, address): 1 if it has seen to it that the access can be tried again. */
  pageFault: Callable & ((frame: Given, address: Given) => Value);
  /** (frame): ends the program that did what it may not; the kernel goes on. */
  userTrap: OnFrame;
}

/** The function to which every trap and every upcall comes, with events masked. */
export const trapWith = (policy: TrapPolicy): Callable =>
  fn("trap", (frame) => {
    const f = TrapFrame.at(frame);
    if_(f.vector.eq(UPCALL), () => {
      do_upcall();
      ret();
    });
    if_(f.vector.eq(SYSCALL), () => {
      policy.systemCall(frame);
      ret();
    });
    if_(f.vector.eq(PAGE_FAULT), () => {
      if_(policy.pageFault(frame, vcpu.cr2), () => ret());
    });
    if_(f.cs.and(3).eq(3), () => void policy.userTrap(frame));
    const fixup = local(find_fixup(f.eip));
    if_(fixup.ne(0), () => {
      f.eip.set(fixup);
      ret();
    });
    print`\npanic: unexpected trap in the kernel\n`;
    show_trap(frame);
    shutdown(SHUTDOWN.crash);
  });

/** For kernels that have no programs: nothing is due, and nothing comes from ring 3. */
export const trap = trapWith({
  systemCall: fn("no_system_call", (frame) => TrapFrame.at(frame).eax.set(-ENOSYS)),
  pageFault: fn("no_page", (_frame, _address) => ret(0)),
  userTrap: fn("no_user", (_frame) => void panic("a trap from ring 3")),
});
