/** A guest's file by its URL. */
import { StateError } from "./error.ts";

/**
 * Fetches a file. A file: URL works where the program may read files, in Deno and in Node.
 *
 * @throws StateError ("no-image") when there is no such file; the signal's reason when it is aborted
 */
export async function fetchImage(url: URL, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    if (url.protocol === "file:") {
      const { readFile } = await import("node:fs/promises");
      return await readFile(url, { signal });
    }
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new StateError("no-image", `cannot fetch ${url}: ${(error as Error).message}`);
  }
}
