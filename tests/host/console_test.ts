import assert from "node:assert/strict";
import fc from "fast-check";
import { Console } from "../../core/host/console.ts";
import { GuestPage } from "../../core/host/guest_page.ts";

const IN_CONS = 0xc00;
const IN_PROD = 0xc04;
const OUT_CONS = 0xc08;
const OUT_PROD = 0xc0c;

/** A console with the guest's end of its ring, and a sink that can be held back. */
function setup() {
  const page = new GuestPage({ buffer: new ArrayBuffer(4096) }, 0);
  const state = { notified: 0, woken: 0, text: "", hold: null as Promise<void> | null };
  const console = new Console(
    page,
    () => state.notified++,
    async (bytes) => {
      await state.hold;
      state.text += String.fromCharCode(...bytes);
    },
    () => state.woken++,
  );
  /** Writes as much as the ring has room for. */
  const write = (text: string): number => {
    const prod = page.load(OUT_PROD);
    const n = Math.min(text.length, 2048 - ((prod - page.load(OUT_CONS)) >>> 0));
    for (let i = 0; i < n; i++) page.bytes[0x400 + ((prod + i) & 2047)] = text.charCodeAt(i);
    page.store(OUT_PROD, (prod + n) >>> 0);
    return n;
  };
  const read = (): string => {
    let text = "";
    while (page.load(IN_CONS) !== page.load(IN_PROD)) {
      text += String.fromCharCode(page.bytes[page.load(IN_CONS) & 1023]);
      page.store(IN_CONS, (page.load(IN_CONS) + 1) >>> 0);
    }
    return text;
  };
  return { page, state, console, write, read };
}

Deno.test("output reaches the sink in order, whatever the pieces", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 30 }),
      fc.boolean(),
      async (sizes, nearWrap) => {
        const { page, state, console, write } = setup();
        if (nearWrap) {
          page.store(OUT_CONS, 0xffffff00);
          page.store(OUT_PROD, 0xffffff00);
        }
        let expected = "";
        for (const [i, size] of sizes.entries()) {
          let rest = String.fromCharCode(65 + i).repeat(size);
          expected += rest;
          while (rest.length > 0) {
            rest = rest.slice(write(rest));
            console.service();
          }
        }
        await console.drained();
        assert.equal(state.text, expected);
        assert.equal(page.load(OUT_CONS), page.load(OUT_PROD));
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("a slow reader holds the ring back, and nothing is lost", async () => {
  const { page, state, console, write } = setup();
  let release = () => {};
  state.hold = new Promise((resolve) => release = resolve);
  let written = 0;
  for (let i = 0; i < 1000; i++) {
    written += write("x".repeat(100));
    console.service();
  }
  assert.ok(written > 64 * 1024 && written < 70 * 1024, String(written));
  assert.ok(console.congested);
  assert.ok(page.load(OUT_PROD) !== page.load(OUT_CONS));
  assert.equal(state.text, "");
  release();
  await console.drained();
  assert.equal(state.text.length, written);
  assert.ok(!console.congested);
  assert.ok(state.woken > 0, "the machine is told that the ring may move again");
});

Deno.test("a reader that has gone does not stop the guest", async () => {
  const page = new GuestPage({ buffer: new ArrayBuffer(4096) }, 0);
  const console = new Console(page, () => {}, () => Promise.reject(new Error("EPIPE")), () => {});
  for (let i = 1; i <= 100; i++) {
    page.store(OUT_PROD, i * 2048);
    console.service();
    await Promise.resolve();
  }
  await console.drained();
  assert.equal(page.load(OUT_CONS), page.load(OUT_PROD));
});

Deno.test("input fills the ring as far as it goes, and the rest follows", async () => {
  const { state, console, read } = setup();
  const text = Array.from({ length: 5000 }, (_, i) => String.fromCharCode(97 + i % 26)).join("");
  let done = false;
  const sent = console.send(new TextEncoder().encode(text)).then(() => done = true);
  assert.ok(state.woken > 0);
  let got = "";
  for (let i = 0; i < 5; i++) {
    console.service();
    await Promise.resolve();
    assert.equal(done, i === 4);
    got += read();
  }
  await sent;
  assert.equal(got, text);
  assert.ok(state.notified >= 5);
});

Deno.test("input that found no room can be taken back for another guest", async () => {
  const { console, read } = setup();
  const sent = console.send(new Uint8Array(1500).fill(65));
  console.service();
  assert.equal(read().length, 1024);
  const rest = console.takeBack();
  await sent;
  assert.equal(rest.reduce((n, piece) => n + piece.length, 0), 1500 - 1024);
  console.service();
  assert.equal(read(), "");
});

Deno.test("indices that make no sense move nothing and harm nobody", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(
          fc.constantFrom(IN_CONS, IN_PROD, OUT_CONS, OUT_PROD),
          fc.nat({ max: 0xffffffff }),
        ),
        { maxLength: 30 },
      ),
      async (writes) => {
        const { page, state, console } = setup();
        console.send(new Uint8Array(100));
        for (const [at, value] of writes) {
          page.store(at, value);
          console.service();
        }
        await console.drained();
        assert.ok(state.text.length <= 2048 * (writes.length + 1));
      },
    ),
  );
  const { page, state, console } = setup();
  page.store(OUT_PROD, 5000);
  console.service();
  await console.drained();
  assert.equal(page.load(OUT_CONS), 0);
  assert.equal(state.notified, 0);
});
