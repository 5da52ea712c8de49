/** Machines through the API: several domains, their ends, the store, virtual time. */
import assert from "node:assert/strict";
import {
  createMachine,
  type Domain,
  type DomainOptions,
  ImageError,
  loadGuest,
  type Machine,
  type MachineOptions,
} from "../../mod.ts";
import { crashes, echoes, ends, says, sleeps, spins } from "../cli/tiny_guest.ts";
import { ALWAYS } from "../first_sight.ts";

/** A machine that is stopped when the test is over. */
async function withMachine(
  options: MachineOptions,
  body: (machine: Machine) => Promise<void>,
): Promise<void> {
  const machine = await createMachine(options);
  try {
    await body(machine);
  } finally {
    machine.stop();
  }
}

/** Adds a domain whose console output is collected. */
async function add(machine: Machine, image: Uint8Array, options: DomainOptions = {}) {
  const said = { text: "" };
  const output = (bytes: Uint8Array) => void (said.text += new TextDecoder().decode(bytes));
  const domain = await machine.addDomain(image, { memory: 8, output, ...options });
  return { domain, said };
}

const send = (domain: Domain, text: string) => domain.console.send(new TextEncoder().encode(text));

Deno.test("domains live side by side and end each for itself [domain.several]", () =>
  withMachine({}, async (machine) => {
    const a = await add(machine, echoes());
    const b = await add(machine, echoes());
    const c = await add(machine, crashes());
    const d = await add(machine, spins());
    assert.deepEqual([a, b, c, d].map(({ domain }) => domain.id), [1, 2, 3, 4]);
    const crash = await c.domain.shutdown;
    assert.equal(crash.code, 3);
    assert.ok(crash.crash);
    await send(a.domain, "to a");
    await send(b.domain, "to b, q");
    assert.deepEqual(await b.domain.shutdown, { code: 0, name: "poweroff", crash: null });
    await send(a.domain, "q");
    await a.domain.shutdown;
    await a.domain.console.drained();
    await b.domain.console.drained();
    assert.equal(a.said.text, "to aq");
    assert.equal(b.said.text, "to b, q");
    assert.ok(d.domain.running);
    machine.destroyDomain(d.domain);
    assert.equal((await d.domain.shutdown).name, "destroyed");
  }));

Deno.test("a destroyed domain's memory is there for the next, any number of times", () =>
  withMachine({}, async (machine) => {
    const { domain } = await add(machine, sleeps());
    const size = machine.core.exports.memory.buffer.byteLength;
    machine.destroyDomain(domain);
    for (let i = 0; i < 20; i++) {
      const next = await add(machine, ends(i));
      assert.equal((await next.domain.shutdown).code, i);
      machine.destroyDomain(next.domain);
    }
    assert.equal(machine.core.exports.memory.buffer.byteLength, size);
  }));

Deno.test("a domain can be paused at any time, also before its first instruction [domain.pause]", () =>
  withMachine({}, async (machine) => {
    const { domain, said } = await add(machine, echoes(), { paused: true });
    const busy = await add(machine, spins());
    const moment = () => new Promise((resolve) => setTimeout(resolve, 60));
    send(domain, "one ");
    await moment();
    assert.equal(said.text, "");
    assert.ok(domain.paused);
    domain.unpause();
    while (!said.text.endsWith("one ")) await moment();
    domain.pause();
    domain.pause();
    send(domain, "two q");
    await moment();
    assert.equal(said.text, "one ");
    domain.unpause();
    assert.equal((await domain.shutdown).code, 0);
    domain.pause(); // it is over: nothing to pause
    assert.equal(domain.paused, false);
    busy.domain.pause();
    machine.destroyDomain(busy.domain);
  }));

Deno.test("destroyed while running: its memory, its place in the store and its console are gone [domain.destroy]", () =>
  withMachine({}, async (machine) => {
    const image = await loadGuest("neighbour");
    const names = () => machine.xenstore.list("/local/domain").concat(machine.xenstore.list("/vm"));
    const stays = await add(machine, echoes());
    const before = names();
    let size = 0;
    for (let round = 0; round < 30; round++) {
      // a pair that exchanges pages and events, torn apart at some moment
      const first = stays.domain.id + 1 + round * 2 % 126;
      const ids = [first, first + 1];
      const pair = [];
      for (const n of [0, 1]) {
        const commandLine = `${ids[1 - n]} ${ids[1 - n]}`;
        pair.push(await add(machine, image!, { memory: 8, commandLine, paused: true }));
      }
      assert.deepEqual(pair.map(({ domain }) => domain.id), ids);
      for (const { domain } of pair) domain.unpause();
      while (!pair.every(({ said }) => said.text.includes("ready"))) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      for (const { domain } of round & 1 ? pair : pair.reverse()) {
        machine.destroyDomain(domain);
        machine.destroyDomain(domain);
        assert.equal((await domain.shutdown).name, "destroyed");
        await domain.console.send(new Uint8Array(3)); // to nobody
        domain.requestShutdown("poweroff");
        await domain.console.drained();
      }
      assert.deepEqual(names(), before);
      assert.equal(machine.core.exports.audit(stays.domain.id), 0);
      const bytes = machine.core.exports.memory.buffer.byteLength;
      if (round === 0) size = bytes;
      assert.equal(bytes, size, `round ${round}`);
    }
    send(stays.domain, "q");
    assert.equal((await stays.domain.shutdown).code, 0);
  }));

