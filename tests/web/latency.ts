/// <reference lib="dom" />
/** How long it takes from a key to its character on the screen. */
import type { Tab } from "./rig.ts";

/** What was measured, in milliseconds. */
export interface Latencies {
  count: number;
  median: number;
  /** The lowest median of ten keys in a row: what the page can do while nobody else wants the processor. */
  best: number;
  /** Nine of ten keys were answered as fast as this. */
  ninetieth: number;
  worst: number;
}

/** Keys of a round. */
const ROUND = 10;

function quantile(times: number[], part: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/**
 * Types at Skiff's prompt and measures each key's way: from the event's time stamp, which is when the browser got
 * the key, through page, worker, guest and back into the terminal's rows.
 *
 * @param seconds how long, and on until there was one round of keys
 * @param pause milliseconds between a character that came and the next key
 */
export async function measureLatency(tab: Tab, seconds: number, pause = 60): Promise<Latencies> {
  const { page } = tab;
  await page.locator("#terminal textarea").focus();
  await page.evaluate(() => {
    const at = globalThis as unknown as { times: number[]; pressed: number; before: string };
    at.times = [];
    at.pressed = 0;
    const rows = document.querySelector("#terminal .xterm-rows")!;
    document.addEventListener("keydown", (event) => {
      at.pressed = event.timeStamp;
      at.before = rows.textContent!;
    }, true);
    new MutationObserver(() => {
      if (at.pressed === 0 || rows.textContent === at.before) return;
      at.times.push(performance.now() - at.pressed);
      at.pressed = 0;
    }).observe(rows, { childList: true, subtree: true, characterData: true });
  });
  const seen = () => page.evaluate(() => (globalThis as unknown as { times: number[] }).times);
  const end = performance.now() + seconds * 1000;
  for (let n = 0; n < ROUND || performance.now() < end; n++) {
    // forty characters, then they go again: the line stays one row's, and so does the prompt
    await page.keyboard.press(n % 80 < 40 ? "abcdefghij"[n % 10] : "Backspace");
    await tab.until(`the answer to key ${n}`, async () => (await seen()).length > n);
    await page.waitForTimeout(pause);
  }
  const times = await seen();
  const rounds = times.map((_, i) => times.slice(i, i + ROUND))
    .filter((round) => round.length === ROUND);
  return {
    count: times.length,
    median: quantile(times, 0.5),
    best: Math.min(...rounds.map((round) => quantile(round, 0.5))),
    ninetieth: quantile(times, 0.9),
    worst: Math.max(...times),
  };
}
