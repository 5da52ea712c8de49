/**
 * `deno task ramdisk FILE… -o RAMDISK`: a ramdisk for the loader with these files in it, where there is no cpio. Each
 * has its own name there, without its folder.
 */
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { cpioArchive } from "./cpio.ts";

const USAGE = "usage: deno task ramdisk FILE… -o RAMDISK";

function fail(message: string): never {
  console.error(`ramdisk: ${message}`);
  Deno.exit(1);
}

const { values, positionals } = (() => {
  try {
    return parseArgs({
      options: { output: { type: "string", short: "o" } },
      allowPositionals: true,
    });
  } catch {
    return fail(USAGE);
  }
})();
if (!values.output || positionals.length === 0) fail(USAGE);
const files: Record<string, Uint8Array> = {};
for (const path of positionals) {
  const name = basename(path);
  if (name in files) fail(`two files are called ${name}`);
  try {
    files[name] = await Deno.readFile(path);
  } catch (error) {
    fail(`${path}: ${(error as Error).message.split("\n")[0]}`);
  }
}
try {
  await Deno.writeFile(values.output, cpioArchive(files));
} catch (error) {
  fail(`${values.output}: ${(error as Error).message.split("\n")[0]}`);
}
