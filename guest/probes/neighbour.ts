// A guest in a row of guests. To its right-hand neighbour it grants a page and offers an event
// channel, both of its left-hand one it takes. Through each page numbered requests go to the right
// and answers to the left, an event with each; whatever is typed at the console comes back.
//
// Command line: the numbers of the left and the right neighbour's domains. "q" on the console ends
// it, after a line of totals.

import {
  DOMID_SELF,
  EVTCHNOP,
  GNTCOPY,
  GNTTAB_RESERVED,
  GNTTABOP,
  SCHEDOP,
  SHUTDOWN,
  VCPUOP,
} from "../abi/numbers.ts";
import {
  AllocUnbound,
  BindInterdomain,
  GrantCopy,
  RunstateInfo,
  SchedPoll,
} from "../abi/structs.ts";
import {
  addressOf,
  array,
  break_,
  fn,
  for_,
  forever,
  global,
  if_,
  local,
  localOf,
  pages,
  ret,
  struct,
  u32,
  u8,
  while_,
} from "../asm/mod.ts";
import { console_notify, get_char, has_input, put_char } from "../kernel/console.ts";
import { bind_handler, waitUntil } from "../kernel/events.ts";
import { grant_page, grantHandle, grants_init, map_grant, unmap_grant } from "../kernel/grants.ts";
import { event_channel_op, grant_table_op, sched_op, vcpu_op } from "../kernel/hypercalls.ts";
import { mfn_of } from "../kernel/memory.ts";
import { shutdown } from "../kernel/panic.ts";
import { dec, hex, print } from "../kernel/print.ts";
import { early_init, machine_init } from "../kernel/setup.ts";
import { barrier, startInfo } from "../kernel/state.ts";
import { deadlineIn } from "../kernel/time.ts";

const REF = GNTTAB_RESERVED;
const READY = 0x79646572;
const WORDS = 16;
/** Every so many requests are copied by the hypervisor too, and compared. */
const COPY_EVERY = 16;

/** What lies in a shared page. */
const Shared = struct("shared_page", {
  ready: u32,
  port: u32,
  request: u32,
  answer: u32,
  question: array(u32, WORDS),
  reply: array(u32, WORDS),
});
const QUESTION_AT = 16;

const left = global("left", u32), right = global("right", u32);
/** Our page, which the right one maps, and where the left one's is mapped here. */
const ours = Shared.at(pages("our_page", 1)), theirs = Shared.at(pages("their_page", 1));
const copied = array(u32, WORDS).at(pages("copied", 1));
const toRight = global("to_right", u32), toLeft = global("to_left", u32);
const asked = global("asked", u32), answered = global("answered", u32);
const errors = global("errors", u32);

/** (text): the address behind the decimal number there, which is put into `parsed`. */
const parsed = global("parsed", u32);
const parse_number = fn("parse_number", (text) => {
  parsed.set(0);
  while_(() => u8.at(text).eq(0x20), () => text.inc());
  while_(() => u8.at(text).minus(0x30).lt(10), () => {
    parsed.set(parsed.times(10).plus(u8.at(text)).minus(0x30));
    text.inc();
  });
  ret(text);
});

/** Sleeps for some 100 µs, or until an event. */
const short_sleep = fn("short_sleep", () => {
  const poll = localOf(SchedPoll);
  poll.ports.set(0);
  poll.nr_ports.set(0);
  deadlineIn(100_000, poll.timeout.address);
  sched_op(SCHEDOP.poll, poll.address);
});

/** The event itself says nothing: what to do is seen in the pages. */
const nothing = fn("neighbour_event", (_port) => {});

/** Grants our page, with the port that the right one is to bind in it. */
const offer = fn("offer", () => {
  const port = localOf(AllocUnbound);
  port.dom.set(DOMID_SELF);
  port.remote_dom.set(right);
  event_channel_op(EVTCHNOP.alloc_unbound, port.address);
  toRight.set(port.port);
  bind_handler(toRight, addressOf(nothing));
  ours.port.set(toRight);
  grant_page(REF, right, ours.ready.address);
  barrier();
  ours.ready.set(READY);
});

