/** The peers' times as text, and as bars for a chart. */
import { COMPUTE } from "../reference.ts";
import type { Bar } from "./chart.ts";
import { meanRatio, type Times } from "./results.ts";

const WIDTH = 18;
const NATIVE = "native";
const OURS = "Paravane";

function cell(text: string): string {
  return text.padStart(WIDTH);
}

/** Seconds, and the ratio to the processor's in brackets. */
function time(seconds: number | undefined, base: number | undefined): string {
  if (seconds === undefined) return cell("-");
  const ratio = base === undefined ? "" : ` (${(seconds / base).toFixed(2)})`;
  return cell(seconds.toFixed(4) + ratio);
}

function ratio(n: number | null): string {
  return cell(n === null ? "-" : n.toFixed(2));
}

function block(all: ReadonlyMap<string, Times>, which: "warm" | "cold"): string[] {
  const base = all.get(NATIVE)?.[which] ?? {};
  const engines = [...all];
  const kernels = COMPUTE.filter((k) => engines.some(([, t]) => k in t[which]));
  if (!kernels.length) return [`${which}: no round of that kind was run`, ""];
  const line = (name: string, cells: string[]) => name.padEnd(22) + cells.join("");
  const mean = (other: string) =>
    line(
      `geometric mean ÷ ${other}`.slice(0, 30),
      engines.map(([, t]) => ratio(meanRatio(t[which], all.get(other)?.[which] ?? {}))),
    );
  return [
    line(`${which}, s (÷ native)`, engines.map(([name]) => cell(name))),
    ...kernels.map((k) => line(k, engines.map(([, t]) => time(t[which][k], base[k])))),
    ...engines.map(([name]) => name).filter((name) => name !== OURS).map(mean),
    "",
  ];
}

/** Both tables, warm and cold, and the memory each engine kept. */
export function table(all: ReadonlyMap<string, Times>): string {
  const memory = [...all].filter(([, t]) => t.residentMib !== null)
    .map(([name, t]) => `${name} ${t.residentMib!.toFixed(0)} MiB`);
  return [
    ...block(all, "warm"),
    ...block(all, "cold"),
    "Means are without movsd, one instruction that any engine copies by.",
    `Resident at the end: ${memory.join(", ")}`,
  ].join("\n");
}

/** The warm ratios to native, with each engine's mean, and the engines in order. */
export function bars(all: ReadonlyMap<string, Times>): [Bar[], string[]] {
  const base = all.get(NATIVE)?.warm ?? {};
  const engines = [...all.keys()].filter((name) => name !== NATIVE);
  const list = engines.flatMap((engine) => {
    const { warm } = all.get(engine)!;
    const mean = meanRatio(warm, base);
    return [
      ...COMPUTE.filter((k) => k in warm && k in base)
        .map((kernel) => ({ kernel, engine, ratio: warm[kernel] / base[kernel] })),
      ...mean === null ? [] : [{ kernel: "mean", engine, ratio: mean }],
    ];
  });
  return [list, engines];
}
