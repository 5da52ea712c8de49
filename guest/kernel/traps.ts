// What is done about each trap.

import { PTE, SHUTDOWN } from "../abi/numbers.ts";
import { TrapFrame } from "../abi/structs.ts";
import { fn, global, if_, local, ret, u32 } from "../asm/mod.ts";
import type { Callable, Given, Value } from "../asm/mod.ts";
import { SYSCALL, UPCALL } from "./entries.ts";
import { do_upcall } from "./events.ts";
import { find_fixup } from "./fixups.ts";
import { KERNEL_DEMAND, KERNEL_DEMAND_END, USER_DEMAND, USER_DEMAND_END } from "./layout.ts";
import { map_fresh } from "./memory.ts";
import { shutdown } from "./panic.ts";
import { dec, hex, print } from "./print.ts";
import { vcpu } from "./state.ts";
import { do_system_call } from "./syscalls.ts";
import { end_user } from "./user.ts";

/** How many pages were handed out by page faults. */
export const demandFaults = global("demand_faults", u32);

const PAGE_FAULT = 14;
/** Error code bits of a page fault: the page was there; the access came from ring 3. */
const PROTECTION = 1, FROM_USER = 4;

const inside = (address: Value, from: number, to: number) =>
  address.ge(from).both(() => address.lt(to));

/** (frame, address): maps a page where one is due; 1 if that settles the fault. */
const demand_page = fn("demand_page", (frame, address) => {
  const error = local(TrapFrame.at(frame).error);
  if_(error.and(PROTECTION).ne(0), () => ret(0));
  const flags = local(0);
  if_(inside(address, USER_DEMAND, USER_DEMAND_END), () => flags.set(PTE.userData));
  if_(
    error.and(FROM_USER).eq(0).both(() => inside(address, KERNEL_DEMAND, KERNEL_DEMAND_END)),
    () => {
      flags.set(PTE.kernel);
    },
  );
  if_(flags.eq(0), () => ret(0));
  if_(map_fresh(address, flags).isNegative(), () => ret(0));
  demandFaults.inc();
  ret(1);
});

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

/** Skiff's own. */
export const trap = trapWith({
  systemCall: fn("system_call_trap", (frame) => {
    const f = TrapFrame.at(frame);
    f.eax.set(do_system_call(f.eax, f.ebx, f.ecx, f.edx));
  }),
  pageFault: demand_page,
  userTrap: fn("user_trap", (frame) => {
    end_user(TrapFrame.at(frame).vector.plus(128));
  }),
});
