/** The console as two streams: bounded both ways, whole, in order, and ended when the guest is. */
import assert from "node:assert/strict";
import { createMachine, type Domain } from "paravane";
import { echoes } from "../cli/tiny_guest.ts";
import { bytes, skiff, textOf } from "./rig.ts";

/** More than a console holds by far. */
const MUCH = 600_000;
/** What it may hold: 64 KiB in its queue, as many in the stream, and the guest's rings of 3 KiB. */
const HELD = 2 * 65536 + 3072;

/** Numbered lines, so that what is lost, doubled or out of order shows. */
function numbered(length: number): Uint8Array {
  let text = "";
  for (let n = 0; text.length < length; n++) text += `${n}\n`;
  return bytes(text.slice(0, length));
}

/** Waits until the guest takes no more input. @returns what it has not taken */
async function settled(domain: Domain): Promise<number> {
  let [before, still] = [-1, 0];
  while (still < 30) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    still = domain.console.waiting === before ? still + 1 : 0;
    before = domain.console.waiting;
  }
  return before;
}

Deno.test("a stream that nobody reads: the guest waits, memory is bounded, and nothing is lost", async () => {
  await using machine = await createMachine();
  const domain = await machine.addDomain(skiff, { memory: 16 });
  const { readable } = domain.console;
  // what the guest says of it is longer: what is typed, a line, and a prompt
  const lines = Array.from({ length: 3000 }, (_, n) => `echo ${n} ${"-".repeat(60)}\n`).join("");
  const sent = domain.console.send(bytes(lines));
  const waiting = await settled(domain);
  const taken = lines.length - waiting;
  assert.ok(waiting > 0 && taken <= HELD, `${taken} bytes of ${lines.length} were taken`);
  // the reader that comes at last finds all of it, in order
  const reader = readable.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (text.length < 1.3 * HELD) text += (await reader.read()).value;
  const said = [...text.matchAll(/^(\d+) -{60}\r?$/gm)].map(([, n]) => Number(n));
  assert.ok(said.length > 500);
  assert.deepEqual(said, said.map((_, n) => n));
  domain.destroy();
  await sent;
});

Deno.test("output that nobody asked for is dropped, and the guest does not wait", async () => {
  await using machine = await createMachine();
  const domain = await machine.addDomain(echoes(), { memory: 8 });
  await domain.console.send(numbered(MUCH / 2));
  await domain.console.send(bytes("q"));
  assert.equal((await domain.shutdown).name, "poweroff");
});

Deno.test("a reader that cancels lets the guest go on, and the sink still sees all", async () => {
  await using machine = await createMachine();
  let said = 0;
  const domain = await machine.addDomain(echoes(), {
    memory: 8,
    output: (piece) => void (said += piece.length),
  });
  const reader = domain.console.readable.getReader();
  const sent = domain.console.send(numbered(MUCH / 2));
  await reader.read();
  await reader.cancel();
  await sent;
  await domain.console.send(bytes("q"));
  await domain.shutdown;
  await domain.console.drained();
  assert.equal(said, MUCH / 2 + 1);
});

Deno.test("readable ends with the guest: its last words, then the end; destroyed ones' too", async () => {
  await using machine = await createMachine();
  const domain = await machine.addDomain(skiff, { memory: 16 });
  const reader = textOf(domain);
  await domain.console.send(bytes("echo last words\nhalt\n"));
  let text = "";
  for (let piece; !(piece = await reader.read()).done;) text += piece.value;
  assert.match(text, /\nlast words\r?\n/);
  assert.equal((await domain.shutdown).name, "poweroff");

  const other = await machine.addDomain(echoes(), { memory: 8 });
  const end = other.console.readable.getReader();
  other.destroy();
  assert.equal((await end.read()).done, true);
  // and what is written to it is nobody's
  const writer = other.console.writable.getWriter();
  await writer.write(bytes("late"));
  await writer.close();
});