/** Takes what the left one offers, as soon as it does. */
const accept = fn("accept", () => {
  while_(() => map_grant(left, REF, theirs.ready.address).ne(0), () => void short_sleep());
  while_(() => theirs.ready.ne(READY), () => void short_sleep());
  const bind = localOf(BindInterdomain);
  bind.remote_dom.set(left);
  bind.remote_port.set(theirs.port);
  if_(event_channel_op(EVTCHNOP.bind_interdomain, bind.address).ne(0), () => errors.inc());
  toLeft.set(bind.local_port);
  bind_handler(toLeft, addressOf(nothing));
});

const notify = fn("notify", (port) => {
  event_channel_op(EVTCHNOP.send, port.address);
});

const word_of = (number: typeof asked, i: typeof asked) => number.times(2654435761 | 0).xor(i);

/** Puts the next request into our page. */
const ask = fn("ask", () => {
  asked.inc();
  for_(0, WORDS, (i) => ours.question.at(i).set(word_of(asked, i)));
  barrier();
  ours.request.set(asked);
  notify(toRight);
});

/** Looks at the answer to the last request. */
const check_answer = fn("check_answer", () => {
  for_(0, WORDS, (i) => {
    if_(ours.reply.at(i).ne(word_of(asked, i).xor(-1)), () => errors.inc());
  });
});

/** Has the hypervisor copy the left one's question, and compares. */
const check_copy = fn("check_copy", () => {
  const copy = localOf(GrantCopy);
  copy.source.ref.set(REF);
  copy.source.domid.set(left);
  copy.source.offset.set(QUESTION_AT);
  copy.dest.ref.set(mfn_of(copied.address));
  copy.dest.domid.set(DOMID_SELF);
  copy.dest.offset.set(0);
  copy.len.set(WORDS * 4);
  copy.flags.set(GNTCOPY.source_gref);
  copy.status.set(-1);
  grant_table_op(GNTTABOP.copy, copy.address, 1);
  if_(copy.status.ne(0), () => errors.inc());
  for_(0, WORDS, (i) => if_(copied.at(i).ne(theirs.question.at(i)), () => errors.inc()));
});

/** Answers the left one's request, which must be the next after the last. */
const answer = fn("answer", () => {
  answered.inc();
  if_(theirs.request.ne(answered), () => errors.inc());
  barrier();
  if_(answered.and(COPY_EVERY - 1).eq(0), () => void check_copy());
  for_(0, WORDS, (i) => {
    const word = local(theirs.question.at(i));
    if_(word.ne(word_of(answered, i)), () => errors.inc());
    theirs.reply.at(i).set(word.xor(-1));
  });
  barrier();
  theirs.answer.set(answered);
  notify(toLeft);
});

/** Gives back what was typed. Returns 1 after a "q". */
const echo_input = fn("echo_input", () => {
  forever(() => {
    const c = local(get_char());
    if_(c.eq(-1), () => break_());
    if_(c.eq(0x71), () => ret(1)); // q
    put_char(c);
  });
  console_notify();
  ret(0);
});

/** Says how it went, lets go of the neighbours, and powers off. */
const finish = fn("finish", () => {
  const runstate = localOf(RunstateInfo);
  vcpu_op(VCPUOP.get_runstate_info, 0, runstate.address);
  const ran = runstate.time.at(0);
  if_(unmap_grant(theirs.ready.address, grantHandle).ne(0), () => errors.inc());
  const close = local(toLeft);
  event_channel_op(EVTCHNOP.close, close.address);
  print`asked ${dec(asked)} answered ${dec(answered)} errors ${dec(errors)} ran ${hex(ran.high)}${
    hex(ran.low)
  }\n`;
  shutdown(SHUTDOWN.poweroff);
});

export const neighbour_main = fn("neighbour", () => {
  early_init();
  machine_init();
  grants_init();
  const rest = local(parse_number(startInfo.cmd_line.address));
  left.set(parsed);
  parse_number(rest);
  right.set(parsed);
  offer();
  accept();
  print`ready\n`;
  ask();
  forever(() => {
    const answerDue = () => ours.answer.eq(asked);
    const questionDue = () => theirs.request.ne(answered);
    if_(questionDue(), () => void answer());
    if_(answerDue(), () => {
      barrier();
      check_answer();
      ask();
    });
    if_(has_input(), () => if_(echo_input(), () => void finish()));
    waitUntil(() => has_input().either(() => answerDue()).either(() => questionDue()));
  });
});
