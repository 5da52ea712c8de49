/**
 * `deno task bench:embedder [NAME…] [--seconds N]`
 *
 * How long guests keep the embedding program's timers waiting: a timer is due each millisecond, while guests run at full
 * speed, call the hypervisor, are built and destroyed. Shown are the milliseconds between two firings: by the clock,
 * which has other programs' work in it, and by what this thread itself computed meanwhile (Linux only), which
 * the library answers for. Guests give way after 4 ms, and what comes in between are pieces of one or two; what is
 * longer is the engine's (it compiles code that is met first, and collects garbage).
 */
import { parseArgs } from "node:util";
import { createMachine, loadGuest, loadModule } from "../mod.ts";
import { threadTime } from "./thread_time.ts";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { seconds: { type: "string", default: "3" } },
});
const SECONDS = Number(values.seconds);
/** Milliseconds until a guest is at full speed, and its hot code translated. */
const WARM = 1500;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Gaps {
  wall: number[];
  own: number[];
}

/** Milliseconds between firings of a timer, from when `begin` is called to the end of the work. */
async function watch(work: (begin: () => void) => Promise<void>): Promise<Gaps> {
  const gaps: Gaps = { wall: [], own: [] };
  let timer: ReturnType<typeof setInterval> | undefined;
  await work(() => {
    let [lastWall, lastOwn] = [performance.now(), threadTime()];
    timer = setInterval(() => {
      const [nowWall, nowOwn] = [performance.now(), threadTime()];
      gaps.wall.push(nowWall - lastWall);
      gaps.own.push(nowOwn - lastOwn);
      [lastWall, lastOwn] = [nowWall, nowOwn];
    }, 1);
  });
  clearInterval(timer);
  return gaps;
}

const module = await WebAssembly.compile(await loadModule());
const guests = new Map<string, Uint8Array>();
for (const name of ["spin", "skiff", "hypercall-loop"]) guests.set(name, (await loadGuest(name))!);
const guest = (name: string) => guests.get(name)!;

/** Guests that are busy all the time. */
function busy(name: string, count: number, jit: boolean, typed = "") {
  return async (begin: () => void) => {
    await using machine = await createMachine({ module, jit });
    for (let n = 0; n < count; n++) {
      const domain = await machine.addDomain(guest(name), { memory: 16 });
      void domain.console.send(new TextEncoder().encode(typed.repeat(50)));
    }
    await pause(WARM);
    begin();
    await pause(SECONDS * 1000);
  };
}

/** A guest that is busy, while another domain is made, destroyed, and made once more of the same memory. */
function made(mib: number, ramdiskMib: number) {
  const ramdisk = new Uint8Array(ramdiskMib << 20).fill(1);
  return async (begin: () => void) => {
    await using machine = await createMachine({ module });
    await machine.addDomain(guest("spin"), { memory: 8 });
    await pause(WARM);
    begin();
    for (let n = 0; n < 2; n++) {
      await using _domain = await machine.addDomain(guest("spin"), { memory: mib, ramdisk });
      await pause(200);
    }
  };
}

const SCENARIOS: Record<string, (begin: () => void) => Promise<void>> = {
  "nothing": (begin) => (begin(), pause(SECONDS * 1000)),
  "spin, interpreted": busy("spin", 1, false),
  "spin, translated": busy("spin", 1, true),
  "spin, four of them": busy("spin", 4, true),
  "skiff measuring, interpreted": busy("skiff", 1, false, "bench -m\n"),
  "skiff measuring, translated": busy("skiff", 1, true, "bench -m\n"),
  "skiff measuring, three of them": busy("skiff", 3, true, "bench -m\n"),
  "hypercalls": busy("hypercall-loop", 1, true),
  "a domain of 64 MiB": made(64, 0),
  "a domain of 1 GiB": made(1024, 0),
  "a ramdisk of 128 MiB": made(256, 128),
};

const chosen = positionals.length > 0
  ? Object.keys(SCENARIOS).filter((name) => positionals.some((part) => name.includes(part)))
  : Object.keys(SCENARIOS);

const show = (gaps: number[], part: number) => {
  const sorted = gaps.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return (value ?? 0).toFixed(1).padStart(8);
};
console.log(
  "ms between firings of a timer          by the clock                 this thread's own",
);
console.log(
  "                                    median     99 %  longest   median     99 %  longest",
);
for (const name of chosen) {
  const { wall, own } = await watch(SCENARIOS[name]);
  const columns = [wall, own].flatMap((gaps) => [0.5, 0.99, 1].map((part) => show(gaps, part)));
  console.log(`${name.padEnd(34)}${columns.join(" ")}`);
}
