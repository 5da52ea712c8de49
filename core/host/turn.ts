/** The host's event loop: giving it a turn, wherever the library runs. */

/**
 * Settles after everything that waits in the host's event loop has had its turn: timers, input, other
 * machines. A promise alone would not do, and a timer would wait for milliseconds.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      // an open port would keep a program alive that has nothing else to do
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
