/** The first instruction that a machine runs at all may be one that is not kept: the guest ends as it would later on. */
import assert from "node:assert/strict";
import { createMachine } from "../../mod.ts";
import { makeElf, notesWith } from "../host/elf/make_elf.ts";

const BASE = 0xc0000000;
const UD2 = [0x0f, 0x0b];

Deno.test("a guest that begins with an instruction across a page's end, and is ended by it", async () => {
  await using machine = await createMachine();
  const data = new Uint8Array(0x2000);
  data.set(UD2, 0xfff);
  const domain = await machine.addDomain(
    makeElf({ segments: [{ data }], notes: notesWith({ 1: BASE + 0xfff }) }),
    { memory: 8 },
  );
  assert.equal((await domain.shutdown).name, "crash");
  assert.equal(domain.vcpu().instructionEip, BASE + 0xfff);
});

Deno.test("a guest that is stepped from its first instruction on", async () => {
  await using machine = await createMachine();
  const data = new Uint8Array(0x2000);
  data.set([0xfc, 0x90, 0xeb, 0xfe]); // cld; nop; jmp to itself
  const domain = await machine.addDomain(makeElf({ segments: [{ data }] }), {
    memory: 8,
    paused: true,
  });
  for (const expected of [1, 2, 2]) {
    await domain.step();
    assert.equal(domain.vcpu().eip, BASE + expected);
  }
});
