/** What a fuzzer is given and what it gives back. */

export interface Order {
  /** How long to go on. */
  seconds: number;
  /** The first seed; a finding names its own. */
  seed: number;
  /** Takes each line of the report. */
  say(line: string): void;
}

export interface Outcome {
  cases: number;
  /** Batches, guests or images with something wrong. */
  failures: number;
}

export type Fuzz = (order: Order) => Promise<Outcome>;
