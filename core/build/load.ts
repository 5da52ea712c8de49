/**
 * Where the rest of the program gets its built parts from: paravane.wasm and the built-in guests.
 *
 * This file is on the way to a guest's first line, so it imports nothing but the cache. Compilers
 * are loaded only when the sources have changed.
 */
import { isCached, readCached } from "./cache.ts";
import { GUEST_INPUTS, hashInputs, MODULE_INPUTS } from "./inputs.ts";

/**
 * The hypervisor as one WebAssembly module: core/wasm and the generated interpreter.
 *
 * @param variant with 64-bit code, for tests, so far; or one that counts what it interprets
 * @throws Error with the compiler's messages if the sources do not compile
 */
export async function loadModule(
  variant: "" | "long" | "profile" = "",
): Promise<Uint8Array<ArrayBuffer>> {
  const hash = await hashInputs(MODULE_INPUTS, variant);
  const bytes = readCached(hash, "paravane.wasm");
  if (bytes) return bytes;
  const { buildModule } = await import("./build.ts");
  await buildModule(hash, false, variant === "long", variant === "profile");
  return readCached(hash, "paravane.wasm")!;
}

/**
 * The image of a built-in guest.
 *
 * @param name its name, as `deno task boot NAME` takes it
 * @returns an ELF file; null if there is no such guest
 * @throws Error if the guests do not assemble
 */
export async function loadGuest(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
  const hash = await hashInputs(GUEST_INPUTS);
  if (!isCached(hash)) {
    const { buildGuests } = await import("./build.ts");
    await buildGuests(hash);
  }
  return /^[\w-]+$/.test(name) ? readCached(hash, `${name}.elf`) : null;
}
