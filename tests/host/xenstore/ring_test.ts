import assert from "node:assert/strict";
import fc from "fast-check";
import { GuestPage } from "../../../core/host/guest_page.ts";
import { encodeMessage, toBytes, XS } from "../../../core/host/xenstore/wire.ts";
import {
  CONNECTION,
  ERROR,
  oneGuest,
  REQ_CONS,
  REQ_PROD,
  RSP_CONS,
  RSP_PROD,
} from "./guest_end.ts";

Deno.test("requests may come a byte at a time, and many at once", () => {
  const { guest, store } = oneGuest();
  const request = encodeMessage({ type: XS.READ, reqId: 5, txId: 0, payload: toBytes("name\0") });
  for (const byte of request) {
    guest.send(Uint8Array.of(byte));
    store.service();
  }
  const several = Uint8Array.from(Array(10).fill([...request]).flat());
  guest.send(several);
  store.service();
  const replies = guest.receive();
  assert.equal(replies.length, 11);
  assert.ok(replies.every((r) => r.type === XS.READ && r.reqId === 5));
});

Deno.test("replies larger than the ring come in pieces, each with a notification", () => {
  const { guest, store } = oneGuest();
  store.write("/local/domain/1/data/big", "z".repeat(3000));
  const before = guest.notified;
  assert.equal(guest.ask(XS.READ, "data/big\0").text, "z".repeat(3000));
  assert.ok(guest.notified - before >= 3);
});

Deno.test("the indices may wrap around", () => {
  const { guest } = oneGuest();
  for (const index of [REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD]) guest.page.store(index, 0xfffffff0);
  for (let i = 0; i < 200; i++) assert.equal(guest.ask(XS.READ, "name\0").text, "guest");
  assert.ok(guest.page.load(REQ_PROD) < 0x10000);
});

Deno.test("impossible indices end the connection, and a reconnection begins anew", () => {
  for (const index of [REQ_PROD, RSP_PROD]) {
    const { guest, store } = oneGuest();
    guest.ask(XS.WATCH, "data\0w\0");
    guest.takeEvents();
    guest.page.store(index, guest.page.load(index) + 5000);
    store.write("/local/domain/1/data", "x");
    store.service();
    assert.equal(guest.page.load(ERROR), 2);
    assert.equal(guest.log.length, 1);
    const tail = guest.page.load(RSP_PROD);
    store.service();
    assert.equal(guest.page.load(RSP_PROD), tail, "nothing more is said");
    guest.page.store(CONNECTION, 1);
    store.service();
    assert.equal(guest.page.load(CONNECTION), 0);
    assert.equal(guest.page.load(ERROR), 0);
    assert.equal(guest.ask(XS.READ, "name\0").text, "guest");
    store.write("/local/domain/1/data", "y");
    assert.deepEqual(guest.takeEvents(), [], "watches are gone");
  }
});

Deno.test("a message that is too long ends the connection", () => {
  const { guest, store } = oneGuest();
  const header = encodeMessage({ type: XS.READ, reqId: 1, txId: 0, payload: new Uint8Array() });
  new DataView(header.buffer).setUint32(12, 4097, true);
  guest.send(header);
  store.service();
  assert.equal(guest.page.load(ERROR), 3);
});

Deno.test("a guest that takes no replies is asked no more, and loses none of them", () => {
  const { guest, store } = oneGuest();
  store.write("/local/domain/1/data/big", "z".repeat(2000));
  const request = encodeMessage({
    type: XS.READ,
    reqId: 1,
    txId: 0,
    payload: toBytes("data/big\0"),
  });
  let sent = 0;
  for (let i = 0; i < 1000; i++) {
    if (guest.send(request) < request.length) break;
    sent++;
    store.service();
  }
  assert.ok(sent > 10 && sent < 200, String(sent));
  let got = 0;
  for (let i = 0; i < 2000; i++) {
    got += guest.receive().length;
    store.service();
  }
  assert.equal(got, sent);
});

Deno.test("events for a guest that takes none are bounded", () => {
  const { guest, store } = oneGuest();
  for (let i = 0; i < 100; i++) guest.ask(XS.WATCH, `data\0${"t".repeat(900)}${i}\0`);
  guest.takeEvents();
  for (let i = 0; i < 100; i++) store.write("/local/domain/1/data", String(i));
  assert.equal(guest.log.length, 1);
  assert.ok(guest.takeEvents().length < 1300);
});

Deno.test("whatever a guest writes into the page, the host lives on", () => {
  const offset = fc.oneof(
    fc.constantFrom(REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD, CONNECTION, ERROR),
    fc.nat({ max: 1023 }).map((n) => n * 4),
  );
  const value = fc.oneof(fc.nat({ max: 0xffffffff }), fc.nat({ max: 40 }), fc.constant(0xffffffff));
  fc.assert(
    fc.property(fc.array(fc.tuple(offset, value), { maxLength: 60 }), (writes) => {
      const { guest, store } = oneGuest();
      guest.ask(XS.WATCH, "\0w\0");
      for (const [at, word] of writes) {
        guest.page.store(at, word);
        store.service();
        store.write("/local/domain/1/data", "x");
      }
      guest.page.bytes.fill(0);
      guest.page.store(CONNECTION, 1);
      store.service();
      assert.equal(guest.page.load(CONNECTION), 0);
    }),
    { numRuns: 300 },
  );
});

Deno.test("a page follows its memory when that grows", () => {
  const memory = { buffer: new ArrayBuffer(8192) };
  const page = new GuestPage(memory, 4096);
  page.store(0, 7);
  const larger = new ArrayBuffer(16384);
  new Uint8Array(larger).set(new Uint8Array(memory.buffer));
  memory.buffer = larger;
  assert.equal(page.load(0), 7);
  page.store(4, 9);
  assert.equal(new DataView(larger).getUint32(4100, true), 9);
});
