// Xenstore client: one request at a time over the ring that the builder set up (§11.3). A message
// is a 16-byte header and a payload; both may cross the ring in pieces of any size. Watch events
// come between replies and are only counted: whoever cares reads the node again.

import { EVTCHNOP, MACH2PHYS, VIRT_BASE, XS } from "../abi/numbers.ts";
import { StoreMessage, StoreRing } from "../abi/structs.ts";
import {
  addressOf,
  array,
  fn,
  forever,
  global,
  if_,
  local,
  localOf,
  ret,
  u32,
  u8,
  while_,
} from "../asm/mod.ts";
import type { Value } from "../asm/mod.ts";
import { bind_handler, waitForPort } from "./events.ts";
import { event_channel_op } from "./hypercalls.ts";
import { barrier, startInfo } from "./state.ts";
import { copy, length_of } from "./strings.ts";

const storeRing = global("store_ring", u32);
const ring = StoreRing.at(storeRing);
const RING_SIZE = 1024, PAYLOAD_MAX = 1024;

/** The payload of the last reply, with a NUL behind it. */
export const payload = global("store_payload", array(u8, PAYLOAD_MAX + 1));
/** How many watch events have come. */
export const watchEvents = global("watch_events", u32);
const scratch = global("store_event", array(u8, PAYLOAD_MAX + 1));

/** The event's work is done by the loops that wait for the ring. */
const store_event = fn("store_event_handler", (_port) => {});

const notify = fn("store_notify", () => {
  const port = local(startInfo.store_evtchn);
  event_channel_op(EVTCHNOP.send, port.address);
});

/** Whether there is a xenstore at all: a host may do without. */
export const hasStore = (): Value => startInfo.store_evtchn.ne(0);

/** Finds the ring and opens its port. */
export const store_init = fn("store_init", () => {
  if_(hasStore().not(), () => ret());
  const pfn = u32.at(startInfo.store_mfn.times(4).plus(MACH2PHYS));
  storeRing.set(pfn.shl(12).plus(VIRT_BASE));
  bind_handler(startInfo.store_evtchn, addressOf(store_event));
});

/** (from, length): bytes into the request ring. */
const send_bytes = fn("store_send", (from, length) => {
  while_(() => length.ne(0), () => {
    waitForPort(startInfo.store_evtchn, () => ring.req_prod.minus(ring.req_cons).lt(RING_SIZE));
    barrier();
    while_(() => length.ne(0).both(() => ring.req_prod.minus(ring.req_cons).lt(RING_SIZE)), () => {
      ring.req.at(ring.req_prod.and(RING_SIZE - 1)).set(u8.at(from));
      from.inc();
      length.dec();
      barrier();
      ring.req_prod.inc();
    });
    notify();
  });
});

/** (to, length): bytes out of the reply ring. */
const receive_bytes = fn("store_receive", (to, length) => {
  while_(() => length.ne(0), () => {
    waitForPort(startInfo.store_evtchn, () => ring.rsp_prod.ne(ring.rsp_cons));
    barrier();
    while_(() => length.ne(0).both(() => ring.rsp_prod.ne(ring.rsp_cons)), () => {
      u8.at(to).set(ring.rsp.at(ring.rsp_cons.and(RING_SIZE - 1)));
      to.inc();
      length.dec();
      barrier();
      ring.rsp_cons.inc();
    });
    notify();
  });
});

/** (to, length): a payload; what does not fit is read and dropped. */
const receive_payload = fn("store_receive_payload", (to, length) => {
  const kept = local(length);
  if_(kept.gt(PAYLOAD_MAX), () => kept.set(PAYLOAD_MAX));
  receive_bytes(to, kept);
  u8.at(to.plus(kept)).set(0);
  length.take(kept);
  const dropped = local();
  while_(() => length.ne(0), () => {
    receive_bytes(dropped.address, 1);
    length.dec();
  });
});

/** Whether something has come that `store_poll` would take. */
export const store_pending = fn("store_pending", () => ret(ring.rsp_prod.ne(ring.rsp_cons)));

/** Takes watch events that have come unasked. */
export const store_poll = fn("store_poll", () => {
  const header = localOf(StoreMessage);
  while_(() => ring.rsp_prod.ne(ring.rsp_cons), () => {
    receive_bytes(header.address, StoreMessage.size);
    receive_payload(scratch.address, header.len);
    if_(header.type.eq(XS.watch_event), () => watchEvents.inc());
  });
});

/** (type, tx, body, length): one request; the reply's length, or -1 if it is an error. */
const request = fn("store_request", (type, tx, body, length) => {
  const header = localOf(StoreMessage);
  header.type.set(type);
  header.req_id.set(1);
  header.tx_id.set(tx);
  header.len.set(length);
  send_bytes(header.address, StoreMessage.size);
  send_bytes(body, length);
  forever(() => {
    receive_bytes(header.address, StoreMessage.size);
    if_(header.type.eq(XS.watch_event), () => {
      receive_payload(scratch.address, header.len);
      watchEvents.inc();
    }, () => {
      receive_payload(payload.address, header.len);
      if_(header.type.eq(XS.error), () => ret(-1));
      ret(header.len);
    });
  });
});

/** (path): reads a node into `payload`; its length, or -1. */
export const store_read = fn("store_read", (path) => {
  ret(request(XS.read, 0, path, length_of(path).plus(1)));
});

const body = global("store_body", array(u8, 256));

/** (type, tx, first, second, NULs): a request whose payload is two strings, the second's NUL as told. */
const request2 = fn("store_request2", (type, tx, first, second, terminators) => {
  const n = local(length_of(first).plus(1));
  copy(body.address, first, n);
  const m = local(length_of(second).plus(terminators));
  copy(body.address.plus(n), second, m);
  ret(request(type, tx, body.address, n.plus(m)));
});

/** (path, value, tx): writes a node; negative on error. */
export const store_write = fn("store_write", (path, value, tx) => {
  ret(request2(XS.write, tx, path, value, 0));
});

/** (path): asks for an event now and whenever the node changes; negative on error. */
export const store_watch = fn("store_watch", (path) => {
  ret(request2(XS.watch, 0, path, "skiff", 1));
});

/** Starts a transaction; its number, or -1. */
export const store_begin = fn("store_begin", () => {
  if_(request(XS.transaction_start, 0, "", 1).isNegative(), () => ret(-1));
  const tx = local(0), at = local(payload.address);
  while_(() => u8.at(at).ge(0x30).both(() => u8.at(at).le(0x39)), () => {
    tx.set(tx.times(10).plus(u8.at(at)).minus(0x30));
    at.inc();
  });
  ret(tx);
});

/** (tx): commits a transaction; -1 if it must be tried again. */
export const store_commit = fn("store_commit", (tx) => {
  ret(request(XS.transaction_end, tx, "T", 2));
});
