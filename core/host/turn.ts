/**
 * The host's event loop: giving it a turn, wherever the library runs. What an embedding program's timers are
 * promised is that they wait for 8 ms at most; so work that takes long comes in pieces, and gives way after a
 * millisecond. To do so takes some 12 µs in Deno, 4 in Node.
 */

/** Calls back after everything that waits in the event loop: Node and Deno have a function for it. */
type Later = (callback: () => void) => void;
const host = globalThis as unknown as { setImmediate?: Later };
const later: Later = host.setImmediate ?? byMessage();

/**
 * In a browser a message to oneself does: a timer would wait for milliseconds. One channel for all, because each
 * takes memory of the host's for good.
 */
function byMessage(): Later {
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return (callback) => {
    waiting.push(callback);
    port2.postMessage(null);
  };
}

/**
 * Immediates that make a turn of the event loop. Timers get theirs with each; but Deno asks once in some thirty whether
 * another thread has sent something, and once in sixty whether a file or a socket has: with one for a turn these
 * waited for a quarter of a second when guests were busy.
 */
const IMMEDIATES = "Deno" in globalThis ? 8 : 1;

/**
 * Settles after everything that waits in the host's event loop has had its turn: timers, input, other
 * machines. A promise alone would not do.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    let left = IMMEDIATES;
    const next = () => left-- > 0 ? later(next) : resolve();
    next();
  });
}

/** Milliseconds of work after which guests give way, and work on a domain that is being made or destroyed. */
export const TURN = 1;

/** Work in pieces, which gives way to the host's event loop once it has taken long enough. */
export class Turn {
  #began = performance.now();

  /** @param length milliseconds */
  constructor(private readonly length: number = TURN) {}

  /**
   * Whether it has: to be asked after each piece, and then to be followed by `pass`.
   *
   * @param now what performance.now() gave just now, where that is known
   */
  over(now: number = performance.now()): boolean {
    return now - this.#began >= this.length;
  }

  /** Gives way, and begins anew. */
  async pass(): Promise<void> {
    await nextTurn();
    this.#began = performance.now();
  }
}
