/// <reference lib="dom" />
/** How long it takes from a key to its character on the screen. */
import type { Tab } from "./rig.ts";

/** What was measured, in milliseconds. */
export interface Latencies {
  count: number;
  median: number;
  /** Nine of ten keys were answered as fast as this. */
  ninetieth: number;
  worst: number;
}

/**
 * Types at Skiff's prompt and measures each key's way: from the event's time stamp, which is when the browser got
 * the key, through page, worker, guest and back into the terminal's rows.
 *
 * @param seconds how long
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
  for (let n = 0; performance.now() < end; n++) {
    // forty characters, then they go again: the line stays one row's, and so does the prompt
    await page.keyboard.press(n % 80 < 40 ? "abcdefghij"[n % 10] : "Backspace");
    await tab.until(`the answer to key ${n}`, async () => (await seen()).length > n);
    await page.waitForTimeout(pause);
  }
  const times = (await seen()).sort((a, b) => a - b);
  const share = (part: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * part))];
  return { count: times.length, median: share(0.5), ninetieth: share(0.9), worst: share(1) };
}
