// control/shutdown: how whoever runs the domain asks it to stop.

import { SHUTDOWN } from "../abi/numbers.ts";
import { fn, forever, global, if_, local, ret, u32 } from "../asm/mod.ts";
import { shutdown } from "./panic.ts";
import { print, text } from "./print.ts";
import { same } from "./strings.ts";
import {
  hasStore,
  payload,
  store_begin,
  store_commit,
  store_poll,
  store_read,
  store_watch,
  store_write,
  watchEvents,
} from "./xenstore.ts";

const NODE = "control/shutdown";
const seen = global("watch_events_seen", u32);

/** Watches the node; the first event comes at once, whatever stands there. */
export const control_init = fn("control_init", () => {
  if_(hasStore(), () => ret(store_watch(NODE)));
});

/** Empties the node, as the protocol asks, so that the request counts as taken. */
const acknowledge = fn("acknowledge_shutdown", () => {
  forever(() => {
    const tx = local(store_begin());
    if_(tx.eq(-1), () => ret());
    store_write(NODE, "", tx);
    if_(store_commit(tx).isNegative().not(), () => ret());
  });
});

/** Does what the node says, if it has changed. */
export const control_poll = fn("control_poll", () => {
  if_(hasStore().not(), () => ret());
  store_poll();
  if_(seen.eq(watchEvents), () => ret());
  seen.set(watchEvents);
  // A node that is empty or not there yet asks for nothing.
  if_(store_read(NODE).isNegative().either(() => payload.at(0).eq(0)), () => ret());
  const reason = local(-1);
  if_(same(payload.address, "poweroff"), () => reason.set(SHUTDOWN.poweroff));
  if_(same(payload.address, "halt"), () => reason.set(SHUTDOWN.poweroff));
  if_(same(payload.address, "reboot"), () => reason.set(SHUTDOWN.reboot));
  print`control/shutdown: ${text(payload.address)}\n`;
  acknowledge();
  if_(reason.ne(-1), () => void shutdown(reason));
});
