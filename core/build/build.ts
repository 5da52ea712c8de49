/** The build steps: generated sources → asc → interpreter → paravane.wasm; and the guests. */
import { compileCore } from "./asc.ts";
import { type Artefact, buildCached, readCached } from "./cache.ts";
import { hashInputs, ROOT } from "./inputs.ts";

/** What the build expects of the modules it drives. Each may be absent from a partial tree. */
interface Parts {
  /** Tables that jit/isa generates for core/wasm: source text by path below core/wasm. */
  "jit/isa/generate.ts": { generatedSources(long: boolean): Record<string, string> };
  /** Adds the interpreter's handlers to the compiled core. */
  "jit/interpreter/build.ts": {
    addInterpreter(core: Uint8Array, long: boolean, profile: boolean): Promise<Uint8Array>;
  };
  /** Assembles the built-in guests: ELF images by name. */
  "guest/build.ts": {
    buildGuests(): Record<string, Uint8Array> | Promise<Record<string, Uint8Array>>;
  };
}

/** Imports one part of the tree, or gives null where the file does not exist. */
async function part<P extends keyof Parts>(path: P): Promise<Parts[P] | null> {
  const url = new URL(path, ROOT);
  try {
    Deno.statSync(url);
  } catch {
    return null;
  }
  return await import(url.href);
}

/** Runs a step that takes seconds and cannot be interrupted by a timer, so it says so beforehand. */
async function slowStep<T>(what: string, step: () => Promise<T>): Promise<T> {
  console.error(`paravane: ${what}…`);
  const start = performance.now();
  const result = await step();
  const seconds = (performance.now() - start) / 1000;
  if (seconds > 1) console.error(`paravane: ${what}: ${seconds.toFixed(1)} s`);
  return result;
}

/**
 * Builds paravane.wasm into the cache.
 *
 * core.wasm is cached by itself, so that work on the interpreter does not wait for asc.
 *
 * @param hash hash of MODULE_INPUTS
 * @param force builds even what the cache holds
 * @param long with 64-bit code, which is tested but not shipped (docs/design.md, "64-bit")
 * @param profile one that counts where blocks are left (layout.ts, PROFILE)
 * @throws Error with the compiler's messages
 */
export async function buildModule(
  hash: string,
  force = false,
  long = false,
  profile = false,
): Promise<void> {
  const generated = (await part("jit/isa/generate.ts"))?.generatedSources(long) ?? {};
  const coreHash = await hashInputs(
    ["core/build", "core/wasm", "deno.json"],
    JSON.stringify(generated),
  );
  await buildCached(coreHash, async () => ({
    "core.wasm": await slowStep(
      "compiling core/wasm",
      () => compileCore(new URL("core/wasm/", ROOT), generated, long ? ["long/exports.ts"] : []),
    ),
  }), force);
  const core = readCached(coreHash, "core.wasm")!;

  await buildCached(hash, async () => {
    const interpreter = await part("jit/interpreter/build.ts");
    const paravane = interpreter
      ? await slowStep(
        "adding the interpreter",
        () => interpreter.addInterpreter(core, long, profile),
      )
      : core;
    return { "paravane.wasm": Uint8Array.from(paravane) };
  }, force);
}

/**
 * Assembles the built-in guests into the cache.
 *
 * @param hash hash of GUEST_INPUTS
 * @param force builds even what the cache holds
 */
export async function buildGuests(hash: string, force = false): Promise<void> {
  await buildCached(hash, async () => {
    const images = await (await part("guest/build.ts"))?.buildGuests() ?? {};
    const files: Artefact = {};
    for (const [name, image] of Object.entries(images)) {
      files[`${name}.elf`] = Uint8Array.from(image);
    }
    return files;
  }, force);
}
