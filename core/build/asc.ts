/** Compiles core/wasm with AssemblyScript. Reference: assemblyscript.org, compiler options. */
import asc from "assemblyscript/asc";
import { MACHINE, STATIC_BASE } from "../wasm/layout.ts";

/**
 * Compiles the AssemblyScript module at `root`/index.ts.
 *
 * @param root folder of the sources (a file URL that ends with a slash)
 * @param generated extra sources by path relative to `root`, which do not lie on disk
 * @param more further files whose exports the module has
 * @returns the module's bytes
 * @throws Error with the compiler's messages
 */
export async function compileCore(
  root: URL,
  generated: Record<string, string> = {},
  more: string[] = [],
): Promise<Uint8Array<ArrayBuffer>> {
  let out: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      "index.ts",
      ...more,
      "-o",
      "core.wasm",
      "--runtime",
      "stub",
      "-O3",
      "--noAssert",
      "--use",
      "abort=",
      "--memoryBase",
      String(STATIC_BASE),
      "--initialMemory",
      String(MACHINE >> 16),
      "--enable",
      "simd,bulk-memory,sign-extension,mutable-globals,nontrapping-f2i",
    ],
    {
      readFile: (name) => {
        if (name in generated) return generated[name];
        try {
          return Deno.readTextFileSync(new URL(name, root));
        } catch {
          return null;
        }
      },
      writeFile: (name, contents) => {
        if (name === "core.wasm") out = contents as Uint8Array;
      },
      listFiles: () => [],
    },
  );
  if (error || !out) throw new Error(`core/wasm does not compile\n${stderr.toString()}`);
  return Uint8Array.from(out);
}
