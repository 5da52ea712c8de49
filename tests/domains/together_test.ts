/** Several guests on one machine, and slices of any length: none must see it. */
import assert from "node:assert/strict";
import { createMachine } from "../../core/host/create_machine.ts";
import { folder } from "../conformance/golden.ts";

interface Run {
  commandLine: string;
  guests?: number;
  vcpus?: number;
  /** Instructions of each slice; the host's own choice when not given. */
  slice?: () => number;
}

/** Boots the conformance guest, once or more on one machine; the consoles' texts. */
async function outputs({ commandLine, guests = 1, vcpus = 1, slice }: Run): Promise<string[]> {
  const image = Deno.readFileSync(new URL("pv32.elf", folder()));
  const machine = await createMachine({ time: "virtual" });
  if (slice) {
    const { exports } = machine.core;
    const machine_run = (now: bigint) => exports.machine_run(now, slice());
    Object.defineProperty(machine.core, "exports", { value: { ...exports, machine_run } });
  }
  const texts: string[] = Array(guests).fill("");
  const domains = [];
  for (let n = 0; n < guests; n++) {
    const decoder = new TextDecoder();
    const output = (bytes: Uint8Array) => {
      texts[n] += decoder.decode(bytes, { stream: true });
    };
    domains.push(await machine.addDomain(image, { memory: 32, vcpus, commandLine, output }));
  }
  for (const { shutdown } of domains) assert.equal((await shutdown).code, 0);
  machine.stop();
  return texts;
}

const SUBJECTS = "trap+iret+iopl+desc+ldt+mmu+pin+ptwr+mmuext+mem+gnt+evt+multi+vcpu";

Deno.test("three guests at once answer as one alone [domain.several]", async () => {
  const commandLine = `only=${SUBJECTS}+upcall`;
  const [alone] = await outputs({ commandLine });
  assert.match(alone, /^DONE n=\d{4}/m);
  for (const text of await outputs({ commandLine, guests: 3 })) assert.equal(text, alone);
});

Deno.test("the length of slices does not show", async () => {
  let seed = 20_07;
  const random = () => 1 + ((seed = Math.imul(seed, 1103515245) + 12345 >>> 0) >>> 16) % 300;
  for (
    const [slice, run] of [
      [random, { commandLine: `only=${SUBJECTS}` }],
      [random, { commandLine: "only=smp", vcpus: 2 }],
      [() => 1, { commandLine: "only=smp", vcpus: 2 }],
      [() => 1, { commandLine: "only=multi+iret+vcpu" }],
    ] as const
  ) {
    assert.deepEqual(await outputs({ ...run, slice }), await outputs(run));
  }
});
