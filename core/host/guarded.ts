/** Callbacks of the program's: what one throws does not reach the core, in the middle of whose work it is called. */
export function guarded<A extends unknown[]>(
  f: (...args: A) => void,
  failed: (error: unknown) => void,
): (...args: A) => void {
  return (...args) => {
    try {
      f(...args);
    } catch (error) {
      failed(error);
    }
  };
}
