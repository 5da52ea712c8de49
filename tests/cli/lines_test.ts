/** Several consoles on one stream. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Lines } from "../../core/host/cli/lines.ts";

const encoder = new TextEncoder();
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function start(write = (_: Uint8Array): Promise<void> => Promise.resolve()) {
  const shown = { text: "" };
  const decoder = new TextDecoder();
  const lines = new Lines(async (bytes) => {
    shown.text += decoder.decode(bytes, { stream: true });
    await write(bytes);
  });
  return { shown, lines, guest: (name: string) => lines.guest(name) };
}

const say = (guest: { take(bytes: Uint8Array): unknown }, text: string) =>
  guest.take(encoder.encode(text));

Deno.test("complete lines come whole and named, in the order of their ends", async () => {
  const { shown, lines, guest } = start();
  const a = guest("a"), b = guest("b");
  say(a, "one ");
  say(b, "two\n\n");
  say(a, "three\nfour\n");
  await lines.drained();
  assert.equal(shown.text, "b: two\nb: \na: one three\na: four\n");
});

Deno.test("a prompt is shown after a moment; what is typed there follows at once", async () => {
  const { shown, lines, guest } = start();
  const a = guest("a"), b = guest("b");
  say(a, "a> ");
  await lines.drained();
  assert.equal(shown.text, "");
  await pause(80);
  assert.equal(shown.text, "a: a> ");
  say(a, "he");
  await lines.drained();
  assert.equal(shown.text, "a: a> he");
  say(b, "news\n"); // breaks it off
  say(a, "lp\n");
  await lines.drained();
  assert.equal(shown.text, "a: a> he\nb: news\na: a> help\n");
});

Deno.test("a note breaks an open line off, too", async () => {
  const { shown, lines, guest } = start();
  const a = guest("a");
  lines.note("one");
  say(a, "a> ");
  await pause(80);
  lines.note("two");
  say(a, "x\n");
  await lines.drained();
  assert.equal(shown.text, "one\na: a> \ntwo\na: a> x\n");
});

Deno.test("what a guest leaves unfinished is shown at its end, once", async () => {
  const { shown, guest } = start();
  const a = guest("a"), b = guest("b"), c = guest("c");
  say(a, "half");
  await a.end();
  say(b, "shown");
  await pause(80);
  await b.end();
  await c.end();
  assert.equal(shown.text, "a: half\nb: shown\n");
});

Deno.test("a line without end, and a reader that does not read, take bounded memory", async () => {
  let read = () => {};
  const { lines, guest } = start(() => new Promise((done) => read = done));
  const a = guest("a");
  let room: unknown;
  for (let n = 0; n < 3; n++) {
    await Promise.resolve();
    room = a.take(new Uint8Array(40_000).fill(65));
  }
  assert.ok(room instanceof Promise);
  let drained = false;
  lines.drained().then(() => drained = true);
  while (!drained) {
    read();
    await pause(1);
  }
  assert.equal(a.take(encoder.encode("\n")), undefined);
});

Deno.test("nothing is lost or mixed, however the guests' words are cut", async () => {
  const cuts = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 9 })), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(cuts, async (turns) => {
      const { shown, guest } = start();
      const texts = ["x", "y", "z"].map((who) =>
        Array.from({ length: 12 }, (_, n) => `${who}${n}${"-".repeat(n % 5)}`).join("\n")
      );
      const guests = ["x", "y", "z"].map(guest);
      const rest = [...texts];
      for (const [who, length] of turns) {
        say(guests[who], rest[who].slice(0, length));
        rest[who] = rest[who].slice(length);
      }
      guests.forEach((each, who) => say(each, rest[who]));
      for (const each of guests) await each.end();
      const lines = shown.text.split("\n").slice(0, -1);
      texts.forEach((text, who) => {
        const prefix = `${"xyz"[who]}: `;
        const mine = lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(3));
        assert.equal(mine.join("\n"), text);
      });
      assert.equal(lines.length, 36);
    }),
    { numRuns: 100 },
  );
});
