/** What a subscription's filter leaves out is not put together, and what it lets through comes whole. */
import assert from "node:assert/strict";
import { createMachine, loadGuest, type TraceEvent } from "../../mod.ts";

const MULTICALL = 13;
const MMUEXT_OP = 26;

Deno.test("a subscription leaves events out by kind and number, and is asked before they are told", async () => {
  await using machine = await createMachine({ time: "virtual" });
  const asked = new Map<string, number>();
  const told: TraceEvent[] = [];
  machine.subscribe({
    kinds: ["hypercall", "trap"],
    only: (kind, number) => {
      const key = `${kind} ${number}`;
      asked.set(key, (asked.get(key) ?? 0) + 1);
      return kind === "hypercall" && number === MMUEXT_OP;
    },
  }, (event) => told.push(event));
  let said = "";
  const domain = await machine.addDomain((await loadGuest("skiff"))!, {
    memory: 16,
    output: (bytes) => {
      said += new TextDecoder().decode(bytes);
      if (said.endsWith("skiff> ")) domain.console.send(new TextEncoder().encode("halt\n"));
    },
  });
  await domain.shutdown;
  assert.equal(told.length, asked.get(`hypercall ${MMUEXT_OP}`));
  assert.ok(told.every((event) => event.kind === "hypercall" && event.name === "mmuext_op"));
  // those in multicalls too, though of the multicall itself nobody is told
  assert.ok(told.some((event) => event.kind === "hypercall" && event.depth === 1));
  assert.ok(asked.get(`hypercall ${MULTICALL}`)! > 0);
  assert.ok(asked.get("trap 14")! > 0, "page faults were asked about");
});
