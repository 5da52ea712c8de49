/** Where a program has Binaryen, if it has it. */

/**
 * Asks whoever resolves imports here: Deno in this tree, Node and Deno where the npm package `binaryen` is installed
 * beside the library's, a page with an import map that names it. A Deno that would have to ask somebody whether
 * the file may be read is not made to.
 *
 * @returns what a worker imports it by; "" where there is none, so that there is no second tier
 */
export function findBinaryen(): string {
  try {
    if (typeof Deno !== "undefined") {
      if (Deno.permissions.querySync({ name: "read" }).state !== "granted") return "";
    }
    return import.meta.resolve("binaryen");
  } catch {
    return "";
  }
}
