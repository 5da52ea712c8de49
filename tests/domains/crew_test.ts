/** A guest with as many vCPUs as there can be (guest/probes/crew.ts): brought up, fair, called by IPIs, down. */
import assert from "node:assert/strict";
import { createMachine, loadGuest } from "../../mod.ts";
import { spread } from "../soak/load.ts";

/** Boots it; what each of its vCPUs but the first did. */
async function crew(vcpus: number, beside = false) {
  const machine = await createMachine({ time: "virtual" });
  let said = "";
  const decoder = new TextDecoder();
  const domain = await machine.addDomain((await loadGuest("crew"))!, {
    memory: 8,
    vcpus,
    output: (bytes) => void (said += decoder.decode(bytes, { stream: true })),
    paused: true,
  });
  // one that always wants the processor
  if (beside) await machine.addDomain((await loadGuest("spin"))!, { memory: 8 });
  domain.unpause();
  const { name, crash } = await domain.shutdown;
  await domain.console.drained();
  machine.stop();
  assert.deepEqual([name, crash], ["poweroff", null], said);
  assert.match(said, new RegExp(`^crew of ${vcpus}\r\n`));
  const lines = [...said.matchAll(/vcpu (\d+) counted (\d+) answered (\d+) ran ([0-9a-f]+)/g)];
  assert.deepEqual(lines.map((line) => Number(line[1])), Array.from(lines, (_, n) => n + 1));
  return lines.map(([, , counted, answered, ran]) => ({
    counted: Number(counted),
    answered: Number(answered),
    ran: parseInt(ran, 16),
  }));
}

for (const beside of [false, true]) {
  Deno.test(`32 vCPUs get equal shares within 5 %, answer every call, and go down${beside ? ", beside another domain" : ""} [domain.vcpus] [domain.fair] [event.ipi] [vcpu_op.initialise] [vcpu_op.up] [vcpu_op.down] [sched_op.poll]`, async () => {
    const members = await crew(32, beside);
    assert.equal(members.length, 31);
    assert.ok(spread(members.map(({ counted }) => counted)) < 0.05, JSON.stringify(members));
    assert.ok(spread(members.map(({ ran }) => ran)) < 0.05);
    for (const { answered } of members) assert.equal(answered, 50);
    // they had the 200 ms to themselves, or shared them with one more
    const each = 200e6 / (members.length + (beside ? 1 : 0));
    const ran = members.reduce((sum, member) => sum + member.ran, 0) / members.length;
    assert.ok(Math.abs(ran - each) < 0.1 * each, `${ran}, not ${each}`);
  });
}

Deno.test("one vCPU alone needs no crew; two make one [domain.vcpus]", async () => {
  assert.equal((await crew(1)).length, 0);
  assert.equal((await crew(2)).length, 1);
});
