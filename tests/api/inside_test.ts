/** What a program can see of a guest and do to it: registers, memory, single steps, events, interrupts. */
import assert from "node:assert/strict";
import { eventPorts } from "../../core/host/inspect.ts";
import { createMachine, type Domain } from "paravane";
import { spins } from "../cli/tiny_guest.ts";
import { readUntil, skiff, textOf, until } from "./rig.ts";

/** Where tiny guests lie: their code, and what they say behind a word. */
const BASE = 0xc0000000;
const TEXT = BASE + 0x804;

const port = (domain: Domain, machine: { core: Parameters<typeof eventPorts>[0] }) =>
  eventPorts(machine.core, domain.id).find((each) => each.port === domain.consolePort)!;

Deno.test("registers, and memory by virtual addresses, of a guest that runs and one that is paused", async () => {
  await using machine = await createMachine();
  let said = "";
  await using domain = await machine.addDomain(spins("written by me\n"), {
    memory: 8,
    limits: { eventChannels: 8 },
  });
  machine.trace(1, () => said += "called ");
  // its hypercall is over when it jumps to itself
  await until(() =>
    domain.vcpu().gpr(1) === "written by me\n".length && machine.core.retired() > 100
  );
  const view = domain.vcpu();
  assert.equal(new TextDecoder().decode(view.read(TEXT, 14)), "written by me\n");
  assert.equal(view.readWord(TEXT), 0x74697277);
  assert.equal(view.cpl, 1);
  assert.equal(view.gpr(2), TEXT, "EDX still holds the text's address");
  assert.equal(view.segment(1).selector & 3, 1, "CS is the kernel's");
  assert.ok(view.cr3 > 0);
  // across a page, and where nothing is mapped
  assert.equal(view.read(BASE + 0xffe, 4).length, 4);
  assert.equal(view.read(0x1000, 4).length, 0);
  assert.equal(view.readWord(0x1000), null);
  assert.equal(view.read(0xfffffffe, 16).length, 0);
  // the next instruction jumps to itself
  domain.pause();
  const { eip } = domain.vcpu();
  assert.deepEqual([...domain.vcpu().read(eip, 2)], [0xeb, 0xfe]);
});

Deno.test("a paused domain is stepped by so many instructions, and others stand still meanwhile", async () => {
  await using machine = await createMachine();
  const other = await machine.addDomain(spins(), { memory: 8 });
  await using domain = await machine.addDomain(spins(), { memory: 8, paused: true });
  await assert.rejects(other.step(), { code: "not-paused" });
  for (const wrong of [0, -1, 1.5, NaN, 1_000_001]) {
    await assert.rejects(domain.step(wrong), { name: "StateError", code: "argument" });
  }
  other.pause();
  const start = domain.vcpu().eip;
  assert.equal(start, BASE);
  // four MOVs of five bytes, then INT 0x82
  const eips: number[] = [];
  for (let n = 0; n < 5; n++) {
    const before = machine.core.retired();
    await domain.step();
    assert.equal(machine.core.retired() - before, 1);
    eips.push(domain.vcpu().eip - start);
  }
  assert.deepEqual(eips, [5, 10, 15, 20, 22]);
});

Deno.test("a domain that is added during a step runs when that is over", async () => {
  await using machine = await createMachine();
  const domain = await machine.addDomain(skiff, { memory: 16 });
  await readUntil(textOf(domain), "skiff> ");
  domain.pause();
  // it waits for input, and the step with it
  const stepping = domain.step(1_000_000);
  const late = await machine.addDomain(spins(), { memory: 8 });
  const began = late.vcpu().eip;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(late.vcpu().eip, began);
  domain.unpause();
  await stepping;
  await until(() => late.vcpu().eip !== began);
});

Deno.test("events and virtual interrupts reach the guest; those that cannot are refused with a code", async () => {
  await using machine = await createMachine();
  const domain = await machine.addDomain(skiff, { memory: 16 });
  await readUntil(textOf(domain), "skiff> ");
  // that its output was taken is an event too, which a guest that runs slowly has still before it
  await until(() => !port(domain, machine).pending);
  domain.pause();
  assert.equal(port(domain, machine).pending, false);
  domain.sendEvent(domain.consolePort);
  assert.equal(port(domain, machine).pending, true);
  domain.unpause();
  await until(() => !port(domain, machine).pending);
  domain.sendVirq(0);
  for (const wrong of [0, 1023, 5000, -1, 1e9, NaN]) {
    assert.throws(() => domain.sendEvent(wrong), { name: "StateError", code: "no-port" });
  }
  for (const [virq, vcpu] of [[99, 0], [-1, 0], [0, 7], [0, -1]]) {
    assert.throws(() => domain.sendVirq(virq, vcpu), { name: "StateError", code: "no-virq" });
  }
  for (const wrong of [-1, 1, 0.5, NaN, 1e9]) {
    assert.throws(() => domain.vcpu(wrong), { name: "StateError", code: "no-vcpu" });
  }
  assert.ok(domain.running);
});
