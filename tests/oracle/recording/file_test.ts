/** A recording gives back what was written, and knows when it does not fit. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Random } from "../../random.ts";
import type { Case, Outcome } from "../case.ts";
import { EXIT_FAULT } from "../layout.ts";
import { casesOf, hashCases, sources } from "./cases.ts";
import { Recording, RecordingWriter } from "./file.ts";
import { comparablePart } from "./outcome.ts";
import { answersStill } from "./still.ts";

const all = sources();
const ABOUT = { maker: "AuthenticAMD", processor: "a test's", kernel: "none" };

/** Any outcome of a case: an ending or a fault, some registers, bytes and flags changed. */
function anyOutcome(r: Random, c: Case): Outcome {
  const vector = r.pick([0, 1, 6, 13, 14]);
  const faulted = r.oneIn(2);
  const pageFault = faulted && vector === 14;
  const eip = faulted ? r.next() : 0, cr2 = pageFault ? r.next() : 0;
  const change = (b: Uint8Array) => b.map((v) => r.oneIn(30) ? r.below(256) : v);
  return comparablePart(c, {
    registers: c.registers.map((v) => r.oneIn(3) ? r.next() : v),
    eflags: r.oneIn(2) ? c.eflags : r.next(),
    exit: faulted ? EXIT_FAULT | vector : r.below(2),
    error: faulted ? r.below(1 << 16) : 0,
    cr2,
    eip,
    signal: faulted
      ? [r.below(32), r.below(256), r.pick([0, eip, pageFault ? cr2 : eip])]
      : [0, 0, 0],
    selectors: [c.ds, c.es, r.below(1 << 16), r.below(1 << 16)],
    memory: change(c.memory),
    fx: change(c.fx),
  });
}

Deno.test("a recording reads as it was written, with forms left out too", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.nat(all.length - 1), { minLength: 1 }),
      (seed, chosen) => {
        const r = new Random(seed);
        const writer = new RecordingWriter();
        const forms = chosen.map((n) => {
          const cases = casesOf(all[n], 3);
          const outcomes = cases.map((c) => r.oneIn(5) ? null : anyOutcome(r, c));
          writer.add(all[n].key, hashCases(cases), cases, outcomes);
          return { cases, outcomes };
        });
        const recording = new Recording(writer.finish(ABOUT));
        assert.equal(recording.header.processor, ABOUT.processor);
        for (const { cases, outcomes } of forms) {
          if (r.oneIn(3)) recording.skip(cases.length);
          else assert.deepEqual(recording.next(cases), outcomes);
        }
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("cases follow from their form alone, and their hash from all that they start from", () => {
  const form = all.find((s) => s.key.startsWith("01 add"))!;
  const cases = casesOf(form, 4);
  assert.deepEqual(casesOf(form, 4), cases);
  assert.deepEqual(casesOf(form, 2), cases.slice(0, 2));
  const hash = hashCases(cases);
  const [c] = cases;
  const changed: Case[] = [
    { ...c, code: [0x90, ...c.code.slice(1)] },
    { ...c, eflags: c.eflags ^ 1 },
    { ...c, steps: 1 },
    { ...c, registers: c.registers.map((v) => v ^ 1) },
    { ...c, memory: c.memory.map((v, i) => i === 575 ? v ^ 1 : v) },
    { ...c, fx: c.fx.map((v, i) => i === 300 ? v ^ 1 : v) },
  ];
  for (const other of changed) assert.notEqual(hashCases([other, ...cases.slice(1)]), hash);
});

Deno.test("an answer that changed shows; an undefined flag only to a processor of the same maker", () => {
  const form = all.find((s) => s.key.startsWith("0faf imul") && s.key.endsWith("plain"))!;
  const c = casesOf(form, 20).find((c) => c.followedFlags)!;
  const { registers, memory, fx, eflags } = c;
  const ended = { exit: 0, error: 0, cr2: 0, eip: 0 };
  const then: Outcome = {
    ...{ registers, memory, fx, eflags, ...ended },
    ...{ signal: [0, 0, 0], selectors: [c.ds, c.es, 0, 0] },
  };
  assert.deepEqual(answersStill(c, then, then, "AuthenticAMD"), []);
  const other = { ...then, registers: registers.map((v, i) => i ? v : v ^ 1) };
  assert.equal(answersStill(c, then, other, "").length, 1);
  const flag = { ...then, eflags: eflags ^ (c.followedFlags & -c.followedFlags) };
  assert.equal(answersStill(c, then, flag, "AuthenticAMD").length, 1);
  assert.deepEqual(answersStill(c, then, flag, ""), []);
});
