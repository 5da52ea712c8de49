/** The built module with nothing around it: enough to decode with. */
import { loadModule } from "../../core/build/load.ts";
import { MAILBOX } from "../../core/wasm/layout.ts";

/** Where the decoder puts its record: behind the instruction's bytes in the mailbox. */
export const RECORD_AT = MAILBOX + 64;

/** The core's exports that decoding takes. */
export interface DecodingExports {
  memory: WebAssembly.Memory;
  cpu_decode(p: number, n: number, rec: number, mode: number): number;
  cpu_decoded_row(): number;
  cpu_decoded_in_memory(): number;
}

/** A core and views of its memory (which does not grow while one only decodes). */
export interface CoreForDecoding {
  exports: DecodingExports;
  bytes: Uint8Array;
  view: DataView;
}

/**
 * Instantiates the built module; whatever it imports does nothing.
 *
 * @param long the one that knows 64-bit code
 */
export async function coreForDecoding(long = false): Promise<CoreForDecoding> {
  const module = new WebAssembly.Module(await loadModule(long ? "long" : ""));
  const imports: Record<string, Record<string, () => number>> = {};
  for (const i of WebAssembly.Module.imports(module)) {
    (imports[i.module] ??= {})[i.name] = () => 0;
  }
  const instance = new WebAssembly.Instance(module, imports);
  const exports = instance.exports as unknown as DecodingExports;
  return {
    exports,
    bytes: new Uint8Array(exports.memory.buffer),
    view: new DataView(exports.memory.buffer),
  };
}
