/** esbuild plugins: what the sources are given in a browser in place of what Deno and Node have. */
import { createRequire, isBuiltin } from "node:module";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";

const require = createRequire(import.meta.url);

/** npm packages from Deno's cache. */
export const npmPackages: Plugin = {
  name: "npm packages",
  setup(build) {
    build.onResolve(
      { filter: /^[@a-z][\w./@-]*$/ },
      // packages ask for Node's own modules only where they find themselves in Node
      ({ path }) => isBuiltin(path) ? { external: true } : { path: require.resolve(path) },
    );
  },
};

/** The build's own loader: a page fetches its parts. */
const LOADER = `
  export function loadModule() {
    throw new Error("the module is fetched by the page");
  }
  export const loadGuest = loadModule;`;

export const fetchedParts: Plugin = {
  name: "parts are fetched",
  setup(build) {
    build.onResolve({ filter: /build\/load\.ts$/ }, () => ({ path: "loader", namespace: "in" }));
    build.onLoad({ filter: /.*/, namespace: "in" }, () => ({ contents: LOADER }));
  },
};

/** The translator's worker under the name that it has beside the page. */
export function translatorWorker(version: string): Plugin {
  return {
    name: "translator's worker",
    setup(build) {
      build.onLoad({ filter: /translator\/builder\.ts$/ }, async ({ path }) => {
        const source = await Deno.readTextFile(path);
        const contents = source.replace(
          'new URL("./worker.ts"',
          `new URL("./translator.js?v=${version}"`,
        );
        if (contents === source) throw new Error("the translator's worker is made in another way");
        return { contents, loader: "ts" };
      });
    },
  };
}

/**
 * iced-x86, which its makers pack for Node alone: the same code, with its module fetched and its
 * exports made a module's.
 */
export function disassembler(version: string): Plugin {
  return {
    name: "iced-x86",
    setup(build) {
      build.onLoad({ filter: /iced_x86\.js$/ }, async ({ path }) => {
        const source = await Deno.readTextFile(path);
        const end = source.indexOf("const path = require('path')");
        const start = source.indexOf("const heap =");
        if (end < 0 || start < 0) throw new Error("iced-x86 is not packed as it was");
        return {
          contents: `
            const exports = await (async () => {
              const module = { exports: {} };
              const imports = { __wbindgen_placeholder__: module.exports };
              let wasm;
              ${source.slice(start, end)}
              const url = new URL("iced_x86_bg.wasm?v=${version}", import.meta.url);
              const bytes = await (await fetch(url)).arrayBuffer();
              wasm = (await WebAssembly.instantiate(bytes, imports)).instance.exports;
              return module.exports;
            })();
            export const { Decoder, DecoderOptions, FlowControl, Formatter, FormatterSyntax } =
              exports;`,
        };
      });
    },
  };
}

/** Where iced-x86's own module lies. */
export function disassemblerModule(): string {
  return fileURLToPath(new URL("iced_x86_bg.wasm", `file://${require.resolve("iced-x86")}`));
}
