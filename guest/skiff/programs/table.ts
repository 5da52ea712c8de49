// All programs.

import { addressOf, table } from "../../asm/mod.ts";
import { bench } from "./bench.ts";
import { fault } from "./fault.ts";
import type { Program } from "./lib.ts";
import { probes } from "./probes.ts";
import { reports } from "./reports.ts";
import { shell } from "./sh.ts";
import { small } from "./small.ts";

export const programs: readonly Program[] = [
  shell,
  ...reports,
  ...small,
  fault,
  bench,
  ...probes,
];

/** Three words for each: name, where it starts, what it is for (empty: nothing for a prompt). */
export const programTable = table(
  "programs",
  () => programs.flatMap((p) => [p.name, addressOf(p.start.label), p.help]),
);
