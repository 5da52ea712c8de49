/** What waits to be translated is built in batches, one after the other, while guests run. */
import assert from "node:assert/strict";
import { createMachine, loadGuest } from "paravane";
import type { Builder, Built } from "../../jit/translator/builder.ts";
import { DirectBuilder } from "../../jit/translator/direct.ts";
import { Translator, type TranslatorCore } from "../../jit/translator/mod.ts";
import type { RegionBlock } from "../../jit/translator/region.ts";

const MOST = 3;

/** Builds when it is told to. */
class SlowBuilder implements Builder {
  readonly most = MOST;
  readonly sizes: number[] = [];
  #waiting: (() => void) | null = null;

  build(regions: RegionBlock[][], built: Built): void {
    assert.equal(this.#waiting, null, "one batch at a time");
    this.sizes.push(regions.length);
    this.#waiting = () => new DirectBuilder().build(regions, built);
  }

  /** @returns whether there was something to build */
  finish(): boolean {
    const build = this.#waiting;
    this.#waiting = null;
    build?.();
    return build !== null;
  }

  stop(): void {}
}

Deno.test("no batch has more regions than its builder takes, and all that waited are built", async () => {
  const machine = await createMachine({ time: "virtual", jit: "off" });
  machine.stop(); // its own loop would run the guest
  const domain = await machine.addDomain((await loadGuest("skiff"))!, { memory: 16, paused: true });
  machine.core.exports.domain_unpause(domain.id);
  const builder = new SlowBuilder();
  const core = machine.core.exports as unknown as TranslatorCore;
  const translator = new Translator(core, { hot: 1, everything: true, builder });
  // while the first is built, all that the guest has met comes to wait
  for (let n = 0; n < 200; n++) {
    machine.core.exports.machine_run(BigInt(n) * 2000n, 2000);
    translator.sample();
  }
  while (builder.finish());
  assert.equal(translator.failure, "");
  assert.ok(builder.sizes.length > 5, `${builder.sizes}`);
  assert.ok(builder.sizes.every((size) => size <= MOST), `${builder.sizes}`);
  // but for what was overwritten meanwhile, or is inside another
  const asked = builder.sizes.reduce((a, b) => a + b);
  assert.ok(
    translator.regions().length > asked * 0.8,
    `${translator.regions().length} of ${asked}`,
  );
  translator.stop();
});
