/** What an artefact is made from: the listing and the content hash of its source files. */

/** The repository's root folder, as a file URL that ends with a slash. */
export const ROOT = new URL("../../", import.meta.url);

/** Sources of paravane.wasm, relative to the root. deno.json pins asc and Binaryen. */
export const MODULE_INPUTS = ["core/build", "core/wasm", "jit", "deno.json"];

/** Sources of the built-in guests. */
export const GUEST_INPUTS = ["core/build", "guest", "bench/reference.ts", "deno.json"];

const encoder = new TextEncoder();

/**
 * Lists the files below `path` that can change an artefact, sorted.
 *
 * Tests and documentation are left out, so that writing them costs no rebuild. A path that does not
 * exist gives nothing: a part of the tree may be absent.
 *
 * @param path a file or folder, relative to the root, without a trailing slash
 */
function* files(path: string): Generator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(new URL(path + "/", ROOT))];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    if (error instanceof Deno.errors.NotADirectory) return yield path;
    // Deno reports ENOTDIR as a plain Error where it has no class for it.
    if (Deno.statSync(new URL(path, ROOT)).isFile) return yield path;
    throw error;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    if (entry.isDirectory) yield* files(`${path}/${entry.name}`);
    else if (/(?<!_test)\.(ts|json)$/.test(entry.name)) yield `${path}/${entry.name}`;
  }
}

/**
 * Hashes names and contents of every file below `inputs`, and `extra`.
 *
 * Contents, not times: a checkout, a touch or a copied tree changes nothing, and nothing can be
 * stale. Reading a few hundred small files takes some 10 ms, which a boot can afford.
 *
 * @param inputs files and folders, relative to the root
 * @param extra further text that the artefact depends on
 * @returns 20 hexadecimal digits of SHA-256
 */
export async function hashInputs(inputs: string[], extra = ""): Promise<string> {
  const parts: Uint8Array[] = [];
  for (const input of inputs) {
    for (const path of files(input)) {
      const contents = Deno.readFileSync(new URL(path, ROOT));
      parts.push(encoder.encode(`${path}\0${contents.length}\0`), contents);
    }
  }
  parts.push(encoder.encode(extra));
  const all = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  const digest = await crypto.subtle.digest("SHA-256", all);
  return Array.from(new Uint8Array(digest, 0, 10), (b) => b.toString(16).padStart(2, "0")).join("");
}
