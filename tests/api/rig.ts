/** Guests for tests of the library, which come and go by its own functions only. */
import { createMachine, type Domain, loadGuest, type Machine, type MachineOptions } from "paravane";

export const skiff = (await loadGuest("skiff"))!;
export const spin = (await loadGuest("spin"))!;

const encoder = new TextEncoder();

/** Bytes of a text. */
export const bytes = (text: string): Uint8Array => encoder.encode(text);

/** A machine whose callbacks' errors are collected. */
export async function machineWithErrors(
  options: MachineOptions = {},
): Promise<{ machine: Machine; errors: unknown[] }> {
  const errors: unknown[] = [];
  const machine = await createMachine({ ...options, onError: (error) => errors.push(error) });
  return { machine, errors };
}

/** Skiff's output up to a text, by its stream. */
export async function readUntil(
  reader: ReadableStreamDefaultReader<string>,
  wanted: string,
): Promise<string> {
  let text = "";
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the console ended before ${JSON.stringify(wanted)}: ${text}`);
    text += value;
  }
  return text;
}

/** A domain's console as text to be read. */
export const textOf = (domain: Domain): ReadableStreamDefaultReader<string> =>
  domain.console.readable.pipeThrough(new TextDecoderStream()).getReader();

/** Waits until a condition holds; the test's own time limit is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
