/** How close we come to the recorded processors in functions that each computes in its own way. */
import { APPROXIMATE, unitsApart } from "../approximations.ts";
import { EXIT_FAULT } from "../layout.ts";
import type { GuestWorld } from "../run.ts";
import { FX_XMM } from "../vector_values.ts";
import { bySlots } from "./cases.ts";
import { Recording } from "./file.ts";
import { play } from "./play.ts";

/** One instruction: its cases that came to a result, how many of these are the processor's bit for bit. */
export interface Exactness {
  name: string;
  cases: number;
  exact: number;
  /** Units in the last place, at most; -1 of estimates, for which the manual has another bound. */
  apart: number;
}

/** Compares approximate functions' results with those recorded of a maker's processor. */
export async function exactness(world: GuestWorld, maker: string): Promise<Exactness[]> {
  const found = new Map<string, Exactness>();
  const fit = { stale: [], gone: [], missing: [] };
  for (const played of play(Recording.of(maker), fit, (key) => APPROXIMATE.test(key))) {
    for (const portion of bySlots(played)) {
      const ours = await world.run(portion.map(({ c }) => c));
      portion.forEach(({ c, recorded }, i) => {
        if (recorded.exit >= EXIT_FAULT) return;
        const name = APPROXIMATE.exec(c.form)![0];
        const e = found.get(name) ?? { name, cases: 0, exact: 0, apart: 0 };
        found.set(name, e);
        e.cases++;
        const estimate = /ss|ps/.test(name);
        const units = Number(unitsApart(recorded.fx, ours[i].fx));
        const same = estimate ? sameVectors(recorded.fx, ours[i].fx) : units === 0;
        if (same) e.exact++;
        e.apart = estimate ? -1 : Math.max(e.apart, units);
      });
    }
  }
  return [...found.values()].sort((a, b) => a.name < b.name ? -1 : 1);
}

function sameVectors(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = FX_XMM; i < FX_XMM + 128; i++) if (a[i] !== b[i]) return false;
  return true;
}
