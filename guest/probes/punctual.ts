// A guest that computes, and counts how late its timer's events are: it sets its one-shot timer some
// time ahead, goes on computing, and reads the clock when the upcall comes. After so many events it
// says by how many nanoseconds each was late, a line of them, and begins anew.

import { VCPUOP, VIRQ } from "../abi/numbers.ts";
import {
  addressOf,
  array,
  fn,
  for_,
  forever,
  global,
  if_,
  local,
  localOf,
  pages,
  u32,
  u64,
  while_,
} from "../asm/mod.ts";
import { bind_virq } from "../kernel/events.ts";
import { set_timer_op, vcpu_op } from "../kernel/hypercalls.ts";
import { panic } from "../kernel/panic.ts";
import { dec, print } from "../kernel/print.ts";
import { early_init, machine_init } from "../kernel/setup.ts";
import { deadlineIn } from "../kernel/time.ts";

/** Events to a line. */
const EVENTS = 64;
/** A timer is set so many nanoseconds ahead, and up to that range more. */
const AHEAD = 200_000;
const RANGE_MASK = (1 << 20) - 1;
/** Words that it computes with. */
const WORDS = 1024;

const deadline = global("deadline", u64);
const fired = global("fired", u32);
const late = global("late", u32);
const lates = global("lates", array(u32, EVENTS));
const random = global("random", u32);
const words = array(u32, WORDS).at(pages("words", 1));

const timer_event = fn("punctual_event", (_port) => {
  const now = localOf(u64);
  deadlineIn(0, now.address);
  late.set(now.low.minus(deadline.low));
  fired.set(1);
});

/** Some work, of registers and of memory. */
const compute = fn("compute", () => {
  for_(0, 64, (_i) => {
    random.set(random.times(1664525).plus(1013904223));
    const word = words.at(random.shr(22));
    word.set(word.xor(random));
  });
});

export const punctual_main = fn("punctual", () => {
  early_init();
  machine_init();
  vcpu_op(VCPUOP.stop_periodic_timer, 0, 0);
  if_(
    local(bind_virq(VIRQ.timer, 0, addressOf(timer_event))).isNegative(),
    () => void panic("no timer"),
  );
  forever(() => {
    for_(0, EVENTS, (i) => {
      fired.set(0);
      deadlineIn(random.shr(8).and(RANGE_MASK).plus(AHEAD), deadline.address);
      set_timer_op(deadline.low, deadline.high);
      while_(() => fired.eq(0), () => void compute());
      lates.at(i).set(late);
    });
    print`late`;
    for_(0, EVENTS, (i) => print` ${dec(lates.at(i))}`);
    print`\n`;
  });
});
