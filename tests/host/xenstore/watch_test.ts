import assert from "node:assert/strict";
import { XS } from "../../../core/host/xenstore/wire.ts";
import { GuestEnd, oneGuest } from "./guest_end.ts";

const error = (name: string) => ({ error: name, text: "" });

Deno.test("a watch's first event comes at once, after the acknowledgement", () => {
  const { guest } = oneGuest();
  assert.equal(guest.ask(XS.WATCH, "data/none\0token\0").text, "OK\0");
  assert.deepEqual(guest.takeEvents(), ["data/none token"]);
});

Deno.test("events name the path as the watch did: relative or absolute", () => {
  const { guest, store } = oneGuest();
  guest.ask(XS.WATCH, "data\0rel\0");
  guest.ask(XS.WATCH, "/local/domain/1/data\0abs\0");
  guest.takeEvents();
  store.write("/local/domain/1/data/x", "1");
  assert.deepEqual(guest.takeEvents(), ["data/x rel", "/local/domain/1/data/x abs"]);
});

Deno.test("changes at the node, below it, and its removal with a parent are told; others not", () => {
  const { guest, store } = oneGuest();
  const home = "/local/domain/1/data";
  store.write(`${home}/a/b/c`, "0");
  guest.ask(XS.WATCH, "data/a/b\0w\0");
  guest.takeEvents();
  store.write(`${home}/a/b`, "1");
  store.write(`${home}/a/b/c`, "1");
  store.write(`${home}/a`, "1");
  store.write(`${home}/a/bb`, "1");
  assert.deepEqual(guest.takeEvents(), ["data/a/b w", "data/a/b/c w"]);
  store.remove(`${home}/a`);
  assert.deepEqual(guest.takeEvents(), ["data/a/b w"]);
  store.remove(`${home}/a`);
  assert.deepEqual(guest.takeEvents(), []);
});

Deno.test("the guest hears of its own changes too", () => {
  const { guest } = oneGuest();
  guest.ask(XS.WATCH, "data\0w\0");
  guest.takeEvents();
  guest.ask(XS.WRITE, "data/x\0" + "1");
  guest.ask(XS.SET_PERMS, "data/x\0r1\0");
  guest.ask(XS.RM, "data/x\0");
  assert.deepEqual(guest.takeEvents(), ["data/x w", "data/x w", "data/x w"]);
});

Deno.test("nobody hears of nodes that they may not read", () => {
  const { guest, store } = oneGuest();
  guest.ask(XS.WATCH, "/local/domain/0\0w\0");
  guest.ask(XS.WATCH, "@introduceDomain\0w\0");
  guest.takeEvents();
  store.write("/local/domain/0/secret/x", "1");
  store.write("/local/domain/2", "", ["n0", "r2"]);
  new GuestEnd(store, 2);
  assert.deepEqual(guest.takeEvents(), []);
  store.write("/local/domain/0/secret/y", "1", ["n0", "r1"]);
  assert.deepEqual(guest.takeEvents(), ["/local/domain/0/secret/y w"]);
});

Deno.test("watches end", () => {
  const { guest, store } = oneGuest();
  guest.ask(XS.WATCH, "data\0one\0");
  guest.ask(XS.WATCH, "data\0two\0");
  assert.deepEqual(guest.ask(XS.WATCH, "data\0two\0"), error("EEXIST"));
  assert.deepEqual(guest.ask(XS.WATCH, "/local/domain/1/data\0two\0"), error("EEXIST"));
  assert.deepEqual(guest.ask(XS.UNWATCH, "data\0three\0"), error("ENOENT"));
  assert.equal(guest.ask(XS.UNWATCH, "data\0one\0").text, "OK\0");
  guest.takeEvents();
  store.write("/local/domain/1/data", "x");
  assert.deepEqual(guest.takeEvents(), ["data two"]);
  assert.equal(guest.ask(XS.RESET_WATCHES, "").text, "OK\0");
  store.write("/local/domain/1/data", "y");
  assert.deepEqual(guest.takeEvents(), []);
});

Deno.test("malformed watches", () => {
  const { guest } = oneGuest();
  for (const payload of ["", "data\0", "data\0token", "da ta\0t\0", "@nothing\0t\0"]) {
    assert.deepEqual(guest.ask(XS.WATCH, payload), error("EINVAL"), JSON.stringify(payload));
  }
});

Deno.test("the host watches too", () => {
  const { guest, store } = oneGuest();
  const seen: string[] = [];
  const end = store.watch("/local/domain/1/data", (path) => seen.push(path));
  guest.ask(XS.WRITE, "data/x\0" + "1");
  end();
  guest.ask(XS.WRITE, "data/x\0" + "2");
  assert.deepEqual(seen, ["/local/domain/1/data", "/local/domain/1/data/x"]);
});
