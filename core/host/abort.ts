/** AbortSignals: what to do while waiting, and when nobody waits any more. */

/**
 * A promise that may be given up on.
 *
 * @param signal rejects with the signal's reason once it is aborted; what is waited for goes on
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  return new Promise<T>((resolve, reject) => {
    const stop = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stop);
  });
}

/**
 * Calls a function when a signal is aborted, or at once if it is already.
 *
 * @returns forgets about it
 */
export function onAbort(signal: AbortSignal | undefined, f: () => void): () => void {
  if (!signal) return () => {};
  if (signal.aborted) {
    f();
    return () => {};
  }
  signal.addEventListener("abort", f, { once: true });
  return () => signal.removeEventListener("abort", f);
}
