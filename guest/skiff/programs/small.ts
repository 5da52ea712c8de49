// Small programs.

import { SHUTDOWN } from "../../abi/numbers.ts";
import { array, fn, for_, forever, if_, local, ret, u32, u8 } from "../../asm/mod.ts";
import { dec, HEAP_FREE, out, parse_decimal, program, sys, text, user } from "./lib.ts";
import type { Program } from "./lib.ts";

const ending = (name: string, help: string, reason: number): Program =>
  program(name, help, () => void sys("shutdown", reason));

/** (count): keeps the processor busy, with a result that depends on every round. */
export const spin = fn("u_spin", (count) => {
  const x = local(1);
  for_(0, count, (_i) => x.set(x.times(1103515245).plus(12345)));
  ret(x);
}, user);

export const small: Program[] = [
  program("echo", "says what follows", (args) => {
    out`${text(args)}\n`;
    ret(0);
  }),
  program("true", "does nothing, well", () => ret(0)),
  program("cat", "copies its input to its output", () => {
    const buffer = array(u8, 256).at(HEAP_FREE);
    sys("brk", HEAP_FREE + 256);
    forever(() => {
      const n = local(sys("read", 0, buffer.address, 256));
      if_(n.eq(0).either(() => n.isNegative()), () => ret(n));
      sys("write", 1, buffer.address, n);
    });
  }),
  program("count", "counts the bytes and lines of its input", () => {
    const buffer = array(u8, 256).at(HEAP_FREE);
    sys("brk", HEAP_FREE + 256);
    const bytes = local(0), lines = local(0);
    forever(() => {
      const n = local(sys("read", 0, buffer.address, 256));
      if_(n.eq(0).either(() => n.isNegative()), () => {
        out`${dec(bytes)} bytes, ${dec(lines)} lines\n`;
        ret(0);
      });
      bytes.add(n);
      for_(0, n, (i) => if_(buffer.at(i).eq(10), () => lines.inc()));
    });
  }),
  program(
    "hog",
    "keeps a processor busy, for so many seconds or for ever; hog [SECONDS]",
    (args) => {
      const seconds = local(parse_decimal(args));
      const now = array(u32, 2).at(HEAP_FREE);
      sys("brk", HEAP_FREE + 8);
      const rounds = local(0), since = local(0);
      sys("time", now.address);
      since.set(now.at(0));
      forever(() => {
        spin(10000);
        sys("time", now.address);
        // 2^30 ns are a second, as busy seconds go.
        if_(now.at(0).minus(since).ge(1 << 30), () => {
          since.set(now.at(0));
          rounds.inc();
          if_(rounds.eq(seconds), () => ret(0));
        });
      });
    },
  ),
  program("fill", "takes all memory there is, until it is ended", () => {
    const end = local(HEAP_FREE);
    forever(() => {
      end.add(0x10000);
      if_(sys("brk", end).lt(end), () => ret(1));
      for_(0, 16, (i) => u32.at(end.minus(i.shl(12)).minus(4)).set(1));
    });
  }),
  program("sleep", "waits; sleep MILLISECONDS", (args) => {
    sys("sleep", parse_decimal(args));
    ret(0);
  }),
  program("kill", "ends a process; kill PID", (args) => {
    const failed = local(sys("kill", parse_decimal(args), 9));
    if_(failed.ne(0), () => out`no such process\n`);
    ret(failed.ne(0));
  }),
  program("selftest", "each mechanism tried, ok or FAIL", () => ret(sys("selftest"))),
  ending("halt", "power off", SHUTDOWN.poweroff),
  ending("reboot", "start again", SHUTDOWN.reboot),
  ending("crash", "end with a panic", SHUTDOWN.crash),
];
