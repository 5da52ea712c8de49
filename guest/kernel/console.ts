// The console ring (public/io/console.h): bytes out, bytes in, one event channel for both.

import { EVTCHNOP, MACH2PHYS, SCHEDOP, VIRT_BASE } from "../abi/numbers.ts";
import { ConsoleRing, SchedPoll } from "../abi/structs.ts";
import { fn, global, if_, local, localOf, ret, u32, while_ } from "../asm/mod.ts";
import { event_channel_op, sched_op } from "./hypercalls.ts";
import { barrier, startInfo } from "./state.ts";
import { deadlineIn } from "./time.ts";

const consoleRing = global("console_ring", u32);
export const ring = ConsoleRing.at(consoleRing);
const OUT_SIZE = 2048, IN_SIZE = 1024;

/** Finds the ring: the builder put it into ordinary memory, so it is mapped already. */
export const console_init = fn("console_init", () => {
  const pfn = u32.at(startInfo.console_mfn.times(4).plus(MACH2PHYS));
  consoleRing.set(pfn.shl(12).plus(VIRT_BASE));
});

/** Tells the other side that there is something to do. */
export const console_notify = fn("console_notify", () => {
  const port = local(startInfo.console_evtchn);
  event_channel_op(EVTCHNOP.send, port.address);
});

/** Lets the other side work: at first by giving up the processor, then by sleeping for a moment. */
const console_wait = fn("console_wait", (rounds) => {
  console_notify();
  if_(rounds.lt(4), () => {
    sched_op(SCHEDOP.yield, 0);
    ret();
  });
  const port = local(startInfo.console_evtchn);
  const poll = localOf(SchedPoll);
  poll.ports.set(port.address);
  poll.nr_ports.set(1);
  deadlineIn(10_000_000, poll.timeout.address);
  sched_op(SCHEDOP.poll, poll.address);
});

/** Puts one byte into the ring, waiting while it is full. */
export const put_char = fn("put_char", (c) => {
  const rounds = local(0);
  while_(() => ring.out_prod.minus(ring.out_cons).ge(OUT_SIZE), () => {
    console_wait(rounds);
    rounds.inc();
  });
  ring.out.at(ring.out_prod.and(OUT_SIZE - 1)).set(c);
  barrier();
  ring.out_prod.inc();
});

/** Waits until the other side has taken everything. */
export const console_drain = fn("console_drain", () => {
  const rounds = local(0);
  while_(() => ring.out_prod.ne(ring.out_cons), () => {
    console_wait(rounds);
    rounds.inc();
  });
});

/** The next byte that was typed, or -1. */
export const get_char = fn("get_char", () => {
  if_(ring.in_cons.eq(ring.in_prod), () => ret(-1));
  barrier();
  const c = local(ring.in.at(ring.in_cons.and(IN_SIZE - 1)));
  ring.in_cons.inc();
  ret(c);
});

/** Whether `get_char` would find something. */
export const has_input = fn("has_input", () => ret(ring.in_cons.ne(ring.in_prod)));
