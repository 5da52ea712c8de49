/**
 * How long what comes from outside waits while guests compute: another thread's message, a byte from a socket, and what is
 * typed to another guest until it has come back.
 */
import { createMachine, loadGuest } from "../mod.ts";

/** What the other thread does: tells its time now and then, one way and the other. */
const SENDER = `
const now = () => performance.timeOrigin + performance.now();
const pause = () => new Promise((done) => setTimeout(done, 5 + 5 * Math.random()));
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
postMessage({ port: listener.addr.port });
const connection = await listener.accept();
const bytes = new Uint8Array(8);
for (;;) {
  await pause();
  postMessage({ sent: now() });
  await pause();
  new DataView(bytes.buffer).setFloat64(0, now());
  await connection.write(bytes);
}`;

/** @returns milliseconds of each wait, by what waited */
export async function messageWaits(
  seconds: number,
  module: WebAssembly.Module,
): Promise<Record<string, number[]>> {
  await using machine = await createMachine({ module });
  await machine.addDomain((await loadGuest("spin"))!, { memory: 8 });
  const now = () => performance.timeOrigin + performance.now();
  const messages: number[] = [], bytes: number[] = [];
  const url = `data:text/javascript,${encodeURIComponent(SENDER)}`;
  const worker = new Worker(url, { type: "module" });
  const port = await new Promise<number>((resolve) => {
    worker.onmessage = ({ data }) => {
      if (data.port) resolve(data.port);
      else messages.push(now() - data.sent);
    };
  });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let stopped = false;
  const reading = (async () => {
    const buffer = new Uint8Array(8);
    while (!stopped && await connection.read(buffer)) {
      bytes.push(now() - new DataView(buffer.buffer).getFloat64(0));
    }
  })();
  await new Promise((done) => setTimeout(done, seconds * 1000));
  stopped = true;
  await reading;
  worker.terminate();
  connection.close();
  return { "another thread's message": messages, "a byte from a socket": bytes };
}

/**
 * A byte that is typed to a guest which gives it back, while two others compute: it waits for a slice to end, twice at most.
 *
 * @param jit whether those are translated
 * @returns milliseconds from one to the other
 */
export async function echoWaits(
  seconds: number,
  module: WebAssembly.Module,
  jit: boolean,
): Promise<number[]> {
  await using machine = await createMachine({ module, jit });
  let returned = () => {};
  const echo = await machine.addDomain((await loadGuest("echo"))!, {
    memory: 8,
    output: () => returned(),
  });
  for (let n = 0; n < 2; n++) await machine.addDomain((await loadGuest("spin"))!, { memory: 8 });
  const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));
  await pause(1500);
  const waits: number[] = [];
  for (const until = performance.now() + seconds * 1000; performance.now() < until;) {
    await pause(3);
    const sent = performance.now();
    await new Promise<void>((done) => {
      returned = done;
      void echo.console.send(new Uint8Array([0x61]));
    });
    waits.push(performance.now() - sent);
    returned = () => {};
  }
  return waits;
}
