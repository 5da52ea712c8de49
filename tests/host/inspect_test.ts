/** What can be looked at of a guest's event channels, callbacks and tables is what the guest set up. */
import assert from "node:assert/strict";
import { descriptorTables, eventPorts, upcallState } from "../../core/host/inspect.ts";
import { VcpuView } from "../../core/host/vcpu_view.ts";
import { createMachine, loadGuest } from "../../mod.ts";

const VIRQ_TIMER = 0;

Deno.test("a guest's ports, callbacks and descriptor tables can be looked at while it waits", async () => {
  const machine = await createMachine({ time: "virtual" });
  let said = "";
  const prompt = Promise.withResolvers<void>();
  const domain = await machine.addDomain((await loadGuest("skiff"))!, {
    memory: 16,
    vcpus: 2,
    output: (bytes) => {
      said += new TextDecoder().decode(bytes);
      if (said.includes("skiff> ")) prompt.resolve();
    },
  });
  await Promise.race([prompt.promise, domain.shutdown.then((end) => assert.fail(end.name))]);
  const { core } = machine;
  const named = (eip: number) => domain.symbols.describe(eip);

  const ports = eventPorts(core, domain.id);
  const console = ports.find(({ port }) => port === domain.consolePort)!;
  assert.equal(console.kind, "interdomain");
  assert.equal(console.remote, 0);
  assert.equal(console.masked, false);
  const timers = ports.filter(({ kind, virq }) => kind === "VIRQ" && virq === VIRQ_TIMER);
  assert.deepEqual(timers.map(({ vcpu }) => vcpu), [0, 1]);
  assert.ok(ports.some(({ kind, vcpu }) => kind === "IPI" && vcpu === 1));

  for (const vcpu of [0, 1]) {
    const upcall = upcallState(core, domain.id, vcpu)!;
    assert.ok(named(upcall.event.eip), "the event callback is one of its functions");
    assert.ok(named(upcall.failsafe.eip), "and the failsafe callback");
    const { gdt, traps } = descriptorTables(core, domain.id, vcpu)!;
    const cs = new VcpuView(core, domain.id, vcpu).segment(1).selector;
    assert.ok(gdt.descriptors.some(({ index }) => index === cs >> 3), "CS lies in the GDT");
    const fault = traps.find(({ vector }) => vector === 14)!;
    assert.match(named(fault.eip)!, /page_fault/);
    assert.ok(traps.some(({ dpl }) => dpl === 3), "a gate is open to programs");
  }
  assert.equal(upcallState(core, domain.id, 2), null);
  assert.equal(descriptorTables(core, domain.id, 2), null);

  machine.destroyDomain(domain);
  assert.deepEqual(eventPorts(core, domain.id), []);
  assert.equal(upcallState(core, domain.id, 0), null);
  machine.stop();
});
