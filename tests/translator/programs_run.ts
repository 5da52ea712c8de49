/** Many programs, interpreted and translated in lockstep, on two threads. */
import type { Compared } from "./lockstep_programs.ts";
import type { ProgramsRequest } from "./programs_worker.ts";

const THREADS = 2;

type Answer = "ready" | "done" | { seed: number; compared: Compared };

/**
 * Compares guests.
 *
 * @param programs how many there are in each
 * @param told is told of each guest
 */
export async function comparePrograms(
  seeds: number[],
  programs: number,
  told: (seed: number, compared: Compared) => void,
): Promise<void> {
  const part = async (thread: number) => {
    const request: ProgramsRequest = {
      seeds: seeds.filter((_, n) => n % THREADS === thread),
      programs,
    };
    const worker = new Worker(new URL("programs_worker.ts", import.meta.url), { type: "module" });
    try {
      await new Promise<void>((done, fail) => {
        worker.onerror = (e) => {
          e.preventDefault();
          fail(new Error(e.message));
        };
        worker.onmessage = ({ data }: MessageEvent<Answer>) => {
          if (data === "ready") worker.postMessage(request);
          else if (data === "done") done();
          else told(data.seed, data.compared);
        };
      });
    } finally {
      worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: THREADS }, (_, thread) => part(thread)));
}
