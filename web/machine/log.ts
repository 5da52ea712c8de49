/** Lines of the hypervisor's log on their way to the page: batched, and not more than it can show. */

/** Lines in a batch; of more, the last ones go. */
const BATCH = 200;
const PAUSE = 100;

export class LogBatches {
  #lines: string[] = [];
  #dropped = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly post: (lines: string[]) => void) {}

  take(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > BATCH) {
      this.#lines.shift();
      this.#dropped++;
    }
    this.#timer ??= setTimeout(() => this.flush(), PAUSE);
  }

  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length === 0) return;
    const lines = this.#lines;
    if (this.#dropped > 0) lines.unshift(`… ${this.#dropped} lines not shown`);
    this.#lines = [];
    this.#dropped = 0;
    this.post(lines);
  }
}
