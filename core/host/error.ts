/**
 * The errors that the library throws, for programs to tell apart: each has a `code` that stays the same
 * from version to version, and a message of one line for people. What there is: {@link StateError},
 * {@link ImageError}, {@link CpuidError} and {@link BuildError}.
 *
 * @example
 * ```ts
 * import { createMachine, ImageError, ParavaneError } from "paravane";
 *
 * await using machine = await createMachine();
 * try {
 *   await machine.addDomain(new TextEncoder().encode("this is no kernel"));
 * } catch (error) {
 *   if (!(error instanceof ParavaneError)) throw error;
 *   console.log(error instanceof ImageError, error.code, error.message); // true "not-elf" …
 * }
 * ```
 */
export abstract class ParavaneError extends Error {
  /** What is wrong, for programs. */
  abstract readonly code: string;
}

/**
 * What a machine or a domain cannot do as things are:
 *
 * | code             | meaning                                                                   |
 * | ---------------- | ------------------------------------------------------------------------- |
 * | `machine-closed` | the machine was closed, by {@link Machine.close} or its signal            |
 * | `domain-gone`    | the domain has shut down, crashed, or was destroyed                       |
 * | `not-paused`     | only a paused domain can be stepped                                       |
 * | `no-vcpu`        | there is no vCPU of that number, or its domain was destroyed              |
 * | `no-port`        | the guest has no event channel of that number in use                      |
 * | `no-virq`        | there is no virtual interrupt or no vCPU of that number                   |
 * | `no-image`       | the image could not be fetched                                            |
 * | `argument`       | a number out of range, or something else than what the parameter is to be |
 */
export type StateErrorCode =
  | "machine-closed"
  | "domain-gone"
  | "not-paused"
  | "no-vcpu"
  | "no-port"
  | "no-virq"
  | "no-image"
  | "argument";

/** Something was asked of a machine or a domain that it cannot do: the code says why. */
export class StateError extends ParavaneError {
  /** "StateError". */
  override readonly name = "StateError";

  /**
   * Made by the library.
   *
   * @param message one line
   */
  constructor(readonly code: StateErrorCode, message: string) {
    super(message);
  }
}
