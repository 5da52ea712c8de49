/**
 * The host's event loop: giving it a turn, wherever the library runs. What an embedding program's timers are
 * promised is that they wait for 8 ms at most; so work that takes long comes in pieces of a millisecond or two, and
 * gives way once it has taken half of that.
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
 * Settles after everything that waits in the host's event loop has had its turn: timers, input, other
 * machines. A promise alone would not do.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => later(resolve));
}

/** Deno looks for other threads' messages once in some thirty immediates: a tenth of a second of guests' turns. */
const seldomHeard = "Deno" in globalThis;

/** As nextTurn, for who waits for another thread's message. Takes two milliseconds in Deno. */
function nextMessage(): Promise<void> {
  return seldomHeard ? new Promise((resolve) => setTimeout(resolve, 0)) : nextTurn();
}

/** Milliseconds of work after which guests give way. */
export const GUESTS_TURN = 4;
/** The same for work on a domain that is being made, which may follow on a turn of the guests'. */
export const BUILDING_TURN = 2;

/** Work in pieces, which gives way to the host's event loop once it has taken long enough. */
export class Turn {
  #began = performance.now();

  /** @param length milliseconds */
  constructor(private readonly length: number) {}

  /** Whether it has: to be asked after each piece, and then to be followed by `pass`. */
  get over(): boolean {
    return performance.now() - this.#began >= this.length;
  }

  /**
   * Gives way, and begins anew.
   *
   * @param expecting another thread's message is waited for
   */
  async pass(expecting = false): Promise<void> {
    await (expecting ? nextMessage() : nextTurn());
    this.#began = performance.now();
  }
}
