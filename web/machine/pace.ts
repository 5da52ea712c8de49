/** How fast the guest is, for the page's status line: a number a second, and only when it is another one. */
import type { Core } from "../../core/host/core.ts";

const INTERVAL = 1000;

export class Pace {
  #retired = 0;
  #time = 0;
  #told = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** @param post takes instructions a second, with two digits that say something */
  constructor(private readonly post: (perSecond: number) => void) {}

  start(core: Core): void {
    this.#time = performance.now();
    this.#timer = setInterval(() => {
      const [retired, time] = [core.retired(), performance.now()];
      const perSecond = (retired - this.#retired) / (time - this.#time) * 1000;
      this.#retired = retired;
      this.#time = time;
      this.#tell(Number(perSecond.toPrecision(2)));
    }, INTERVAL);
  }

  /** The guest has ended. */
  stop(): void {
    clearInterval(this.#timer);
    this.#tell(0);
  }

  #tell(perSecond: number): void {
    if (perSecond === this.#told) return;
    this.#told = perSecond;
    this.post(perSecond);
  }
}
