/**
 * The errors that the library throws, for programs to tell apart: each has a `code` that stays the same
 * from version to version, and a message of one line for people.
 */
export abstract class ParavaneError extends Error {
  /** What is wrong, for programs. */
  abstract readonly code: string;
}

/** What a machine or a domain cannot do as things are. */
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
