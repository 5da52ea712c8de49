// The built-in guests, as ELF images assembled on demand.

import { probes } from "./probes/mod.ts";
import { guestImage } from "./kernel/image.ts";
import { start } from "./skiff/main.ts";
import { loader } from "./loader/main.ts";

/** How each built-in guest is made. */
export const guests: Record<string, () => Uint8Array> = {
  skiff: () => guestImage(start, "skiff").elf,
  loader: () => guestImage(loader, "loader").elf,
  ...probes,
};

/** The guest that boots when none is named. */
export const DEFAULT_GUEST = "skiff";
/** Names that `builtinGuest` knows. */
export const builtinGuestNames: readonly string[] = Object.keys(guests);

/**
 * Assembles a built-in guest.
 * @param name one of `builtinGuestNames`; the default kernel if not given
 * @returns the ELF file
 * @throws Error for a name that is not known
 */
export function builtinGuest(name: string = DEFAULT_GUEST): Promise<Uint8Array> {
  const make = Object.hasOwn(guests, name) ? guests[name] : undefined;
  if (!make) return Promise.reject(new Error(`no built-in guest is called ${name}`));
  return Promise.resolve().then(make);
}
