// The console as a file: bytes as they are typed, nothing echoed and nothing edited, which is the
// shell's business. ^C is taken out and ends what runs in the foreground.

import { EINTR } from "../../abi/errors.ts";
import { SIG } from "../../abi/linux.ts";
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
  ret,
  u32,
  u8,
} from "../../asm/mod.ts";
import { console_notify, get_char, has_input, put_char, ring } from "../../kernel/console.ts";
import { control_poll } from "../../kernel/control.ts";
import { bind_handler } from "../../kernel/events.ts";
import { startInfo } from "../../kernel/state.ts";
import { hasStore } from "../../kernel/xenstore.ts";
import { sleep_for } from "./schedule.ts";
import { send_signal } from "./signals.ts";
import { wake_up } from "./sleep.ts";
import { current } from "./task.ts";
import { copy_from_user, copy_to_user } from "./user_memory.ts";

/** Who is ended by ^C: a pid, 0 for nobody. */
const foreground = global("tty_foreground", u32);
/** What readers sleep for. */
const arrival = global("tty_arrival", u32);
const CONTROL_C = 3;

/** If ^C has been typed, what stands before it is dropped with it. */
const look_for_interrupt = fn("tty_interrupt", () => {
  const at = local(ring.in_cons);
  forever(() => {
    if_(at.eq(ring.in_prod), () => ret());
    const c = local(ring.in.at(at.and(1023)));
    at.inc();
    if_(c.eq(CONTROL_C).both(() => foreground.ne(0)), () => {
      ring.in_cons.set(at);
      send_signal(foreground, SIG.int);
    });
  });
});

/** (pid): who is ended by ^C from now on, and by one that was typed ahead. */
export const set_foreground = fn("tty_set_foreground", (pid) => {
  foreground.set(pid);
  look_for_interrupt();
});

const console_event = fn("tty_event", (_port) => {
  look_for_interrupt();
  wake_up(arrival.address);
});
const store_event = fn("tty_store_event", (_port) => void wake_up(arrival.address));

/** Takes over the ports of the console and of xenstore, which says when to stop. */
export const tty_init = fn("tty_init", () => {
  bind_handler(startInfo.console_evtchn, addressOf(console_event));
  if_(hasStore(), () => void bind_handler(startInfo.store_evtchn, addressOf(store_event)));
});

/**
 * (to, bytes): what has been typed, at least one byte. While there is nothing, requests to shut down
 * are obeyed: what was typed before the request is done first.
 */
export const tty_read = fn("tty_read", (to, bytes) => {
  forever(() => {
    if_(has_input(), () => {
      const done = local(0);
      const c = localOf(u8);
      forever(() => {
        const next = local(-1);
        if_(done.lt(bytes), () => next.set(get_char()));
        if_(next.eq(-1), () => {
          console_notify();
          ret(done);
        });
        c.set(next);
        const bad = local(copy_to_user(to.plus(done), c.address, 1));
        if_(bad.ne(0), () => ret(bad));
        done.inc();
      });
    });
    control_poll();
    if_(current.pending.ne(0), () => ret(-EINTR));
    if_(has_input().eq(0), () => void sleep_for(arrival.address));
  });
});

const CHUNK = 128;
/** (from, bytes) */
export const tty_write = fn("tty_write", (from, bytes) => {
  const part = localOf(array(u8, CHUNK));
  const done = local(0);
  forever(() => {
    const n = local(bytes.minus(done));
    if_(n.eq(0), () => {
      console_notify();
      ret(done);
    });
    if_(n.gt(CHUNK), () => n.set(CHUNK));
    const bad = local(copy_from_user(part.address, from.plus(done), n));
    if_(bad.ne(0), () => ret(bad));
    for_(0, n, (i) => {
      if_(part.at(i).eq(10), () => void put_char(13));
      put_char(part.at(i));
    });
    done.add(n);
  });
});
