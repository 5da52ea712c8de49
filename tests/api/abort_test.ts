/** AbortSignals in every state: before, while something is fetched, awaited, stepped, typed, and after the end. */
import assert from "node:assert/strict";
import { createMachine, type Machine, type TraceEvent } from "paravane";
import { bytes, machineWithErrors, readUntil, skiff, spin, textOf } from "./rig.ts";

const REASON = new Error("the reason");
const isReason = (error: unknown) => error === REASON;

/** A signal that is aborted, with its reason, when told. */
function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(REASON) };
}

const ABORTED = AbortSignal.abort(REASON);

/** How many listeners a signal has: what is done with must not hold on to it. */
function counted(): { signal: AbortSignal; abort: () => void; listeners: () => number } {
  const { signal, abort } = abortable();
  const there = new Set<unknown>();
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => (there.add(args[1]), add(...args));
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    there.delete(args[1]);
    remove(...args);
  };
  return { signal, abort, listeners: () => there.size };
}

Deno.test("createMachine: aborted before, while it is made, and while guests run", async () => {
  await assert.rejects(createMachine({ signal: ABORTED }), isReason);
  const early = abortable();
  const making = createMachine({ signal: early.signal });
  early.abort();
  await assert.rejects(making, isReason);
  const late = abortable();
  const machine = await createMachine({ signal: late.signal });
  const domain = await machine.addDomain(spin, { memory: 8 });
  late.abort();
  assert.equal((await domain.shutdown).name, "destroyed");
  await assert.rejects(machine.addDomain(spin), { code: "machine-closed" });
});

/** A server on loopback for one test. */
async function withServer(
  answer: (request: Request) => Response | Promise<Response>,
  body: (url: URL, machine: Machine) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, answer);
  await using machine = await createMachine();
  try {
    await body(new URL(`http://127.0.0.1:${server.addr.port}/kernel`), machine);
  } finally {
    await server.shutdown();
  }
}

Deno.test("addDomain: from a URL, packed or not; and what is no image", () =>
  withServer(async (request) => {
    if (request.url.includes("missing")) return new Response("no", { status: 404 });
    if (request.url.includes("text")) return new Response("this is no kernel");
    const packed = new Blob([skiff]).stream().pipeThrough(new CompressionStream("gzip"));
    return new Response(request.url.includes("gz") ? await new Response(packed).bytes() : skiff);
  }, async (url, machine) => {
    for (const file of [url, new URL("/kernel.gz", url)]) {
      const domain = await machine.addDomain(file, { memory: 16 });
      await readUntil(textOf(domain), "skiff> ");
      domain.destroy();
    }
    const missing = machine.addDomain(new URL("/missing", url));
    await assert.rejects(missing, { name: "StateError", code: "no-image", message: /404/ });
    const text = machine.addDomain(new URL("/text", url));
    await assert.rejects(text, { name: "ImageError" });
    const file = new URL("no-such-file", import.meta.url);
    await assert.rejects(machine.addDomain(file), { code: "no-image" });
    await assert.rejects(machine.addDomain(new URL("no-such-scheme:x")), { code: "no-image" });
  }));

Deno.test("addDomain: aborted before, while the image is fetched, and while it comes", async () => {
  const stuck: (() => void)[] = [];
  await withServer((request) => {
    if (request.url.includes("silent")) {
      return new Promise((answer) => stuck.push(() => answer(new Response(""))));
    }
    // the first bytes, and then nothing
    let release = () => {};
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(skiff.subarray(0, 1000));
        release = () => {
          try {
            controller.close();
          } catch {
            // who listened is gone
          }
        };
      },
      cancel() {},
    });
    stuck.push(() => release());
    return new Response(body);
  }, async (url, machine) => {
    await assert.rejects(machine.addDomain(url, { signal: ABORTED }), isReason);
    assert.equal(stuck.length, 0, "nothing was asked for");
    for (const path of ["/silent", "/half"]) {
      const { signal, abort } = abortable();
      const adding = machine.addDomain(new URL(path, url), { signal });
      const refused = assert.rejects(adding, isReason);
      const asked: number = stuck.length;
      while (stuck.length === asked) await new Promise((resolve) => setTimeout(resolve, 5));
      abort();
      await refused;
    }
    for (const each of stuck) each();
    // the machine is as good as before
    assert.ok((await machine.addDomain(skiff, { memory: 16 })).running);
  });
});

