/** Finds the image and the ramdisk that the command line names. */
import { loadGuest } from "../../build/load.ts";
import { shown, UsageError } from "./usage.ts";

/** The guest that boots when none is named. */
export const DEFAULT_GUEST = "skiff";

/** More than any kernel or ramdisk for a machine of ours. */
const FILE_MAX = 1024 * 1024 * 1024;

/**
 * The bytes of an image: a file of that name, else the built-in guest of that name.
 *
 * @param name null for the guest that boots by default
 * @throws UsageError
 */
export async function loadGuestImage(name: string | null): Promise<Uint8Array> {
  if (name === null) {
    const image = await loadGuest(DEFAULT_GUEST);
    if (!image) throw new UsageError("there is no built-in guest in this tree; name a file");
    return image;
  }
  const file = await readIfThere(name);
  if (file) return file;
  const builtIn = await loadGuest(name);
  if (builtIn) return builtIn;
  throw new UsageError(`${shown(name)}: neither a file nor a built-in guest`);
}

/** @throws UsageError */
export async function readRamdisk(name: string): Promise<Uint8Array> {
  const file = await readIfThere(name);
  if (!file) throw new UsageError(`${shown(name)}: no file to be the ramdisk`);
  return file;
}

async function readIfThere(name: string): Promise<Uint8Array | null> {
  try {
    const { isFile, size } = await Deno.stat(name);
    if (!isFile) return null;
    if (size > FILE_MAX) throw new UsageError(`${shown(name)}: ${size} bytes are too many`);
    return await Deno.readFile(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof UsageError) throw error;
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new UsageError(`${shown(name)}: ${reason}`);
  }
}
