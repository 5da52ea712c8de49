/** The second tier: what is optimised, when its answer is too late, and that a machine has it in a worker. */
import assert from "node:assert/strict";
import binaryen from "binaryen";
import { type Candidate, SecondTier } from "../../jit/optimiser/tier.ts";
import type { Builder, Built } from "../../jit/translator/builder.ts";
import { DirectBuilder } from "../../jit/translator/direct.ts";
import { Translator, type TranslatorCore } from "../../jit/translator/mod.ts";
import type { RegionBlock } from "../../jit/translator/region.ts";
import { createMachine, loadGuest } from "../../mod.ts";
import { BASE, Bytes, CODE, guestImage } from "../guests/random_code.ts";

const nobody: Builder = { build: () => assert.fail(), stop: () => {} };

/** A region of one block with so many instructions; they are only counted. */
const region = (instructions: number): Candidate => ({
  blocks: [{ instructions: new Array(instructions) } as unknown as RegionBlock],
});

function tier(
  many: number,
): { tier: SecondTier<Candidate>; meet: (r: Candidate, n: number) => void } {
  const tier = new SecondTier<Candidate>({ builder: nobody, many });
  const meet = (r: Candidate, n: number) => {
    for (; n > 0; n--) {
      tier.sliced();
      tier.met(r);
    }
  };
  return { tier, meet };
}

Deno.test("the second tier takes what slices end in often, once, and again when it has been built anew", () => {
  const { tier: second, meet } = tier(10);
  const hot = region(5);
  meet(hot, 20);
  assert.deepEqual(second.take(), [], "it is not in place");
  second.placed(hot);
  meet(hot, 9);
  assert.deepEqual(second.take(), []);
  meet(hot, 2);
  assert.deepEqual(second.take(), [hot]);
  meet(hot, 20);
  assert.deepEqual(second.take(), [], "it is optimised already");
  const grown = hot as { blocks: RegionBlock[] };
  grown.blocks = region(6).blocks;
  meet(hot, 20);
  assert.deepEqual(second.take(), [], "what has grown is not in place");
  second.placed(hot);
  meet(hot, 11);
  assert.deepEqual(second.take(), [hot]);
});

Deno.test("the second tier leaves what is seldom run, is too large, or has grown while it waited", () => {
  const { tier: second, meet } = tier(10);
  const [rare, large, grows] = [region(5), region(5000), region(5)];
  for (const r of [rare, large, grows]) second.placed(r);
  for (let n = 0; n < 100; n++) {
    meet(rare, 1);
    for (let other = 0; other < 2000; other++) second.sliced();
  }
  meet(large, 100);
  meet(grows, 11);
  (grows as { blocks: RegionBlock[] }).blocks = region(5).blocks;
  assert.deepEqual(second.take(), []);
});

Deno.test("the second tier builds modules of bounded size", () => {
  const { tier: second, meet } = tier(1);
  const all = Array.from({ length: 10 }, () => region(500));
  for (const r of all) {
    second.placed(r);
    meet(r, 2);
  }
  const taken: Candidate[] = [];
  for (let some = second.take(); some.length; some = second.take()) {
    assert.ok(some.length <= 2);
    taken.push(...some);
  }
  assert.deepEqual(taken, all);
});

/** Adds for ever. */
function looping(): Uint8Array {
  return guestImage((image) => {
    const b = new Bytes(image, CODE - BASE);
    const top = b.at;
    b.put(0x40); // inc eax
    b.put(0x01, 0xc3); // add ebx, eax
    b.put(0xe9).dword(top - (b.at + 4));
  });
}

/** Builds when it is told to. */
class LateBuilder implements Builder {
  readonly asked: { answer: () => void; fail: (problem: string) => void }[] = [];
  stopped = false;
  build(regions: RegionBlock[][], built: Built): void {
    this.asked.push({
      answer: () => new DirectBuilder(false, binaryen).build(regions, built),
      fail: (problem) => built(null, problem, 0),
    });
  }
  stop(): void {
    this.stopped = true;
  }
}

async function looper() {
  const machine = await createMachine({ time: "virtual", jit: "off" });
  machine.stop(); // its own loop would run the guest
  const domain = await machine.addDomain(looping(), { memory: 4, paused: true });
  machine.core.exports.domain_unpause(domain.id);
  const late = new LateBuilder();
  const lines: string[] = [];
  const real = machine.core.exports as unknown as TranslatorCore;
  let dropped = 0;
  const code_generation = () => real.code_generation() + dropped;
  const core: TranslatorCore = { ...real, code_generation };
  const translator = new Translator(core, {
    hot: 1,
    builder: new DirectBuilder(),
    second: { builder: late, many: 2 },
    tell: (line) => lines.push(line),
  });
  let time = 0n;
  const slice = () => {
    machine.core.exports.machine_run(time, 1000);
    time += 1000n;
    translator.sample();
  };
  for (let n = 0; n < 5; n++) slice();
  assert.equal(late.asked.length, 1, lines.join("\n"));
  const drop = () => void dropped++;
  return { translator, late, lines, slice, drop };
}

Deno.test("an optimised region takes the place of its former self, and guests go on", async () => {
  const { translator, late, lines, slice } = await looper();
  assert.deepEqual(translator.regions().map((r) => r.optimised), [false]);
  late.asked[0].answer();
  assert.deepEqual(translator.regions().map((r) => r.optimised), [true]);
  assert.match(lines.at(-1)!, /^optimised the region at [0-9a-f]+: /);
  for (let n = 0; n < 20; n++) slice();
  assert.equal(late.asked.length, 1, "once is enough");
});

Deno.test("an optimised region that comes when all code was dropped is not put in place", async () => {
  const { translator, late, slice, drop } = await looper();
  drop();
  slice(); // the translator has forgotten all, and perhaps met it anew
  const before = translator.regions().map((r) => r.optimised);
  late.asked[0].answer();
  assert.deepEqual(translator.regions().map((r) => r.optimised), before);
  assert.ok(!before.includes(true));
});

Deno.test("where optimising fails the first tier goes on alone", async () => {
  const { translator, late, lines, slice } = await looper();
  late.asked[0].fail("no such thing\nat line 1");
  assert.equal(lines.at(-1), "regions are optimised no more: no such thing");
  assert.ok(late.stopped);
  for (let n = 0; n < 20; n++) slice();
  assert.equal(late.asked.length, 1);
  assert.equal(translator.failure, "");
  assert.deepEqual(translator.regions().map((r) => r.optimised), [false]);
});

/** Runs a guest that is busy until something was optimised, if ever. */
async function hog(jit: "on" | "quick", seconds: number): Promise<string[]> {
  await using machine = await createMachine({ jit });
  const lines: string[] = [];
  const optimised = Promise.withResolvers<void>();
  machine.translation.listen((line) => {
    lines.push(line);
    if (/optimised/.test(line)) optimised.resolve();
  });
  const domain = await machine.addDomain((await loadGuest("skiff"))!, { memory: 16 });
  await domain.console.writable.getWriter().write(
    new TextEncoder().encode(`hog ${seconds}\nhalt\n`),
  );
  await Promise.race([optimised.promise, domain.shutdown]);
  return lines;
}

Deno.test("a machine has its hottest regions optimised in a worker, unless told to be quick", async () => {
  const lines = await hog("on", 300);
  assert.match(lines.at(-1)!, /^optimised the region at /, lines.join("\n"));
  const quick = await hog("quick", 2);
  assert.ok(quick.length > 0);
  assert.deepEqual(quick.filter((line) => /optimised/.test(line)), []);
});