Deno.test("a domain's signal destroys it: running, paused, and nothing once it has ended", async () => {
  await using machine = await createMachine();
  for (const paused of [false, true]) {
    const { signal, abort, listeners } = counted();
    const domain = await machine.addDomain(spin, { memory: 8, paused, signal });
    assert.equal(listeners(), 1);
    abort();
    assert.equal((await domain.shutdown).name, "destroyed");
  }
  const { signal, abort, listeners } = counted();
  const domain = await machine.addDomain(skiff, { memory: 16, signal });
  const reader = textOf(domain);
  await readUntil(reader, "skiff> ");
  await domain.console.send(bytes("halt\n"));
  assert.equal((await domain.shutdown).name, "poweroff");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(listeners(), 0, "nobody listens once it has ended");
  abort();
  assert.equal((await domain.shutdown).name, "poweroff");
});

Deno.test("wait, step, send and writable give up with the reason, and the guest goes on", async () => {
  await using machine = await createMachine();
  const domain = await machine.addDomain(skiff, { memory: 16 });
  await readUntil(textOf(domain), "skiff> ");

  await assert.rejects(domain.wait({ signal: ABORTED }), isReason);
  const wait = abortable();
  const waiting = domain.wait({ signal: wait.signal });
  wait.abort();
  await assert.rejects(waiting, isReason);
  assert.ok(domain.running);

  // a guest that is paused takes no input: what is typed stays outside once its ring is full
  domain.pause();
  const long = new Uint8Array(5000);
  await assert.rejects(domain.console.send(long, { signal: ABORTED }), isReason);
  const send = abortable();
  const sending = domain.console.send(long, { signal: send.signal });
  assert.equal(domain.console.waiting, 5000);
  send.abort();
  await assert.rejects(sending, isReason);
  assert.equal(domain.console.waiting, 0);
  const writer = domain.console.writable.getWriter();
  const writing = writer.write(long);
  await Promise.all([assert.rejects(writing, isReason), writer.abort(REASON)]);
  assert.equal(domain.console.waiting, 0);

  // it waits for input, so a step of it waits, too
  await assert.rejects(domain.step(1, { signal: ABORTED }), isReason);
  const step = abortable();
  const stepping = domain.step(1_000_000, { signal: step.signal });
  await new Promise((resolve) => setTimeout(resolve, 20));
  step.abort();
  await assert.rejects(stepping, isReason);
  assert.ok(domain.paused && domain.running);

  // what was not aborted lets go of its signal when it is over
  const calm = counted();
  domain.unpause();
  const end = domain.wait({ signal: calm.signal });
  await domain.console.send(bytes("\nhalt\n"), { signal: calm.signal });
  assert.equal((await end).name, "poweroff");
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(calm.listeners(), 0);
});

Deno.test("a subscription ends with its signal, and does not begin with one that is aborted", async () => {
  const { machine } = await machineWithErrors();
  await using _ = machine;
  const domain = await machine.addDomain(skiff, { memory: 16, paused: true });
  const { signal, abort } = abortable();
  const told: TraceEvent[] = [];
  const take = (event: TraceEvent) => void told.push(event);
  machine.subscribe({ kinds: ["hypercall"], signal: ABORTED }, take);
  machine.subscribe({ kinds: ["hypercall", "jit"], signal }, take);
  domain.unpause();
  await readUntil(textOf(domain), "skiff> ");
  assert.ok(told.length > 0);
  abort();
  const before = told.length;
  await domain.console.send(bytes("halt\n"));
  await domain.shutdown;
  assert.equal(told.length, before);
  const other = counted();
  machine.subscribe({ kinds: ["trap"], signal: other.signal }, take)();
  assert.equal(other.listeners(), 0, "ended by hand it leaves the signal alone");
});
