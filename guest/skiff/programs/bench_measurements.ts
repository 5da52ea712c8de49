// What `bench` measures. Each is a function of the number of rounds; not 0 if it cannot be done here.

import { SIG } from "../../abi/linux.ts";
import { TrapFrame } from "../../abi/structs.ts";
import {
  array,
  asm,
  code,
  dword,
  eax,
  fn,
  for_,
  if_,
  local,
  ret,
  u32,
  while_,
} from "../../asm/mod.ts";
import type { Callable, Place } from "../../asm/mod.ts";
import { USER_BASE } from "../../kernel/layout.ts";
import { MEASURE } from "../measure/kinds.ts";
import { HEAP_FREE, sys, user, userVariable } from "./lib.ts";
import { signal_back } from "./probes.ts";

export interface Measurement {
  name: string;
  what: string;
  rounds: number;
  run: Callable;
  /** Done with batches off. */
  unbatched?: true;
  /** The same in bench/reference.ts, as far as it is the same. */
  like?: string;
}

let number = 0;
const rounds = (body: (count: Place) => void): Callable =>
  fn(`u_measure_${number++}`, (count) => {
    body(count);
    ret(0);
  }, user);
const each = (body: () => void): Callable => rounds((count) => for_(0, count, (_i) => body()));

const PAGE = 4096;
/** (address, bytes): writes a word to each page. */
const touch = fn("u_touch", (at, bytes) => {
  const end = local(at.plus(bytes));
  while_(() => at.lt(end), () => {
    u32.at(at).set(1);
    at.add(PAGE);
  });
}, user);

/** Bytes of the instruction that faults. */
const STORE_LENGTH = 6;
/** Stores to the image, which is read-only. */
const forbidden_store = code("u_forbidden_store", () => {
  asm.mov(dword(USER_BASE), eax);
  asm.ret();
}, user);
/** (signal, address): lets the program go on behind the store. */
const skip_store = fn("u_skip_store", (_signal, address) => {
  // What was interrupted lies behind the arguments.
  TrapFrame.at(address.address.plus(4)).eip.add(STORE_LENGTH);
}, user);

const ends = userVariable(array(u32, 4)), status = userVariable(u32), token = userVariable(u32);
/** Waits for every child. */
const reap = fn("u_reap", () => {
  while_(() => sys("waitpid", -1, status.address, 0).isNegative().not(), () => asm.nop());
}, user);

/** Forks `processes - 1` children that do `body` and give way, until they are ended; then does it itself. */
const taking_turns = (processes: number, body: () => void): Callable =>
  rounds((count) => {
    const pids = local(0);
    sys("brk", HEAP_FREE + 0x8000);
    const children = array(u32, 8).at(HEAP_FREE);
    while_(() => pids.lt(processes - 1), () => {
      const pid = local(sys("fork"));
      if_(pid.eq(0), () => {
        while_(() => local(1).ne(0), () => {
          body();
          sys("yield");
        });
      });
      children.at(pids).set(pid);
      pids.inc();
    });
    for_(0, count.over(processes), (_i) => {
      body();
      sys("yield");
    });
    for_(0, pids, (i) => void sys("kill", children.at(i), SIG.kill));
    reap();
  });

const fork_and = (child: () => void): Callable =>
  each(() => {
    const pid = local(sys("fork"));
    if_(pid.eq(0), () => {
      child();
      sys("exit", 0);
    });
    sys("waitpid", pid, status.address, 0);
  });

/** A byte to a child and back. */
const ping_pong = rounds((count) => {
  const there = array(u32, 2).at(ends.address), back = array(u32, 2).at(ends.at(2).address);
  sys("pipe", there.address);
  sys("pipe", back.address);
  const pid = local(sys("fork"));
  if_(pid.eq(0), () => {
    sys("close", there.at(1));
    while_(() => sys("read", there.at(0), token.address, 1).eq(1), () => {
      sys("write", back.at(1), token.address, 1);
    });
    sys("exit", 0);
  });
  for_(0, count, (_i) => {
    sys("write", there.at(1), token.address, 1);
    sys("read", back.at(0), token.address, 1);
  });
  for (const end of [there.at(0), there.at(1), back.at(0), back.at(1)]) sys("close", end);
  reap();
});

const MAPPED = 4 << 20;
const map_and_touch = each(() => {
  const at = local(sys("mmap", MAPPED));
  touch(at, MAPPED);
  sys("munmap", at);
});
/** Pages brought one after the other; one mapping has 256. */
const bring_pages = rounds((count) => {
  const at = local(sys("mmap", count.times(PAGE)));
  touch(at, count.times(PAGE));
  sys("munmap", at);
});
const in_kernel = (kind: keyof typeof MEASURE): Callable =>
  fn(`u_measure_${kind}`, (count) => ret(sys("measure", MEASURE[kind], count)), user);

const switch2 = taking_turns(2, () => {});
const switch8 = taking_turns(8, () => void touch(HEAP_FREE + 0x1000, 0x4000));
const fork_exit = fork_and(() => {});
const fork_exec = fork_and(() => void sys("exec", "true"));

/** The operations that batches matter to, once with and once without. */
const twice = (m: Measurement): Measurement[] => [
  m,
  { ...m, name: `${m.name}-single`, what: `the same, hypercalls one by one`, unbatched: true },
];

export const measurements: Measurement[] = [
  {
    name: "null-call",
    what: "getpid by int 0x80",
    rounds: 20000,
    run: each(() => void sys("getpid")),
    like: "int80",
  },
  {
    name: "null-hypercall",
    what: "xen_version(0)",
    rounds: 20000,
    run: in_kernel("hypercall"),
    like: "hc_null",
  },
  {
    name: "event",
    what: "an event to itself and back",
    rounds: 5000,
    run: in_kernel("event"),
    like: "evself",
  },
  { name: "ipi", what: "an interrupt to another processor", rounds: 1000, run: in_kernel("ipi") },
  {
    name: "page-fault",
    what: "a page of zeroes at its first touch, and its end",
    rounds: 1024,
    run: bring_pages,
    like: "pgfault",
  },
  {
    name: "protection-fault",
    what: "a signal for a forbidden store, and back",
    rounds: 2000,
    run: rounds((count) => {
      sys("signal", SIG.segv, skip_store, signal_back);
      for_(0, count, (_i) => void forbidden_store());
      sys("signal", SIG.segv, 0, 0);
    }),
  },
  ...twice({
    name: "switch-2p-0k",
    what: "context switch, 2 processes",
    rounds: 4000,
    run: switch2,
    like: "ctxsw",
  }),
  ...twice({
    name: "switch-8p-16k",
    what: "8 processes that touch 16 KiB each",
    rounds: 4000,
    run: switch8,
  }),
  ...twice({ name: "fork", what: "fork, exit, wait", rounds: 100, run: fork_exit }),
  ...twice({ name: "fork-exec", what: "fork, exec, exit, wait", rounds: 100, run: fork_exec }),
  { name: "pipe", what: "a byte to another process and back", rounds: 2000, run: ping_pong },
  ...twice({ name: "mmap-4m", what: "map 4 MiB, touch all, unmap", rounds: 4, run: map_and_touch }),
];
