/** Counters over time, as charts. */
import uPlot from "uplot";
import type { CounterData } from "../../feeds.ts";
import { make } from "../dom.ts";
import type { MachineWorker } from "../machine.ts";
import type { Panel } from "../tabs.ts";

/** What is shown. */
const SECONDS = 60;
const HEIGHT = 150;

interface Series {
  label: string;
  colour: string;
  value(now: CounterData, before: CounterData, seconds: number): number;
}

interface Chart {
  id: string;
  title: string;
  series: Series[];
}

const rate = (key: "hypercalls" | "traps" | "events" | "instructions", scale = 1) =>
(
  now: CounterData,
  before: CounterData,
  seconds: number,
) => Math.max(0, (now[key] - before[key]) / seconds / scale);

const CHARTS: Chart[] = [
  {
    id: "instructions",
    title: "Million instructions a second",
    series: [{ label: "instructions", colour: "--series-1", value: rate("instructions", 1e6) }],
  },
  {
    id: "calls",
    title: "Per second",
    series: [
      { label: "hypercalls", colour: "--series-1", value: rate("hypercalls") },
      { label: "traps", colour: "--series-2", value: rate("traps") },
      { label: "events", colour: "--series-3", value: rate("events") },
    ],
  },
  {
    id: "memory",
    title: "MiB the guest has",
    series: [{ label: "memory", colour: "--series-1", value: (now) => now.frames / 256 }],
  },
  {
    id: "translations",
    title: "Ways into translated code",
    series: [{ label: "translations", colour: "--series-1", value: (now) => now.translations }],
  },
];

interface Drawn {
  chart: Chart;
  figure: HTMLElement;
  last: HTMLElement;
  plot: uPlot | null;
}

class CounterPanel implements Panel {
  readonly element: HTMLElement;
  readonly #drawn: Drawn[];
  readonly #width: HTMLElement;
  #samples: CounterData[] = [];
  /** Samples after which nothing was counted for a while: the lines have a gap there. */
  readonly #gaps = new WeakSet<CounterData>();

  constructor(private readonly machine: MachineWorker) {
    this.#drawn = CHARTS.map((chart) => {
      const last = make("span", { class: "count", id: `chart-${chart.id}-now` });
      const figure = make(
        "figure",
        { class: "chart", id: `chart-${chart.id}` },
        make("figcaption", {}, chart.title, " ", last),
      );
      return { chart, figure, last, plot: null };
    });
    this.#width = make("div", {
      class: "panel-body charts",
      tabindex: "0",
      role: "region",
      "aria-label": "Charts",
    });
    this.#width.append(...this.#drawn.map(({ figure }) => figure));
    this.element = make("div", { class: "panel" }, this.#width);
    new ResizeObserver(() => this.#resize()).observe(this.#width);
    document.addEventListener("themechange", () => this.#redraw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
  }

  shown(): void {
    this.machine.watch("counters");
  }

  hidden(): void {
    this.machine.unwatch("counters");
    // what happens meanwhile is not counted
    const last = this.#samples.at(-1);
    if (last) this.#gaps.add(last);
  }

  reset(): void {
    this.#samples = [];
  }

  fed(data: unknown): void {
    const sample = data as CounterData;
    this.#samples.push(sample);
    const oldest = sample.time - SECONDS * 1000;
    while (this.#samples[0].time < oldest) this.#samples.shift();
    if (this.#samples.length < 2) return;
    for (const drawn of this.#drawn) this.#draw(drawn);
  }

  #draw(drawn: Drawn): void {
    const { chart, last } = drawn;
    const columns = this.#columns(chart);
    drawn.plot ??= this.#plot(drawn, columns);
    drawn.plot.setData(columns);
    last.replaceChildren(...chart.series.flatMap(({ label, colour }, i) => {
      const values = columns[i + 1];
      const now = format(values[values.length - 1] ?? 0);
      if (chart.series.length === 1) return [now];
      const swatch = make("span", { class: "swatch", style: `background:var(${colour})` });
      return [make("span", {}, swatch, `${label} ${now}`), " "];
    }));
  }

  #columns(chart: Chart): uPlot.AlignedData {
    const samples = this.#samples;
    const end = samples[samples.length - 1].time;
    const times: number[] = [];
    const values: (number | null)[][] = chart.series.map(() => []);
    for (let i = 1; i < samples.length; i++) {
      const seconds = (samples[i].time - samples[i - 1].time) / 1000;
      if (seconds <= 0) continue;
      times.push((samples[i].time - end) / 1000);
      for (const [s, { value }] of chart.series.entries()) {
        values[s].push(
          this.#gaps.has(samples[i - 1]) ? null : value(samples[i], samples[i - 1], seconds),
        );
      }
    }
    return [times, ...values];
  }

  #plot({ chart, figure }: Drawn, data: uPlot.AlignedData): uPlot {
    const style = getComputedStyle(this.element);
    const colour = (name: string) => resolveColour(this.element, name);
    const axis = {
      stroke: colour("--quiet"),
      font: `11px ${style.fontFamily}`,
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    const options: uPlot.Options = {
      width: this.#plotWidth(),
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [-SECONDS, 0] },
        y: { range: (_, _min, max) => [0, Math.max(1, max * 1.1)] },
      },
      axes: [
        { ...axis, values: (_, ticks) => ticks.map((t) => `${t} s`), size: 26 },
        { ...axis, values: (_, ticks) => ticks.map(format), size: 52 },
      ],
      series: [
        {},
        ...chart.series.map(({ label, colour: name }) => ({
          label,
          stroke: colour(name),
          width: 1.5,
          points: { show: false },
        })),
      ],
    };
    return new uPlot(options, data, figure);
  }

  #plotWidth(): number {
    const style = getComputedStyle(this.#width);
    const columns = style.gridTemplateColumns.split(" ");
    return Math.max(120, parseFloat(columns[0]));
  }

  #resize(): void {
    if (this.#width.clientWidth === 0) return;
    for (const { plot } of this.#drawn) plot?.setSize({ width: this.#plotWidth(), height: HEIGHT });
  }

  /** The colours are another theme's now. */
  #redraw(): void {
    for (const drawn of this.#drawn) {
      drawn.plot?.destroy();
      drawn.plot = null;
    }
  }
}

/** The colour that a property of theme.css stands for: a canvas knows no light-dark(). */
function resolveColour(place: HTMLElement, property: string): string {
  const probe = make("span", { style: `color:var(${property})`, hidden: true });
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function format(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)} M`;
  if (n >= 1e4) return `${Math.round(n / 1e3)} k`;
  return n >= 100 || Number.isInteger(n) ? String(Math.round(n)) : n.toFixed(1);
}

export const create = (machine: MachineWorker): Panel => new CounterPanel(machine);
