// What the build step asks for: every built-in guest, assembled.

import { guests } from "./mod.ts";

/** ELF images by name. */
export function buildGuests(): Record<string, Uint8Array> {
  return Object.fromEntries(Object.entries(guests).map(([name, make]) => [name, make()]));
}
