/**
 * A copy of the repository whose hypervisor has every mutant in it, none of them on.
 *
 * A number in the module chooses one, so that one build serves them all; and each notes that its check
 * has been what decided, so that only tests which get there have to be run for it.
 */
import { ROOT } from "../../core/build/inputs.ts";
import { type Site, sites } from "./sites.ts";

/** One check that can be dropped, with its file below core/wasm. */
export interface Mutant extends Site {
  /** From 1. */
  number: number;
  file: string;
}

const SWITCH = (count: number) =>
  `let chosen: u32 = 0;
const decided = memory.data(${count + 1});
export function cpu_mutant_choose(number: u32): void { chosen = number; }
export function cpu_mutants_decided(): usize { return decided; }
// @ts-ignore: decorator
@inline export function dropped(number: u32): bool {
  store<u8>(decided + number, 1);
  return chosen == number;
}
`;

/**
 * Copies the tree and changes its sources.
 *
 * @param into an empty folder's address, with a slash behind it
 * @param folders below core/wasm
 */
export async function mutatedTree(into: URL, folders: string[]): Promise<Mutant[]> {
  const listing = await new Deno.Command("git", { args: ["ls-files", "-z"], cwd: ROOT }).output();
  for (const path of new TextDecoder().decode(listing.stdout).split("\0")) {
    if (!path || path.startsWith(".ci")) continue;
    const to = new URL(path, into);
    Deno.mkdirSync(new URL(".", to), { recursive: true });
    Deno.copyFileSync(new URL(path, ROOT), to);
    // no test of ours has workers deeper than that
    if (/^tests\/\w+\/\w+_worker\.ts$/.test(path)) {
      Deno.writeTextFileSync(to, `import "../mutants/choose.ts";\n${Deno.readTextFileSync(to)}`);
    }
  }
  const mutants: Mutant[] = [];
  for (const folder of folders) {
    const names = [...Deno.readDirSync(new URL(`core/wasm/${folder}/`, ROOT))].map((e) => e.name);
    for (const name of names.filter((name) => name.endsWith(".ts")).sort()) {
      const file = `${folder}/${name}`;
      const url = new URL(`core/wasm/${file}`, into);
      const text = Deno.readTextFileSync(url);
      const here = sites(text).map((site, i) => ({
        ...site,
        file,
        number: mutants.length + i + 1,
      }));
      if (here.length) Deno.writeTextFileSync(url, changed(text, here));
      mutants.push(...here);
    }
  }
  Deno.writeTextFileSync(new URL("core/wasm/mutant.ts", into), SWITCH(mutants.length));
  // the module, and the one whose insides are laid open
  for (const root of ["core/wasm/index.ts", "tests/traps/probe.as"]) {
    const url = new URL(root, into);
    const text = Deno.readTextFileSync(url);
    Deno.writeTextFileSync(
      url,
      `${text}export { cpu_mutant_choose, cpu_mutants_decided } from "./mutant";\n`,
    );
  }
  return mutants;
}

function changed(text: string, mutants: Mutant[]): string {
  let out = "", at = 0;
  for (const { number, start, end, as } of mutants) {
    out += text.slice(at, start) + `(!!(${text.slice(start, end)}) ` +
      (as ? `|| dropped(${number}))` : `&& !dropped(${number}))`);
    at = end;
  }
  return `import { dropped } from "../mutant";\n${out}${text.slice(at)}`;
}
