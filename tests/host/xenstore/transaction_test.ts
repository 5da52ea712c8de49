import assert from "node:assert/strict";
import { XS } from "../../../core/host/xenstore/wire.ts";
import { type GuestEnd, oneGuest } from "./guest_end.ts";

const OK = { error: null, text: "OK\0" };
const error = (name: string) => ({ error: name, text: "" });
const text = (t: string) => ({ error: null, text: t });

function begin(guest: GuestEnd): number {
  const { text } = guest.ask(XS.TRANSACTION_START, "\0");
  assert.match(text, /^[1-9][0-9]*\0$/);
  return Number(text.slice(0, -1));
}

Deno.test("changes show outside only when the transaction ends well", () => {
  const { guest, store } = oneGuest();
  const t = begin(guest);
  assert.deepEqual(guest.ask(XS.WRITE, "data/a\0one", t), OK);
  assert.deepEqual(guest.ask(XS.READ, "data/a\0", t), text("one"));
  assert.deepEqual(guest.ask(XS.READ, "data/a\0"), error("ENOENT"));
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "T\0", t), OK);
  assert.equal(store.read("/local/domain/1/data/a"), "one");
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "T\0", t), error("ENOENT"));
});

Deno.test("an abandoned transaction leaves nothing", () => {
  const { guest, store } = oneGuest();
  guest.ask(XS.WRITE, "data/keep\0x");
  const t = begin(guest);
  guest.ask(XS.RM, "data/keep\0", t);
  guest.ask(XS.WRITE, "data/new\0y", t);
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "F\0", t), OK);
  assert.equal(store.read("/local/domain/1/data/keep"), "x");
  assert.equal(store.read("/local/domain/1/data/new"), null);
});

Deno.test("a conflict gives EAGAIN, and trying again succeeds", () => {
  const { guest, store } = oneGuest();
  guest.ask(XS.WRITE, "data/n\0" + "1");
  const t = begin(guest);
  assert.deepEqual(guest.ask(XS.READ, "data/n\0", t), text("1"));
  store.write("/local/domain/1/data/n", "2");
  assert.deepEqual(guest.ask(XS.READ, "data/n\0", t), text("1"), "a snapshot");
  guest.ask(XS.WRITE, "data/m\0x", t);
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "T\0", t), error("EAGAIN"));
  assert.equal(store.read("/local/domain/1/data/m"), null);
  const again = begin(guest);
  assert.deepEqual(guest.ask(XS.READ, "data/n\0", again), text("2"));
  guest.ask(XS.WRITE, "data/m\0x", again);
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "T\0", again), OK);
  assert.equal(store.read("/local/domain/1/data/m"), "x");
});

Deno.test("what a transaction found missing may not have come into being", () => {
  const { guest, store } = oneGuest();
  const t = begin(guest);
  assert.deepEqual(guest.ask(XS.READ, "data/later\0", t), error("ENOENT"));
  guest.ask(XS.WRITE, "data/other\0x", t);
  store.write("/local/domain/1/data/later", "here");
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "T\0", t), error("EAGAIN"));
});

Deno.test("changes elsewhere are no conflict, and both stay", () => {
  const { guest, store } = oneGuest();
  guest.ask(XS.WRITE, "data/a/x\0old");
  guest.ask(XS.WRITE, "data/b/y\0old");
  const t = begin(guest);
  guest.ask(XS.WRITE, "data/a/x\0new", t);
  guest.ask(XS.WRITE, "data/a/deep/er\0new", t);
  store.write("/local/domain/1/data/b/y", "changed");
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "T\0", t), OK);
  assert.equal(store.read("/local/domain/1/data/a/x"), "new");
  assert.equal(store.read("/local/domain/1/data/a/deep/er"), "new");
  assert.equal(store.read("/local/domain/1/data/b/y"), "changed");
});

Deno.test("a removal in a transaction is a conflict with a change below", () => {
  const { guest, store } = oneGuest();
  guest.ask(XS.WRITE, "data/a/x\0old");
  const t = begin(guest);
  guest.ask(XS.RM, "data/a\0", t);
  store.write("/local/domain/1/data/a/x", "changed");
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "T\0", t), error("EAGAIN"));
});

Deno.test("removed and made anew: only the new is there, also after changes elsewhere", () => {
  for (const elsewhere of [false, true]) {
    const { guest, store } = oneGuest();
    guest.ask(XS.WRITE, "data/a/x\0old");
    guest.ask(XS.WRITE, "data/b\0");
    const t = begin(guest);
    guest.ask(XS.RM, "data/a\0", t);
    guest.ask(XS.WRITE, "data/a/y\0new", t);
    if (elsewhere) store.write("/local/domain/1/data/b", "changed");
    assert.deepEqual(guest.ask(XS.TRANSACTION_END, "T\0", t), OK);
    assert.deepEqual(store.list("/local/domain/1/data/a"), ["y"]);
  }
});

Deno.test("watch events come when the transaction ends, for what remains", () => {
  const { guest } = oneGuest();
  guest.ask(XS.WATCH, "data\0w\0");
  guest.takeEvents();
  const t = begin(guest);
  guest.ask(XS.WRITE, "data/a\0one", t);
  guest.ask(XS.WRITE, "data/gone\0x", t);
  guest.ask(XS.RM, "data/gone\0", t);
  assert.deepEqual(guest.takeEvents(), []);
  guest.ask(XS.TRANSACTION_END, "T\0", t);
  assert.deepEqual(guest.takeEvents(), ["data/a w"]);
});

Deno.test("the odd ones", () => {
  const { guest } = oneGuest();
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "T\0"), error("ENOENT"));
  assert.deepEqual(guest.ask(XS.READ, "name\0", 99), error("ENOENT"));
  const t = begin(guest);
  assert.deepEqual(guest.ask(XS.TRANSACTION_START, "\0", t), error("EBUSY"));
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "maybe\0", t), error("EINVAL"));
  assert.deepEqual(guest.ask(XS.TRANSACTION_END, "F\0", t), OK);
});

Deno.test("a transaction cannot take in the whole store", () => {
  const { guest } = oneGuest();
  const t = begin(guest);
  let refused = 0;
  for (let i = 0; i < 1100; i++) {
    if (guest.ask(XS.READ, `data/none${i}\0`, t).error === "ENOSPC") refused++;
  }
  assert.ok(refused > 0 && refused < 200, String(refused));
});
