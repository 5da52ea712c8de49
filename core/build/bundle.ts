/**
 * The library as JavaScript modules that run unchanged in Deno, Node and browsers: mod.ts and all it needs, with
 * the hypervisor, the guests and the translator's worker as text in modules of their own, which are imported when
 * they are wanted. So nothing is read or fetched beside what `import` brings, and no permission is needed.
 */
import * as esbuild from "esbuild";
import { fileURLToPath } from "node:url";
import { type Artefact, buildCached, isCached, readCached } from "./cache.ts";
import project from "../../deno.json" with { type: "json" };
import { GUEST_INPUTS, hashInputs, MODULE_INPUTS, ROOT } from "./inputs.ts";
import { icedModule, icedPlugin } from "./iced.ts";
import { loadGuest, loadModule } from "./load.ts";

const INPUTS = [
  ...new Set([...MODULE_INPUTS, ...GUEST_INPUTS, "core/host", "mod.ts", "deno.lock"]),
];
/** The built-in guests that the library brings along. */
const GUESTS = ["skiff", "loader"];
/** What browsers, Node 20 and Deno all know. */
const TARGET = ["es2022", "chrome111", "firefox114", "safari16.4", "node20"];

/** Makes bytes of the text in a part. */
const UNPACK = `
  async function unpack({ default: text }) {
    const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }`;

/** In place of core/build/load.ts, with its two functions. */
const LOADER = `${UNPACK}
  export async function loadModule(variant = "") {
    if (variant) throw new Error("variants of the module are for tests, and not in the library");
    return await unpack(await import("part:paravane"));
  }
  const guests = { ${GUESTS.map((name) => `${name}: () => import("part:${name}")`).join(", ")} };
  export async function loadGuest(name) {
    return Object.hasOwn(guests, name) ? await unpack(await guests[name]()) : null;
  }`;

/** Starts the translator's worker from its text: as browsers and Deno do, or as Node does. */
const WORKER = `
  import source from "part:worker";
  const threads = typeof Worker === "undefined" ? await import("node:worker_threads") : null;

  const AROUND = \`
    const { parentPort } = require("node:worker_threads");
    const self = {
      set onmessage(f) { parentPort.on("message", (data) => f({ data })); },
      postMessage: (m) => parentPort.postMessage(m),
    };\`;

  class Thread {
    constructor() {
      this.thread = new threads.Worker(AROUND + source, { eval: true });
      this.thread.unref();
      this.thread.on("message", (data) => this.onmessage?.({ data }));
      this.thread.on("error", ({ message }) => this.onerror?.({ message, preventDefault() {} }));
    }
    postMessage(message) { this.thread.postMessage(message); }
    terminate() { this.thread.terminate(); }
  }

  export function openWorker() {
    if (threads) return new Thread();
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(url, { type: "module" });
    // its first message says that it has been loaded
    worker.addEventListener("message", () => URL.revokeObjectURL(url), { once: true });
    return worker;
  }`;

/** Where jit/translator/builder.ts starts its worker. */
const STARTS = 'new Worker(new URL("./worker.ts", import.meta.url), { type: "module" })';

/**
 * Puts the parts in their places.
 *
 * @param parts texts by name
 */
function partsPlugin(parts: Record<string, string>): esbuild.Plugin {
  return {
    name: "parts",
    setup(build) {
      build.onResolve({ filter: /build\/load\.ts$/ }, () => ({ path: "load", namespace: "with" }));
      build.onResolve({ filter: /^with:/ }, ({ path }) => ({
        path: path.slice("with:".length),
        namespace: "with",
      }));
      build.onResolve({ filter: /^part:/ }, ({ path }) => ({
        path: path.slice("part:".length),
        namespace: "part",
      }));
      build.onLoad({ filter: /.*/, namespace: "with" }, ({ path }) => ({
        contents: path === "load" ? LOADER : WORKER,
      }));
      build.onLoad({ filter: /.*/, namespace: "part" }, ({ path }) => ({
        contents: `export default ${JSON.stringify(parts[path])};`,
      }));
      build.onLoad({ filter: /host\/cli\/\w+\.ts$/ }, async ({ path }) => ({
        contents: `import { system as Deno } from ${JSON.stringify(NODE)};
          ${await Deno.readTextFile(path)}`,
        loader: "ts",
      }));
      build.onLoad({ filter: /translator\/builder\.ts$/ }, async ({ path }) => {
        const source = await Deno.readTextFile(path);
        if (!source.includes(STARTS)) throw new Error("builder.ts starts its worker otherwise");
        return {
          contents: `import { openWorker } from "with:worker";
            ${source.replace(STARTS, "openWorker()")}`,
          loader: "ts",
        };
      });
    },
  };
}

/** Bytes as the text of a part. */
async function pack(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer()).toBase64();
}

const path = (name: string) => fileURLToPath(new URL(name, ROOT));
/** Makes a file a command. */
const SHEBANG = new TextEncoder().encode("#!/usr/bin/env node\n");
/** What the command is given in place of Deno. */
const NODE = path("core/host/node.ts");
const COMMON = {
  bundle: true,
  minify: true,
  format: "esm",
  target: TARGET,
  write: false,
  legalComments: "none",
  logLevel: "silent",
} as const;

async function bundle(parts: Record<string, string>): Promise<Artefact> {
  try {
    const worker = await esbuild.build({
      ...COMMON,
      entryPoints: [path("jit/translator/worker.ts")],
    });
    const { outputFiles } = await esbuild.build({
      ...COMMON,
      entryPoints: { paravane: path("mod.ts"), command: path("core/host/cli/command.ts") },
      splitting: true,
      outdir: "/",
      chunkNames: "[name]-[hash]",
      external: ["node:*"],
      define: { PARAVANE_VERSION: JSON.stringify(project.version) },
      plugins: [
        icedPlugin(`${UNPACK}\nimport * as part from "part:iced";`, "await unpack(part)"),
        partsPlugin({ ...parts, worker: worker.outputFiles[0].text }),
      ],
    });
    const files: Artefact = {};
    for (const { path, contents } of outputFiles) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      files[name] = Uint8Array.from(name === "command.js" ? [...SHEBANG, ...contents] : contents);
    }
    return files;
  } finally {
    await esbuild.stop();
  }
}

/**
 * Bundles the library, or takes it from the cache.
 *
 * @returns its files by name; `paravane.js` is the one to import, with mod.ts's exports, and `command.js` is the
 * command, for Node and Deno
 * @throws Error with the compiler's messages
 */
export async function bundleLibrary(): Promise<Artefact> {
  const hash = await hashInputs(INPUTS, "library");
  if (!isCached(hash)) {
    // before the lock on the cache, which these take themselves
    const parts: Record<string, string> = { paravane: await pack(await loadModule()) };
    for (const name of GUESTS) parts[name] = await pack((await loadGuest(name))!);
    parts.iced = await pack(await Deno.readFile(icedModule()));
    await buildCached(hash, async () => {
      console.error("paravane: bundling the library…");
      const files = await bundle(parts);
      files["files.json"] = new TextEncoder().encode(JSON.stringify(Object.keys(files)));
      return files;
    });
  }
  const names = JSON.parse(new TextDecoder().decode(readCached(hash, "files.json")!)) as string[];
  return Object.fromEntries(names.map((name) => [name, readCached(hash, name)!]));
}
