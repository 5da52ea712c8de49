/**
 * The build cache: `.cache/build/<hash>/` holds one artefact made from inputs of that hash.
 *
 * A folder appears by renaming a finished one, so a reader sees all of it or nothing. Builders take
 * a file lock first: of two processes that start together, one builds and the other waits and reads.
 */
import { ROOT } from "./inputs.ts";

const CACHE = new URL(".cache/build/", ROOT);

/** Folders kept beyond those used in the last hour. */
const KEEP = 8;

/** Files of one artefact, by name. */
export type Artefact = Record<string, Uint8Array<ArrayBuffer>>;

/** The folder of the artefact with this hash; it may not exist yet. */
export function folder(hash: string): URL {
  return new URL(`${hash}/`, CACHE);
}

/**
 * Reads one file of an artefact.
 *
 * @returns its bytes; null if that artefact has not been built or has no such file
 */
export function readCached(hash: string, name: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Deno.readFileSync(new URL(name, folder(hash)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Whether the artefact with this hash has been built. */
export function isCached(hash: string): boolean {
  try {
    return Deno.statSync(folder(hash)).isDirectory;
  } catch {
    return false;
  }
}

/**
 * Builds an artefact, unless another process did so while we waited for the lock.
 *
 * @param hash what names it
 * @param build makes its files
 * @param force builds even if it is there
 * @throws what `build` throws; nothing is stored then
 */
export async function buildCached(
  hash: string,
  build: () => Promise<Artefact>,
  force = false,
): Promise<void> {
  Deno.mkdirSync(CACHE, { recursive: true });
  using lock = Deno.openSync(new URL("lock", CACHE), { create: true, write: true });
  await lock.lock(true);
  if (isCached(hash) && !force) return;
  const made = await build();
  const fresh = new URL(`${hash}.${Deno.pid}/`, CACHE);
  Deno.mkdirSync(fresh);
  for (const [name, bytes] of Object.entries(made)) Deno.writeFileSync(new URL(name, fresh), bytes);
  if (isCached(hash)) Deno.removeSync(folder(hash), { recursive: true });
  Deno.renameSync(fresh, folder(hash));
  prune(hash);
}

/** Removes folders of earlier sources: all but the newest few, and none of the last hour. */
function prune(current: string): void {
  const old: { name: string; time: number }[] = [];
  for (const entry of Deno.readDirSync(CACHE)) {
    if (!entry.isDirectory || entry.name === current) continue;
    const time = Deno.statSync(new URL(entry.name, CACHE)).mtime?.getTime() ?? 0;
    if (Date.now() - time > 3600_000) old.push({ name: entry.name, time });
  }
  old.sort((a, b) => b.time - a.time);
  for (const { name } of old.slice(KEEP)) {
    Deno.removeSync(new URL(name, CACHE), { recursive: true });
  }
}
