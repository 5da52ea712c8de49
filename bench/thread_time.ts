/** How long this thread has computed. */

/** CLOCK_THREAD_CPUTIME_ID of time.h. */
const THREAD_CPUTIME = 3;

let clock: ((id: number, out: BigInt64Array<ArrayBuffer>) => void) | null = null;
try {
  if (Deno.build.os === "linux") {
    const { symbols } = Deno.dlopen("libc.so.6", {
      clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
    });
    clock = symbols.clock_gettime;
  }
} catch {
  // a libc of another name: only the clock is left
}

const time = new BigInt64Array(2);

/** Milliseconds of processor time that this thread has used; 0 where nobody tells. */
export function threadTime(): number {
  clock?.(THREAD_CPUTIME, time);
  return Number(time[0]) * 1e3 + Number(time[1]) / 1e6;
}
