import assert from "node:assert/strict";
import { XS } from "../../../core/host/xenstore/wire.ts";
import { GuestEnd, oneGuest } from "./guest_end.ts";

const OK = { error: null, text: "OK\0" };
const error = (name: string) => ({ error: name, text: "" });
const text = (t: string) => ({ error: null, text: t });

Deno.test("a guest reads, writes, lists, removes below its home", () => {
  const { guest, store } = oneGuest();
  assert.deepEqual(guest.ask(XS.READ, "name\0"), text("guest"));
  assert.deepEqual(guest.ask(XS.READ, "/local/domain/1/name\0"), text("guest"));
  assert.deepEqual(guest.ask(XS.WRITE, "data/a/b\0value"), OK);
  assert.deepEqual(guest.ask(XS.READ, "data/a/b\0"), text("value"));
  assert.deepEqual(guest.ask(XS.READ, "data/a\0"), text(""));
  assert.equal(store.read("/local/domain/1/data/a/b"), "value");
  assert.deepEqual(guest.ask(XS.MKDIR, "data/c\0"), OK);
  assert.deepEqual(guest.ask(XS.MKDIR, "data/a\0"), OK);
  assert.deepEqual(guest.ask(XS.DIRECTORY, "data\0"), text("a\0c\0"));
  assert.deepEqual(guest.ask(XS.RM, "data/a\0"), OK);
  assert.deepEqual(guest.ask(XS.READ, "data/a/b\0"), error("ENOENT"));
  assert.deepEqual(guest.ask(XS.RM, "data/a\0"), OK, "gone already, and its parent exists");
  assert.deepEqual(guest.ask(XS.RM, "data/a/b\0"), error("ENOENT"), "not even a parent");
  assert.deepEqual(guest.ask(XS.RM, "/\0"), error("EACCES"));
});

Deno.test("a value may be empty and may hold any byte", () => {
  const { guest } = oneGuest();
  assert.deepEqual(guest.ask(XS.WRITE, "data/x\0"), OK);
  assert.deepEqual(guest.ask(XS.READ, "data/x\0"), text(""));
  assert.deepEqual(guest.ask(XS.WRITE, "data/x\0\0\xff\n"), OK);
  assert.deepEqual(guest.ask(XS.READ, "data/x\0"), text("\0\xff\n"));
});

Deno.test("permissions hold guests to what is theirs", () => {
  const { guest, store } = oneGuest(1);
  store.write("/local/domain/2", "", ["n0", "r2"]);
  const other = new GuestEnd(store, 2);
  assert.deepEqual(guest.ask(XS.WRITE, "name\0other"), error("EACCES"));
  assert.deepEqual(guest.ask(XS.RM, "name\0"), error("EACCES"));
  assert.deepEqual(guest.ask(XS.WRITE, "new\0x"), error("EACCES"), "home itself is only readable");
  assert.deepEqual(guest.ask(XS.DIRECTORY, "/\0"), error("EACCES"));
  assert.deepEqual(guest.ask(XS.READ, "/tool/none\0"), error("EACCES"), "not told what exists");
  assert.deepEqual(guest.ask(XS.READ, "none\0"), error("ENOENT"));
  guest.ask(XS.WRITE, "data/shared\0mine");
  assert.deepEqual(other.ask(XS.READ, "/local/domain/1/data/shared\0"), error("EACCES"));
  assert.deepEqual(guest.ask(XS.SET_PERMS, "data/shared\0n1\0r2\0"), OK);
  assert.deepEqual(guest.ask(XS.GET_PERMS, "data/shared\0"), text("n1\0r2\0"));
  assert.deepEqual(other.ask(XS.READ, "/local/domain/1/data/shared\0"), text("mine"));
  assert.deepEqual(other.ask(XS.WRITE, "/local/domain/1/data/shared\0x"), error("EACCES"));
  guest.ask(XS.SET_PERMS, "data/shared\0n1\0b2\0");
  assert.deepEqual(other.ask(XS.WRITE, "/local/domain/1/data/shared\0x"), OK);
  assert.deepEqual(other.ask(XS.WRITE, "/local/domain/1/data/shared/theirs\0y"), OK);
  assert.deepEqual(
    other.ask(XS.GET_PERMS, "/local/domain/1/data/shared/theirs\0"),
    text("n2\0b2\0"),
    "who makes a node owns it",
  );
  guest.ask(XS.SET_PERMS, "data/shared\0w1\0");
  assert.deepEqual(other.ask(XS.READ, "/local/domain/1/data/shared\0"), error("EACCES"));
  assert.deepEqual(other.ask(XS.WRITE, "/local/domain/1/data/shared\0z"), OK);
  assert.deepEqual(guest.ask(XS.SET_PERMS, "data/shared\0n2\0"), error("EPERM"));
  assert.deepEqual(guest.ask(XS.SET_PERMS, "data/shared\0q1\0"), error("EINVAL"));
  assert.deepEqual(guest.ask(XS.SET_PERMS, "data/shared\0n\0"), error("EINVAL"));
  assert.deepEqual(guest.ask(XS.SET_PERMS, "data/shared\0"), error("EINVAL"));
});

