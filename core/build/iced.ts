/**
 * iced-x86 in a bundle. Its makers pack it for Node alone: this is the same code, with its module's bytes from
 * where the bundle has them, and its exports made a module's.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";

const require = createRequire(import.meta.url);

/** The names that our sources import. */
const NAMES = "Decoder, DecoderOptions, FlowControl, Formatter, FormatterSyntax";

/**
 * An esbuild plugin.
 *
 * @param imports statements that stand at the module's top
 * @param bytes an expression, which may await: the bytes of iced-x86's WebAssembly module
 */
export function icedPlugin(imports: string, bytes: string): Plugin {
  return {
    name: "iced-x86",
    setup(build) {
      build.onResolve({ filter: /^iced-x86$/ }, () => ({ path: require.resolve("iced-x86") }));
      build.onLoad({ filter: /iced_x86\.js$/ }, async ({ path }) => {
        const source = await Deno.readTextFile(path);
        const end = source.indexOf("const path = require('path')");
        const start = source.indexOf("const heap =");
        if (end < 0 || start < 0) throw new Error("iced-x86 is not packed as it was");
        return {
          contents: `
            ${imports}
            const exports = await (async () => {
              const module = { exports: {} };
              const imports = { __wbindgen_placeholder__: module.exports };
              let wasm;
              ${source.slice(start, end)}
              wasm = (await WebAssembly.instantiate(${bytes}, imports)).instance.exports;
              return module.exports;
            })();
            export const { ${NAMES} } = exports;`,
        };
      });
    },
  };
}

/** Where iced-x86's own module lies. */
export function icedModule(): string {
  return fileURLToPath(new URL("iced_x86_bg.wasm", `file://${require.resolve("iced-x86")}`));
}
