/** The page's files: bundled with esbuild, cached by the hash of what they are made from. */
import * as esbuild from "esbuild";
import { fileURLToPath } from "node:url";
import { type Artefact, buildCached, folder, isCached } from "../../core/build/cache.ts";
import { GUEST_INPUTS, hashInputs, MODULE_INPUTS, ROOT } from "../../core/build/inputs.ts";
import { icedModule, icedPlugin } from "../../core/build/iced.ts";
import { loadGuest, loadModule } from "../../core/build/load.ts";
import { BUILT_IN } from "../page/link.ts";
import { fetchedParts, npmPackages, translatorWorker } from "./browser.ts";

const OUT = new URL("dist/web/", ROOT);
const WEB = new URL("web/", ROOT);
const INPUTS = [...new Set([...MODULE_INPUTS, ...GUEST_INPUTS, "core/host", "web", "deno.lock"])];
/** Files that the inputs' hash does not see by itself: it looks at .ts and .json. */
const OTHER = [
  "index.html",
  "guide.html",
  ...["main", "theme", "layout", "controls", "cards", "panels"].map((n) => `style/${n}.css`),
];

/** Where index.html has the guide. */
const GUIDE_HERE = "<!-- guide.html -->";

/**
 * Builds the page into dist/web.
 *
 * @returns the folder
 * @throws Error with the compiler's messages
 */
export async function buildSite(): Promise<URL> {
  const other = OTHER.map((name) => Deno.readTextFileSync(new URL(name, WEB)));
  const hash = await hashInputs(INPUTS, `web ${other.join("\0")}`);
  if (!isCached(hash)) {
    // before the lock on the cache, which these take themselves
    const module = await loadModule();
    const guests = await Promise.all(BUILT_IN.map(loadGuest));
    await buildCached(hash, async () => {
      console.error("paravane: building the page…");
      const files = await bundle(hash);
      const page = other[0].replaceAll("VERSION", hash).replace(GUIDE_HERE, () => other[1]);
      files["index.html"] = new TextEncoder().encode(page);
      files["paravane.wasm"] = module;
      for (const [i, name] of BUILT_IN.entries()) files[`${name}.elf`] = guests[i]!;
      files["iced_x86_bg.wasm"] = await Deno.readFile(icedModule());
      return files;
    });
  }
  publish(hash);
  return OUT;
}

/** An expression: the bytes of a file beside the bundle. */
const fetched = (name: string) =>
  `await (await fetch(new URL(${JSON.stringify(name)}, import.meta.url))).arrayBuffer()`;

async function bundle(version: string): Promise<Artefact> {
  await fetchPackages();
  const path = (name: string) => fileURLToPath(new URL(name, WEB));
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: {
        main: path("page/main.ts"),
        machine: path("machine/main.ts"),
        translator: fileURLToPath(new URL("jit/translator/worker.ts", ROOT)),
      },
      bundle: true,
      splitting: true,
      minify: true,
      format: "esm",
      target: ["chrome123", "firefox120", "safari17.5"],
      outdir: "/",
      chunkNames: "chunk-[hash]",
      write: false,
      legalComments: "none",
      logLevel: "silent",
      define: { ASSET_VERSION: JSON.stringify(version) },
      plugins: [
        translatorWorker(version),
        icedPlugin("", fetched(`iced_x86_bg.wasm?v=${version}`)),
        fetchedParts,
        npmPackages,
      ],
    });
    const style = await esbuild.build({
      entryPoints: [path("style/main.css")],
      bundle: true,
      minify: true,
      write: false,
      outdir: "/",
      plugins: [npmPackages],
    });
    const files: Artefact = {};
    for (const { path, contents } of [...outputFiles, ...style.outputFiles]) {
      files[path.slice(path.lastIndexOf("/") + 1)] = Uint8Array.from(contents);
    }
    return files;
  } finally {
    await esbuild.stop();
  }
}

/** Has Deno fetch the packages that the page imports, which the build alone would not load. */
async function fetchPackages(): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["install", "--quiet", "--frozen"],
    cwd: fileURLToPath(ROOT),
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** Copies the artefact to dist/web, and takes away what an earlier build left there. */
function publish(hash: string): void {
  const from = folder(hash);
  Deno.mkdirSync(OUT, { recursive: true });
  const names = new Set<string>();
  for (const { name } of Deno.readDirSync(from)) {
    names.add(name);
    const fresh = new URL(`${name}.${Deno.pid}`, OUT);
    Deno.copyFileSync(new URL(name, from), fresh);
    Deno.renameSync(fresh, new URL(name, OUT));
  }
  for (const { name } of Deno.readDirSync(OUT)) {
    if (!names.has(name)) Deno.removeSync(new URL(name, OUT), { recursive: true });
  }
}
