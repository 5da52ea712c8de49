/**
 * A process that has random guests' code translated with room for a few regions only, and says what is alive of the
 * translations it has made. To be run with --v8-flags=--expose-gc, and alone: all instances that it makes are counted.
 *
 *     translations.ts SEED…
 *
 * Prints two lines of JSON for each guest, before and after all its decoded code was dropped: {@link Alive}.
 */
import { randomNumbers } from "../guests/random_code.ts";
import { pagesGuest } from "../translator/pages.ts";
import { createMachine } from "../../mod.ts";
import { DirectBuilder } from "../../jit/translator/direct.ts";
import { Translator, type TranslatorCore } from "../../jit/translator/mod.ts";

/** What a guest's translator has made, and what is there still. */
export interface Alive {
  /** Regions that are in place. */
  regions: number;
  /** Lists of a region's blocks that were built, and those that are reachable. */
  built: number;
  blocks: number;
  /** Modules that were put in place, and those whose functions are reachable. */
  placed: number;
  instances: number;
}

/** Bytes of modules. */
const ROOM = 8_000;
const SLICES = 300;
/** In a slice, at most. */
const INSTRUCTIONS = 2000;

const collect = (globalThis as unknown as { gc: () => void }).gc;

/** Counts which of many things are reachable. */
class Census {
  ever = 0;
  #all: WeakRef<object>[] = [];

  add(thing: object): void {
    this.ever++;
    this.#all.push(new WeakRef(thing));
  }

  get reachable(): number {
    this.#all = this.#all.filter((thing) => thing.deref());
    return this.#all.length;
  }
}

let blocks = new Census(), instances = new Census();
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, [module, imports]) {
    const instance = new target(module, imports);
    instances.add(instance);
    return instance;
  },
});

/** What there is once what nobody holds is collected. */
async function alive(translator: Translator): Promise<Alive> {
  for (let n = 0; n < 3; n++) {
    // what a weak reference gave is held until the end of that turn of the event loop
    await new Promise((resolve) => setTimeout(resolve, 0));
    collect();
  }
  return {
    regions: translator.regions().length,
    built: blocks.ever,
    blocks: blocks.reachable,
    placed: instances.ever,
    instances: instances.reachable,
  };
}

async function live(image: Uint8Array): Promise<void> {
  const machine = await createMachine({ time: "virtual", jit: "off" });
  machine.stop(); // its own loop would run the guest
  const domain = await machine.addDomain(image, { memory: 4, paused: true });
  machine.core.exports.domain_unpause(domain.id);
  [blocks, instances] = [new Census(), new Census()];
  const direct = new DirectBuilder();
  const translator = new Translator(machine.core.exports as unknown as TranslatorCore, {
    hot: 1,
    exits: 1,
    alike: 1,
    memory: ROOM,
    builder: {
      build(regions, built) {
        for (const region of regions) blocks.add(region);
        direct.build(regions, built);
      },
      stop() {},
    },
  });
  const length = randomNumbers(1);
  let time = 0n;
  for (let n = 0; n < SLICES; n++) {
    const instructions = 1 + length(INSTRUCTIONS);
    machine.core.exports.machine_run(time, instructions);
    time += BigInt(instructions);
    translator.sample();
  }
  console.log(JSON.stringify(await alive(translator)));
  (machine.core.exports as unknown as { code_drop(): void }).code_drop();
  translator.sample();
  console.log(JSON.stringify(await alive(translator)));
  if (translator.failure) throw new Error(translator.failure);
}

// the code of these is overwritten and mapped elsewhere, so that regions change their shape as they grow
for (const seed of Deno.args) await live(pagesGuest(Number(seed)));
