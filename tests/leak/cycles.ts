/**
 * A process that makes and ends one thing again and again, and says what memory it holds. To be run with
 * --v8-flags=--expose-gc, and alone: all it holds is counted.
 *
 *     cycles.ts machines|domains|turns CYCLES EVERY
 *
 * Prints a line of JSON each EVERY cycles: how many there were, and what is resident, in MiB.
 */
import process from "node:process";
import { nextTurn } from "../../core/host/turn.ts";
import { createMachine, loadGuest, loadModule, type Machine } from "../../mod.ts";

const [what, cycles, every] = [Deno.args[0], Number(Deno.args[1]), Number(Deno.args[2])];
/** Cycles of which one has its guest's code translated, which takes a worker. */
const TRANSLATED = 50;

const module = await WebAssembly.compile(await loadModule());
const quick = (await loadGuest("exit-7"))!;
const busy = (await loadGuest("spin"))!;
const collect = (globalThis as unknown as { gc: () => void }).gc;

/** Boots a guest with all that a program may ask of it, and destroys it when it has ended. */
async function life(machine: Machine): Promise<void> {
  const { signal } = new AbortController();
  const unsubscribe = machine.subscribe({ kinds: ["hypercall"], signal }, () => {});
  const domain = await machine.addDomain(quick, {
    memory: 8,
    ramdisk: new Uint8Array(4096),
    signal,
  });
  void domain.console.send(new Uint8Array(10));
  let said = 0;
  for await (const bytes of domain.console.readable) said += bytes.length;
  const { code } = await domain.wait({ signal });
  if (code !== 7) throw new Error(`the guest said ${said} bytes and ended with ${code}`);
  unsubscribe();
  domain.destroy();
}

/** Keeps a machine busy until code of its guest is translated. */
async function translated(machine: Machine): Promise<void> {
  await using _domain = await machine.addDomain(busy, { memory: 8 });
  await new Promise<void>((done) => machine.subscribe({ kinds: ["jit"] }, () => done()));
}

/** MiB that are resident once what nobody holds is collected. */
async function resident(): Promise<number> {
  for (let n = 0; n < 3; n++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return process.memoryUsage().rss / 2 ** 20;
}

/** Of machines, each for itself; domains of one machine; turns given to the event loop, as busy guests do. */
const CYCLES: Record<string, (n: number) => Promise<void>> = {
  async machines(n) {
    await using machine = await createMachine({ module });
    await life(machine);
    if (n % TRANSLATED === 0) await translated(machine);
  },
  async domains(n) {
    await life(shared);
    if (n % TRANSLATED === 0) await translated(shared);
  },
  turns: nextTurn,
};

await using shared = await createMachine({ module });
for (let n = 1; n <= cycles; n++) {
  await CYCLES[what](n);
  if (n % every === 0) console.log(JSON.stringify({ cycles: n, resident: await resident() }));
}
