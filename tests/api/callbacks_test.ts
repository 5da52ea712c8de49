/** What a program's own functions throw is told to `onError`, and nothing else comes of it. */
import assert from "node:assert/strict";
import { createMachine, type Domain } from "paravane";
import { crashes, says } from "../cli/tiny_guest.ts";
import { bytes, machineWithErrors, readUntil, skiff, textOf, until } from "./rig.ts";

/** Whether a guest still answers. */
async function answers(domain: Domain): Promise<void> {
  const reader = textOf(domain);
  await domain.console.send(bytes("echo still here\n"));
  await readUntil(reader, "\nstill here");
  await reader.cancel();
}

for (
  const [how, sink] of [
    ["throws", () => {
      throw new Error("sink");
    }],
    ["rejects", () => Promise.reject(new Error("sink"))],
  ] as const
) {
  Deno.test(`an output callback that ${how} is given up, and its guest and others go on`, async () => {
    const { machine, errors } = await machineWithErrors();
    await using _ = machine;
    const domain = await machine.addDomain(skiff, { memory: 16, output: sink });
    const other = await machine.addDomain(skiff, { memory: 16 });
    await answers(domain);
    await answers(other);
    assert.deepEqual(errors.map(String), ["Error: sink"], "it is asked no more");
  });
}

Deno.test("a log callback that throws: each line is told, and the guest goes on", async () => {
  const errors: unknown[] = [];
  await using machine = await createMachine({
    log: (line) => {
      throw new Error(line);
    },
    onError: (error) => errors.push(error),
  });
  const domain = await machine.addDomain(says("to the log"), { memory: 8 });
  assert.equal((await domain.shutdown).name, "poweroff");
  assert.match(errors.map(String).join("\n"), /^Error: \(d1\) to the log$/m);
});

Deno.test("a subscriber or a filter that throws: others are told, and the guest goes on", async () => {
  const { machine, errors } = await machineWithErrors();
  await using _ = machine;
  let told = 0;
  const kinds = ["hypercall", "trap", "upcall", "event", "mmu", "jit"] as const;
  const fails = (what: string) => () => {
    throw new Error(what);
  };
  machine.subscribe({ kinds }, fails("subscriber"));
  machine.subscribe({ kinds, only: fails("filter") }, () => {});
  machine.subscribe({ kinds }, () => told++);
  await answers(await machine.addDomain(skiff, { memory: 16 }));
  assert.ok(told > 100);
  const count = (what: string) => errors.filter((e) => (e as Error).message === what).length;
  assert.equal(count("subscriber"), told, "as often as the other one was told");
  assert.ok(count("filter") > 100);
  assert.equal(errors.length, count("subscriber") + count("filter"));
});

for (const later of [false, true]) {
  Deno.test(`onShutdown that ${later ? "rejects" : "throws"}: the domain has ended, others go on`, async () => {
    const { machine, errors } = await machineWithErrors({ time: later ? "virtual" : "wall" });
    await using _ = machine;
    const other = await machine.addDomain(skiff, { memory: 16 });
    const domain = await machine.addDomain(crashes(), {
      memory: 8,
      onShutdown: () => {
        if (later) return Promise.reject(new Error("at the end"));
        throw new Error("at the end");
      },
    });
    assert.equal((await domain.shutdown).name, "crash");
    await answers(other);
    assert.deepEqual(errors.map(String), ["Error: at the end"]);
  });
}

Deno.test("an onError that throws itself does not stop the machine", async () => {
  const printed: unknown[] = [];
  const print = console.error;
  console.error = (error) => printed.push(error);
  using _ = { [Symbol.dispose]: () => console.error = print };
  let asked = 0;
  await using machine = await createMachine({
    onError: () => {
      asked++;
      throw new Error("on error");
    },
    log: () => {
      throw new Error("log");
    },
  });
  const other = await machine.addDomain(skiff, { memory: 16 });
  const domain = await machine.addDomain(says("something"), {
    memory: 8,
    output: () => {
      throw new Error("sink");
    },
  });
  machine.subscribe({ kinds: ["hypercall"] }, () => {
    throw new Error("subscriber");
  });
  assert.equal((await domain.shutdown).name, "poweroff");
  await answers(other);
  await until(() => asked > 2);
  assert.ok(printed.length >= asked - 1 && printed.every((e) => String(e) === "Error: on error"));
});
