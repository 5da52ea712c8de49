/**
 * `deno task soak [--seconds N] [--domains N] [--json]`: the load of load.ts for ten minutes, or as long
 * as is said. Prints what was done, or the whole report as JSON; the exit status is 1 if anything was lost.
 */
import { faults, load, spread } from "./load.ts";

const value = (flag: string, otherwise: number) => {
  const at = Deno.args.indexOf(flag);
  const n = at < 0 ? otherwise : Number(Deno.args[at + 1]);
  if (n > 0) return n;
  console.error(`usage: deno task soak [--seconds N] [--domains N] [--json]`);
  Deno.exit(1);
};
const seconds = value("--seconds", 600), domains = value("--domains", 64);

let shown = 0;
const report = await load({
  domains,
  seconds,
  churn: true,
  progress: (text) => {
    if (performance.now() - shown < 10_000) return;
    shown = performance.now();
    console.error(`${(shown / 1000).toFixed(0).padStart(5)} s: ${text}`);
  },
});
const found = faults(report);
const status = found.length === 0 ? 0 : 1;
if (Deno.args.includes("--json")) {
  console.log(JSON.stringify(report));
  Deno.exit(status);
}
const sum = (of: (guest: typeof report.guests[number]) => number) =>
  report.guests.reduce((total, guest) => total + of(guest), 0);
const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
console.log(
  `${domains} domains, ${seconds} s, first lines after ${report.firstLines.toFixed(0)} ms`,
);
console.log(
  `exchanges   ${sum((guest) => guest.answered)}, furthest from the mean ${
    percent(spread(report.guests.map((guest) => guest.answered)))
  }`,
);
console.log(
  `lines       ${sum((guest) => guest.echoed)}, furthest from the mean ${
    percent(spread(report.guests.map((guest) => guest.echoed)))
  }`,
);
console.log(
  `resident    ${report.residentAtStart.toFixed(0)} MiB at the start, ${
    report.residentAtEnd.toFixed(0)
  } MiB at the end`,
);
console.log(`came, went  ${report.pairs} pairs of other guests`);
for (const fault of found.slice(0, 20)) console.log(`FAULT ${fault}`);
console.log(found.length === 0 ? "nothing lost" : `${found.length} faults`);
Deno.exit(status);
