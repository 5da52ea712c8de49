// Programs for the checks: each tries one thing in ring 3 and ends with 42 if it is as it should be,
// else with a number that says how far it came.

import { SIG } from "../../abi/linux.ts";
import { VIRT_BASE } from "../../abi/numbers.ts";
import {
  array,
  asm,
  code,
  dword,
  eax,
  ebx,
  esp,
  fn,
  gs,
  if_,
  local,
  raw,
  ret,
  u32,
  u8,
  while_,
} from "../../asm/mod.ts";
import { TLS } from "../cpu/gdt.ts";
import { HEAP_FREE, program, sys, user, userVariable } from "./lib.ts";
import type { Program } from "./lib.ts";

/** The status of a probe that found everything right. */
export const GOOD = 42;
const probe = (name: string, body: () => void): Program => program(`probe-${name}`, "", body);
/** Ends the probe with `step` unless the condition holds. */
const expect = (step: number, condition: Parameters<typeof if_>[0]) =>
  if_(condition, () => {}, () => ret(step));

const cells = array(u32, 4096).at(HEAP_FREE);
const ends = userVariable(array(u32, 2));
const status = userVariable(u32);

/** (): EBX of CPUID leaf 0x40000000, asked of the hypervisor. */
const hypervisor_leaf = code("u_hypervisor_leaf", () => {
  asm.push(ebx);
  asm.mov(eax, 0x40000000);
  raw(0x0f, 0x0b, ...new TextEncoder().encode("xen"));
  asm.cpuid();
  asm.mov(eax, ebx);
  asm.pop(ebx);
  asm.ret();
}, user);

/** (): the first word of the thread-local segment. */
const read_tls = code("u_read_tls", () => {
  asm.mov(eax, TLS);
  asm.mov(gs, eax);
  asm.mov(eax, dword(0).via(gs));
  asm.ret();
}, user);

/** (value): loads the FPU with an integer. */
const fpu_set = code("u_fpu_set", () => {
  asm.fninit();
  asm.fild(dword(esp, 4));
  asm.ret();
}, user);
/** (): what the FPU was loaded with. */
const fpu_get = code("u_fpu_get", () => {
  asm.push(eax);
  asm.fistp(dword(esp));
  asm.pop(eax);
  asm.ret();
}, user);

/** What the handler saw. */
const seen = userVariable(u32), seenAddress = userVariable(u32), recover = userVariable(u32);
export const signal_back = code("u_signal_back", () => {
  asm.mov(eax, 119);
  asm.int(0x80);
}, user);
/** (signal, address): notes what came, and maps what was missing. */
const on_fault = fn("u_on_fault", (signal, address) => {
  seen.set(signal);
  seenAddress.set(address);
  sys("brk", recover);
}, user);

export const probes: Program[] = [
  probe("calls", () => {
    sys("brk", HEAP_FREE + 0x4000);
    cells.at(0).set(11);
    cells.at(2048).set(31);
    expect(1, cells.at(1).eq(0));
    expect(2, sys("write", 1, VIRT_BASE, 4).eq(-14));
    expect(3, sys("report", 999).eq(-22));
    expect(4, sys("waitpid", -1, 0, 0).eq(-10));
    ret(cells.at(0).plus(cells.at(2048)));
  }),
  probe("fork", () => {
    sys("brk", HEAP_FREE + 0x2000);
    cells.at(0).set(1);
    const pid = local(sys("fork"));
    if_(pid.eq(0), () => {
      cells.at(0).add(1);
      cells.at(1024).set(5);
      sys("exit", cells.at(0).plus(cells.at(1024)));
    });
    cells.at(0).add(20);
    expect(1, sys("waitpid", pid, status.address, 0).eq(pid));
    expect(2, status.eq(7));
    expect(3, cells.at(0).eq(21).both(() => cells.at(1024).eq(0)));
    ret(GOOD);
  }),
  probe("pipe", () => {
    sys("pipe", ends.address);
    sys("brk", HEAP_FREE + 0x4000);
    const bytes = array(u8, 0x4000).at(HEAP_FREE);
    const pid = local(sys("fork"));
    if_(pid.eq(0), () => {
      sys("close", ends.at(0));
      const i = local(0);
      while_(() => i.lt(10000), () => {
        bytes.at(i).set(i);
        i.inc();
      });
      // More than the pipe holds: the writer has to wait.
      sys("exit", sys("write", ends.at(1), bytes.address, 10000).ne(10000));
    });
    sys("close", ends.at(1));
    const got = local(0), n = local(1), wrong = local(0);
    while_(() => n.gt(0), () => {
      n.set(sys("read", ends.at(0), bytes.address, 300));
      const i = local(0);
      while_(() => i.lt(n), () => {
        if_(bytes.at(i).ne(got.plus(i).and(0xff)), () => wrong.inc());
        i.inc();
      });
      got.add(n);
    });
    expect(1, got.eq(10000));
    expect(2, wrong.eq(0));
    sys("waitpid", pid, status.address, 0);
    expect(3, status.eq(0));
    ret(GOOD);
  }),
  probe("handler", () => {
    recover.set(HEAP_FREE + 0x1000);
    expect(1, sys("signal", SIG.segv, on_fault, signal_back).eq(0));
    cells.at(3).set(9); // faults, is handled, and is tried again
    expect(2, seen.eq(SIG.segv).both(() => seenAddress.eq(HEAP_FREE + 12)));
    expect(3, cells.at(3).eq(9));
    ret(GOOD);
  }),
  probe("tls", () => {
    sys("brk", HEAP_FREE + 0x2000);
    cells.at(0).set(0x1111);
    cells.at(1024).set(0x2222);
    sys("set_tls", cells.at(0).address);
    expect(1, read_tls().eq(0x1111));
    const pid = local(sys("fork"));
    if_(pid.eq(0), () => {
      sys("set_tls", cells.at(1024).address);
      sys("yield");
      sys("exit", read_tls().eq(0x2222));
    });
    sys("yield");
    expect(2, read_tls().eq(0x1111));
    sys("waitpid", pid, status.address, 0);
    expect(3, status.eq(1));
    ret(GOOD);
  }),
  probe("fpu", () => {
    fpu_set(77);
    const pid = local(sys("fork"));
    if_(pid.eq(0), () => {
      const inherited = local(fpu_get());
      fpu_set(5);
      sys("yield");
      sys("exit", fpu_get().plus(inherited));
    });
    sys("yield");
    sys("waitpid", pid, status.address, 0);
    expect(1, status.eq(82));
    expect(2, fpu_get().eq(77));
    ret(GOOD);
  }),
  probe("cpuid", () => {
    expect(1, hypervisor_leaf().eq(0x566e6558));
    ret(GOOD);
  }),
  probe("stack", () => {
    expect(1, sys("probe").eq(0));
    ret(GOOD);
  }),
  // For others to look at while it runs.
  probe("spin", () => while_(() => local(1).ne(0), () => asm.nop())),
];
