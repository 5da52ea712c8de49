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
    const text = module.toText({ foldExprs: false, inlineExport: false });
    return text.split("\n")
      .filter((line) => !/^ {2}\((type|import|export|table|memory|global|elem) /.test(line))
      .join("\n");
  } finally {
    module.destroy();
  }
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
