// `bench`: an lmbench in small. By itself it prints a table by the guest's clock, beside real Xen;
// with -m a line before and behind each measurement, for a host that reads a clock of its own.

import { OPERATIONS } from "../../../bench/reference.ts";
import {
  addressOf,
  callPointer,
  fn,
  for_,
  if_,
  local,
  ret,
  table,
  u32,
  u64,
} from "../../asm/mod.ts";
import type { Given, Place } from "../../asm/mod.ts";
import { MEASURE } from "../measure/kinds.ts";
import { measurements } from "./bench_measurements.ts";
import { dec, flush, out, program, same, sys, text, user, userVariable } from "./lib.ts";

const clock = userVariable(u64);
const machine = userVariable(u32);

/** Words of a row of the table: name, what, rounds, function, whether unbatched, Xen's ns and ns. */
const WORDS = 7;
const rows = table(
  "bench_rows",
  () =>
    measurements.flatMap(({ name, what, rounds, run, unbatched, like }) => {
      const xen = like ? OPERATIONS[like].xen.map((us) => Math.round(us * 1000)) : [0, 0];
      return [name, what, rounds, addressOf(run.label), unbatched ? 1 : 0, ...xen];
    }),
  "user",
);

/** The guest's clock, ns: the lower half is enough for what takes less than four seconds. */
const now = fn("u_now", () => {
  sys("time", clock.address);
  ret(clock.low);
}, user);

/** (ns): as µs with two decimals, in a column; a dash for 0. */
const put_us = fn("u_put_us", (ns) => {
  if_(ns.eq(0), () => {
    out`          -`;
    ret();
  });
  const hundredths = local(ns.over(10).mod(100));
  out` ${dec(ns.over(1000), 7)}.`;
  if_(hundredths.lt(10), () => out`0`);
  out`${dec(hundredths)}`;
}, user);

/** (row): does it once to warm up and once for the clock. */
const run_row = fn("u_run_row", (row) => {
  const word = (n: number): Place => u32.at(row.plus(4 * n));
  const run = (count: Given) => callPointer(word(3), count);
  sys("measure", MEASURE.unbatched, word(4));
  const impossible = local(run(1));
  if_(impossible.ne(0), () => {
    sys("measure", MEASURE.unbatched, 0);
    ret();
  });
  if_(machine.ne(0), () => {
    out`B ${text(word(0))}\n`;
    flush();
  });
  const start = local(now());
  run(word(2));
  const took = local(now().minus(start));
  sys("measure", MEASURE.unbatched, 0);
  if_(machine.ne(0), () => {
    out`E ${text(word(0))} r=1 n=${dec(word(2))} sum=0\n`;
    flush();
    ret();
  });
  put_us(took.over(word(2)));
  put_us(word(5));
  put_us(word(6));
  out`  ${text(word(0))}: ${text(word(1))}\n`;
  flush();
}, user);

export const bench = program(
  "bench",
  "times of the usual things; bench -m for a host's clock",
  (args) => {
    machine.set(same(args, "-m"));
    if_(
      machine.ne(0),
      () => out`READY\n`,
      () => out`µs here  Xen in QEMU, no mitigation (bench/reference.ts)\n`,
    );
    for_(0, measurements.length, (i) => void run_row(i.times(4 * WORDS).plus(rows)));
    if_(machine.ne(0), () => out`DONE\n`);
    ret(0);
  },
);
