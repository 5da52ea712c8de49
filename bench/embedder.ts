/**
 * `deno task bench:embedder [NAME…] [--seconds N]`
 *
 * How long guests keep the embedding program's timers waiting: a timer is due each millisecond, while guests run at full
 * speed, are translated, call the hypervisor, are built and destroyed. Shown are the milliseconds between two firings: by the
 * clock, which has other programs' work in it, and by what this thread itself computed meanwhile (Linux only), which
 * the library answers for. Guests give way after a millisecond, and what comes in between are pieces of less; what is
 * longer is the engine's (it compiles code that is met first, and collects garbage).
 *
 * Then how long what comes from outside waits while guests compute (messages.ts), and a timer's event in a guest (waits.ts).
 */
import { parseArgs } from "node:util";
import { createMachine, loadGuest, loadModule } from "../mod.ts";
import { threadTime } from "./thread_time.ts";
import { echoWaits, messageWaits } from "./messages.ts";
import { timerWaits } from "./waits.ts";

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

/** A guest that is busy from its first instruction on: found hot, translated, put in place. */
function warming(name: string, typed: string) {
  return async (begin: () => void) => {
    await using machine = await createMachine({ module });
    const domain = await machine.addDomain(guest(name), { memory: 16 });
    void domain.console.send(new TextEncoder().encode(typed.repeat(50)));
    begin();
    await pause(SECONDS * 1000);
  };
}

/** A guest that is busy, while another domain is made, destroyed, and made once more of the same memory. */
function made(mib: number, ramdiskMib: number, times = 2) {
  const ramdisk = new Uint8Array(ramdiskMib << 20).fill(1);
  return async (begin: () => void) => {
    await using machine = await createMachine({ module });
    await machine.addDomain(guest("spin"), { memory: 8 });
    await pause(WARM);
    begin();
    for (let n = 0; n < times; n++) {
      await using _domain = await machine.addDomain(guest("spin"), { memory: mib, ramdisk });
      await pause(200);
    }
  };
}

/** A guest that is busy, while another domain is destroyed. */
function destroyed(mib: number) {
  return async (begin: () => void) => {
    await using machine = await createMachine({ module });
    await machine.addDomain(guest("spin"), { memory: 8 });
    const domain = await machine.addDomain(guest("spin"), { memory: mib });
    await pause(WARM);
    begin();
    machine.destroyDomain(domain);
    await pause(500);
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
  "skiff while it is translated": warming("skiff", "bench -m\n"),
  "hypercalls": busy("hypercall-loop", 1, true),
  "a domain of 64 MiB": made(64, 0),
  "a domain of 1 GiB": made(1024, 0),
  "a machine that grows past 2 GiB": made(2200, 0, 1),
  "a ramdisk of 128 MiB": made(256, 128),
  "64 MiB destroyed": destroyed(64),
  "2 GiB destroyed": destroyed(2000),
};

const chosen = positionals.length > 0
  ? Object.keys(SCENARIOS).filter((name) => positionals.some((part) => name.includes(part)))
  : Object.keys(SCENARIOS);

const show = (values: number[], part: number, digits = 1) => {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
  return (value ?? 0).toFixed(digits).padStart(8);
};
/** Two times three columns. */
const row = (name: string, wall: number[], own: number[]) => {
  const columns = [wall, own].flatMap((gaps) => [0.5, 0.99, 1].map((part) => show(gaps, part)));
  console.log(`${name.padEnd(34)}${columns.join(" ")}`);
};
const head = (what: string) => {
  console.log(`${what.padEnd(38)} by the clock                 this thread's own`);
  console.log(`${" ".repeat(36)}median     99 %  longest   median     99 %  longest`);
};

head("ms between firings of a timer");
for (const name of chosen) {
  const { wall, own } = await watch(SCENARIOS[name]);
  row(name, wall, own);
}

if (positionals.length === 0) {
  console.log("\nms of waiting while a guest computes     median     99 %  longest");
  const waiting = {
    ...await messageWaits(SECONDS, module),
    "typed and echoed, interpreted": await echoWaits(SECONDS, module, false),
    "typed and echoed, translated": await echoWaits(SECONDS, module, true),
  };
  for (const [name, waits] of Object.entries(waiting)) {
    console.log(
      `${name.padEnd(38)}${[0.5, 0.99, 1].map((part) => show(waits, part, 2)).join(" ")}`,
    );
  }

  console.log();
  head("µs that a timer's event waits");
  const computing = {
    "in a guest, translated": { jit: true },
    "in a guest, interpreted": { jit: false },
    "with two more guests": { jit: true, others: 2 },
  };
  for (const [name, options] of Object.entries(computing)) {
    const [wall, own] = [
      await timerWaits(SECONDS, { ...options, module, own: false }),
      await timerWaits(SECONDS, { ...options, module, own: true }),
    ];
    row(name, wall.map((ns) => ns / 1000), own.map((ns) => ns / 1000));
  }
}