Deno.test("paths are checked", () => {
  const { guest } = oneGuest();
  for (const path of ["data//x", "data/", "da ta", "data/\x01", "", "/data/", "@x/y"]) {
    assert.deepEqual(guest.ask(XS.READ, path + "\0"), error("EINVAL"), JSON.stringify(path));
  }
  assert.deepEqual(guest.ask(XS.READ, "x".repeat(2049) + "\0"), error("EINVAL"));
  assert.deepEqual(guest.ask(XS.READ, "/" + "x".repeat(3072) + "\0"), error("EINVAL"));
  assert.deepEqual(guest.ask(XS.READ, "data"), error("EINVAL"), "no NUL");
  assert.deepEqual(guest.ask(XS.READ, ""), error("EINVAL"));
  assert.deepEqual(guest.ask(XS.READ, "data\0more\0"), error("EINVAL"));
  assert.deepEqual(guest.ask(XS.WRITE, "data"), error("EINVAL"));
});

Deno.test("what only the toolstack may do", () => {
  const { guest } = oneGuest();
  for (const type of [XS.CONTROL, XS.INTRODUCE, XS.RELEASE, XS.RESUME, XS.SET_TARGET]) {
    assert.deepEqual(guest.ask(type, "1\0"), error("EACCES"));
  }
  assert.deepEqual(guest.ask(20, ""), error("ENOSYS"));
  assert.deepEqual(guest.ask(77, "x"), error("ENOSYS"));
  assert.deepEqual(guest.ask(0xffffffff, ""), error("ENOSYS"));
  assert.deepEqual(guest.ask(XS.WATCH_EVENT, "a\0b\0"), error("ENOSYS"));
});

Deno.test("domains by number", () => {
  const { guest } = oneGuest();
  assert.deepEqual(guest.ask(XS.GET_DOMAIN_PATH, "1\0"), text("/local/domain/1\0"));
  assert.deepEqual(guest.ask(XS.GET_DOMAIN_PATH, "99\0"), text("/local/domain/99\0"));
  assert.deepEqual(guest.ask(XS.GET_DOMAIN_PATH, "x\0"), error("EINVAL"));
  assert.deepEqual(guest.ask(XS.IS_DOMAIN_INTRODUCED, "1\0"), text("T\0"));
  assert.deepEqual(guest.ask(XS.IS_DOMAIN_INTRODUCED, "9\0"), text("F\0"));
});

Deno.test("a long directory comes in parts, a longer one than a reply not at once", () => {
  const { guest, store } = oneGuest();
  const names = Array.from({ length: 300 }, (_, i) => `some-long-name-${i}`);
  for (const name of names) store.write(`/local/domain/1/data/${name}`, "");
  assert.deepEqual(guest.ask(XS.DIRECTORY, "data\0"), error("E2BIG"));
  let all = "";
  let generation = "";
  for (;;) {
    const { text } = guest.ask(XS.DIRECTORY_PART, `data\0${all.length}\0`);
    const nul = text.indexOf("\0");
    generation ||= text.slice(0, nul);
    assert.equal(text.slice(0, nul), generation);
    const part = text.slice(nul + 1);
    assert.ok(text.length <= 4096);
    if (part.endsWith("\0\0") || part === "\0") {
      all += part.slice(0, -1);
      break;
    }
    all += part;
  }
  assert.deepEqual(all.split("\0").slice(0, -1), names);
});

Deno.test("quotas", () => {
  const { guest } = oneGuest();
  assert.deepEqual(guest.ask(XS.WRITE, "data/big\0" + "x".repeat(2100)), error("ENOSPC"));
  let made = 0;
  for (let i = 0; i < 1100; i++) {
    if (guest.ask(XS.MKDIR, `data/${i % 40}/${i}\0`).error === "ENOSPC") break;
    made++;
  }
  assert.ok(made > 800 && made < 1000, String(made));
  assert.deepEqual(guest.ask(XS.MKDIR, "data/one-more/and-more\0"), error("ENOSPC"));
  assert.deepEqual(guest.ask(XS.RM, "data/0\0"), OK);
  assert.deepEqual(guest.ask(XS.MKDIR, "data/fits\0"), OK);
  for (let i = 0; i < 128; i++) assert.deepEqual(guest.ask(XS.WATCH, `data\0t${i}\0`), OK);
  assert.deepEqual(guest.ask(XS.WATCH, "data\0one-more\0"), error("E2BIG"));
  for (let i = 0; i < 10; i++) assert.equal(guest.ask(XS.TRANSACTION_START, "\0").error, null);
  assert.deepEqual(guest.ask(XS.TRANSACTION_START, "\0"), error("ENOSPC"));
  assert.deepEqual(
    guest.ask(XS.SET_PERMS, "data/fits\0n1\0r2\0r3\0r4\0r5\0r6\0"),
    error("ENOSPC"),
  );
});
