/** Machines and domains: two at once, their ends, disposal in every state, the event loop's share. */
import assert from "node:assert/strict";
import { createMachine, SHUTDOWN, StateError } from "paravane";
import { bytes, readUntil, skiff, spin, textOf } from "./rig.ts";

Deno.test("two machines at once have nothing to do with each other", async () => {
  await using a = await createMachine();
  await using b = await createMachine({ time: "virtual" });
  const guests = await Promise.all([a, b].map((m) => m.addDomain(skiff, { memory: 16 })));
  const readers = guests.map(textOf);
  await Promise.all(readers.map((reader) => readUntil(reader, "skiff> ")));
  await guests[0].console.send(bytes("halt\n"));
  assert.equal((await guests[0].shutdown).code, SHUTDOWN.POWEROFF);
  await a.close();
  // the other one answers still
  await guests[1].console.send(bytes("echo still here\n"));
  await readUntil(readers[1], "\nstill here");
  assert.equal(guests[1].running, true);
});

Deno.test("a domain is disposed of while it runs, and so is its machine", async () => {
  let ended;
  {
    await using machine = await createMachine();
    {
      await using domain = await machine.addDomain(spin, { memory: 8 });
      ended = domain.shutdown;
    }
    assert.equal((await ended).name, "destroyed");
    const other = await machine.addDomain(spin, { memory: 8 });
    ended = other.shutdown;
  }
  assert.equal((await ended).name, "destroyed");
});

Deno.test("closing twice, and what comes after", async () => {
  const machine = await createMachine();
  const domain = await machine.addDomain(spin, { memory: 8 });
  await Promise.all([machine.close(), machine.close()]);
  await machine.close();
  domain.pause();
  domain.destroy();
  domain.requestShutdown("poweroff");
  await domain.console.send(bytes("nobody reads that"));
  await assert.rejects(machine.addDomain(spin), { name: "StateError", code: "machine-closed" });
  await assert.rejects(domain.step(), { code: "domain-gone" });
  assert.throws(() => domain.sendEvent(1), { code: "domain-gone" });
  assert.throws(() => domain.vcpu(), StateError);
  assert.equal(await domain.crash, null);
});

Deno.test("the event loop gets its turn while guests are busy", async () => {
  await using machine = await createMachine();
  await machine.addDomain(spin, { memory: 8 });
  await machine.addDomain(spin, { memory: 8 });
  // no time is asserted: each time that a timer has fired guests have run, and the other way round
  let before = machine.core.retired();
  for (let turns = 0; turns < 20; turns++) {
    while (machine.core.retired() === before) await new Promise((r) => setTimeout(r, 0));
    before = machine.core.retired();
    await new Promise((r) => setTimeout(r, 1));
  }
});

Deno.test("a crash: the reason, and a report while the domain is there", async () => {
  await using machine = await createMachine();
  const domain = await machine.addDomain(skiff, { memory: 16 });
  const reader = textOf(domain);
  await readUntil(reader, "skiff> ");
  await domain.console.send(bytes("crash\n"));
  const crash = await domain.crash;
  assert.ok(crash);
  assert.match(crash.report.join("\n"), /eip [0-9a-f]{8}/);
  assert.equal((await domain.shutdown).code, SHUTDOWN.CRASH);
});
