/** esbuild plugins: what the sources are given in a browser in place of what Deno and Node have. */
import { createRequire, isBuiltin } from "node:module";
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
