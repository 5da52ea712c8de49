/** Runs guests of random code where one that the core never comes back from can be stopped. */
import type { Order, Report } from "./random_code_worker.ts";

/** No guest of a few hundred thousand instructions takes this long: the core hangs. */
const PATIENCE = 30_000;

/** Runs guests in a worker; returns what was wrong, "" if nothing. */
export function runGuests(first: number, count: number): Promise<string> {
  const url = new URL("./random_code_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  return new Promise((resolve) => {
    let seed = first;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const end = (problem: string) => {
      clearTimeout(timer);
      worker.terminate();
      resolve(problem);
    };
    const rearm = () => {
      clearTimeout(timer);
      timer = setTimeout(() => end(`seed ${seed}: a slice does not end`), PATIENCE);
    };
    worker.onmessage = ({ data }: MessageEvent<Report>) => {
      if (data === "done") return end("");
      seed = data.seed;
      rearm();
      if ("problem" in data) end(`seed ${data.seed}: ${data.problem}`);
    };
    rearm();
    worker.postMessage({ first, count } satisfies Order);
  });
}
