/** Wrong arguments to the library: an error with a code, and a machine that is as good as before. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  crashReport,
  createMachine,
  type DomainOptions,
  loadGuest,
  loadImage,
  ParavaneError,
} from "paravane";
import { echoes, ends } from "../cli/tiny_guest.ts";
import { bytes } from "./rig.ts";

/** What JavaScript may pass for anything. */
const junk = fc.oneof(
  fc.constantFrom(undefined, null, true, "", "x", -1, 0, 0.5, NaN, Infinity, 2 ** 53, -0, 10n, {}),
  fc.integer(),
  fc.string({ maxLength: 8 }),
  fc.uint8Array({ maxLength: 8 }),
  fc.constant(() => 1),
  fc.constant([1, 2]),
);

/** Options, most of them right. */
const options = fc.record({
  memory: fc.oneof({ weight: 6, arbitrary: fc.constant(8) }, junk),
  maxMemory: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(undefined, 8, 16) }, junk),
  vcpus: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(1, 2) }, junk),
  commandLine: fc.oneof({ weight: 4, arbitrary: fc.constant("a=b") }, junk),
  ramdisk: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, junk),
  name: fc.oneof({ weight: 4, arbitrary: fc.constant("name") }, junk),
  cpuid: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(undefined, "no-sse3") }, junk),
  options: fc.oneof({ weight: 4, arbitrary: fc.constant({ msr_relaxed: true }) }, junk),
  limits: fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    fc.record({ grantFrames: junk, maptrack: junk, eventChannels: junk }),
  ),
}, { requiredKeys: [] });

/** Errors for programs: ours, or JavaScript's own for what is of another type. */
const isProper = (error: unknown) =>
  error instanceof ParavaneError
    ? typeof error.code === "string" && !error.message.includes("\n")
    : error instanceof TypeError;

Deno.test("addDomain with options of any kind: a domain, or an error that says why", async () => {
  await using machine = await createMachine();
  const image = ends(5);
  const stays = await machine.addDomain(echoes(), { memory: 8 });
  const seen = { made: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(options, async (wrong) => {
      try {
        const domain = await machine.addDomain(image, wrong as DomainOptions);
        assert.equal((await domain.shutdown).code, 5);
        domain.destroy();
        seen.made++;
      } catch (error) {
        assert.ok(isProper(error), String(error instanceof Error ? error.stack : error));
        seen.refused++;
      }
      assert.equal(machine.core.exports.audit(stays.id), 0);
    }),
    { numRuns: 200, examples: [[{ memory: Infinity }], [{ maxMemory: Infinity }]] },
  );
  assert.ok(seen.made > 10 && seen.refused > 10, JSON.stringify(seen));
  await stays.console.send(bytes("q"));
  assert.equal((await stays.shutdown).name, "poweroff");
});

Deno.test("images and names of any kind", async () => {
  await using machine = await createMachine();
  await fc.assert(
    fc.asyncProperty(junk, async (wrong) => {
      for (
        const act of [() => machine.addDomain(wrong as never), () => loadImage(wrong as never)]
      ) {
        await assert.rejects(async () => await act(), isProper);
      }
      assert.equal(await loadGuest(wrong as never), null);
    }),
    { numRuns: 100 },
  );
});

Deno.test("a domain's methods with arguments of any kind", async () => {
  await using machine = await createMachine();
  const domain = await machine.addDomain(echoes(), { memory: 8, paused: true });
  await fc.assert(
    fc.asyncProperty(junk, junk, async (a, b) => {
      const view = domain.vcpu();
      const acts: (() => unknown)[] = [
        () => domain.sendEvent(a as never),
        () => domain.sendVirq(a as never, b as never),
        () => domain.vcpu(a as never).eip,
        () => view.read(a as never, typeof b === "number" ? b % 100 : b as never),
        () => view.readWord(a as never),
        () => view.gpr(typeof a === "number" ? a & 7 : a as never),
        () => domain.requestShutdown(a as never),
        () => machine.subscribe({ kinds: a as never, only: b as never }, () => {})(),
        () => typeof a === "number" || domain.step(a as never),
      ];
      for (const act of acts) {
        try {
          await act();
        } catch (error) {
          const proper = isProper(error) || error instanceof RangeError;
          assert.ok(proper, `${act}: ${error instanceof Error ? error.stack : error}`);
        }
      }
      assert.equal(machine.core.exports.audit(domain.id), 0);
    }),
    { numRuns: 100 },
  );
  domain.unpause();
  await domain.console.send(bytes("q"));
  const shutdown = await domain.shutdown;
  assert.equal(shutdown.name, "poweroff");
  assert.ok((await crashReport(machine, domain, shutdown)).length > 0);
});