Deno.test("destroyed from within its own hypercall: when the slice is over [domain.destroy]", async () => {
  let said = "";
  const machine = await createMachine({
    log: (line) => {
      said += line;
      machine.destroyDomain(domain);
      assert.ok(domain.running);
    },
  });
  const domain = await machine.addDomain(says("now"), { memory: 8, paused: true });
  const other = await machine.addDomain(echoes(), { memory: 8 });
  domain.unpause();
  assert.equal((await domain.shutdown).name, "destroyed");
  assert.match(said, /now/);
  assert.equal(machine.core.exports.domain_state(domain.id), 3);
  await send(other, "q");
  assert.equal((await other.shutdown).code, 0);
  machine.stop();
});

Deno.test("more memory than it begins with, and limits", () =>
  withMachine({}, async (machine) => {
    const { domain } = await add(machine, sleeps(), {
      maxMemory: 24,
      limits: { grantFrames: 1, maptrack: 1, eventChannels: 4 },
    });
    const home = `/local/domain/${domain.id}/memory`;
    assert.equal(machine.xenstore.read(`${home}/static-max`), String(24 * 1024));
    assert.equal(machine.xenstore.read(`${home}/target`), String(8 * 1024));
    machine.destroyDomain(domain);
    assert.equal(machine.xenstore.read(`${home}/target`), null);
  }));

Deno.test("an image that is refused leaves the machine as it was", () =>
  withMachine({}, async (machine) => {
    await assert.rejects(machine.addDomain(new Uint8Array(100)), ImageError);
    await assert.rejects(machine.addDomain(ends(0), { memory: 1 }), ImageError);
    const { domain } = await add(machine, ends(0));
    assert.equal((await domain.shutdown).code, 0);
  }));

Deno.test("the guest's part of the store, and a request to power off", () =>
  withMachine({}, async (machine) => {
    const image = await loadGuest("skiff");
    assert.ok(image);
    const { domain, said } = await add(machine, image, { name: "little", memory: 16 });
    const home = `/local/domain/${domain.id}`;
    const { xenstore } = machine;
    assert.equal(xenstore.read(`${home}/name`), "little");
    assert.equal(xenstore.read(`${home}/memory/target`), "16384");
    assert.equal(xenstore.read(`${home}/cpu/0/availability`), "online");
    assert.equal(xenstore.read(`${home}/console/port`), "2");
    assert.equal(xenstore.read(`${home}/store/port`), "1");
    assert.equal(
      xenstore.read(xenstore.read(`${home}/vm`) + "/uuid"),
      "00000000-0000-0000-0000-000000000001",
    );
    const requests: (string | null)[] = [];
    const end = xenstore.watch(`${home}/control/shutdown`, (path) => {
      requests.push(xenstore.read(path));
    });
    domain.requestShutdown("poweroff");
    assert.equal((await domain.shutdown).code, 0);
    end();
    assert.deepEqual(requests.slice(0, 2), ["", "poweroff"]);
    await domain.console.drained();
    assert.match(said.text, /control\/shutdown: poweroff/);
  }));

Deno.test("virtual time does not wait for the host's clock", () =>
  withMachine({ time: "virtual" }, async (machine) => {
    const image = await loadGuest("skiff");
    const started = performance.now();
    const { domain } = await add(machine, image!, { memory: 16 });
    const t = () => machine.core.exports.machine_deadline();
    domain.requestShutdown("poweroff");
    assert.equal((await domain.shutdown).code, 0);
    // to translate all of the guest takes a busy host longer than that
    if (!ALWAYS) assert.ok(performance.now() - started < 5000);
    assert.equal(typeof t(), "bigint");
  }));

Deno.test("a stopped machine runs no more", async () => {
  const machine = await createMachine();
  const { domain } = await add(machine, spins());
  machine.stop();
  const ended = await Promise.race([
    domain.shutdown,
    new Promise((resolve) => setTimeout(() => resolve("still there"), 100)),
  ]);
  assert.equal(ended, "still there");
});
