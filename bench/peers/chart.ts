/** The peers' times as bars: times native by kernel and engine, on a logarithmic scale, as SVG. */
import { compile, type TopLevelSpec } from "vega-lite";
import { parse, View } from "vega";
import { COMPUTE } from "../reference.ts";

/** One bar. */
export interface Bar {
  kernel: string;
  engine: string;
  /** Times as long as the processor took. */
  ratio: number;
}

/** @returns an SVG document */
export async function chart(bars: Bar[], engines: string[]): Promise<string> {
  const spec: TopLevelSpec = {
    title: "Times native (warm, less is better)",
    data: { values: bars.map((bar) => ({ ...bar })) },
    mark: { type: "bar", tooltip: false },
    width: { step: 9 },
    height: 240,
    encoding: {
      x: { field: "kernel", type: "nominal", sort: [...COMPUTE, "mean"], title: null },
      xOffset: { field: "engine", sort: engines },
      y: {
        field: "ratio",
        type: "quantitative",
        scale: { type: "log", base: 2 },
        title: "times native",
      },
      color: { field: "engine", type: "nominal", sort: engines, title: null },
    },
    config: { view: { stroke: null }, legend: { orient: "bottom" } },
  };
  return await new View(parse(compile(spec).spec), { renderer: "none" }).toSVG();
}
