/** A WebAssembly module as text, by wabt. */
import wabt from "wabt";

let loaded: ReturnType<typeof wabt> | null = null;

/**
 * The text of a module's functions; types, imports and exports are left out.
 *
 * @throws Error with wabt's message when it is no module
 */
export async function wasmText(bytes: Uint8Array): Promise<string> {
  const { readWasm } = await (loaded ??= wabt());
  const module = readWasm(bytes, { readDebugNames: true, ...FEATURES });
  try {
    module.generateNames();
    module.applyNames();
    return functionsOf(module.toText({ foldExprs: false, inlineExport: false }));
  } finally {
    module.destroy();
  }
}

/** The functions of a module's text, in which what is called has the name it is imported by. */
function functionsOf(text: string): string {
  const names = new Map<string, string>();
  for (const [, name, id] of text.matchAll(/^ {2}\(import "\w+" "(\w+)" \(func (\$\w+)/gm)) {
    names.set(id, `$${name}`);
  }
  return text.split("\n")
    .filter((line) => !/^ {2}\((type|import|export|table|memory|global|elem) /.test(line))
    .join("\n")
    .replace(/\$f\d+/g, (id) => names.get(id) ?? id);
}

/** What translations use beyond the first WebAssembly. */
const FEATURES = {
  tail_call: true,
  simd: true,
  bulk_memory: true,
  sign_extension: true,
  mutable_globals: true,
  sat_float_to_int: true,
  multi_value: true,
  function_references: true,
};
