/**
 * Runs guests of random code, one after another, and says after each how it went. In a worker, because
 * a guest that the core never came back from could be stopped in no other way.
 */
import { createMachine } from "../../mod.ts";
import { randomGuest } from "./random_code.ts";

/** What the worker is told, and what it says. */
export interface Order {
  first: number;
  count: number;
}
export type Report = { seed: number } | { seed: number; problem: string } | "done";

const scope = self as unknown as {
  onmessage: (e: MessageEvent<Order>) => void;
  postMessage(m: Report): void;
};

/** Slices that a guest is given. */
const SLICES = 20;
const INSTRUCTIONS = 20_000;

async function run(seed: number): Promise<string> {
  const machine = await createMachine({ time: "virtual", log: () => {} });
  // every fourth by the rules of 2007: its segments have limits
  const options = { xen32_limits: seed % 4 === 0 };
  const domain = await machine.addDomain(randomGuest(seed), { memory: 4, options });
  const { exports } = machine.core;
  // the host's own hold on the two ring frames is in no table that audit could count
  const held = exports.audit(domain.id);
  let time = 0n;
  for (let i = 0; i < SLICES; i++) {
    exports.machine_run(time, INSTRUCTIONS);
    time += BigInt(INSTRUCTIONS);
  }
  const wrong = exports.audit(domain.id);
  machine.destroyDomain(domain);
  machine.stop();
  return wrong > held ? `audit finds ${wrong - held} wrong counts` : "";
}

scope.onmessage = async ({ data: { first, count } }) => {
  for (let seed = first; seed < first + count; seed++) {
    scope.postMessage({ seed });
    let problem = "";
    try {
      problem = await run(seed);
    } catch (e) {
      problem = `${(e as Error).stack}`;
    }
    if (problem) scope.postMessage({ seed, problem });
  }
  scope.postMessage("done");
};
