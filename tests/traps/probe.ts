/** Compiles the core with its inner functions exported, for tests of segments/ and traps/. */
import { compileCore } from "../../core/build/asc.ts";
import { buildCached, isCached, readCached } from "../../core/build/cache.ts";
import { hashInputs, MODULE_INPUTS, ROOT } from "../../core/build/inputs.ts";
import { CPU, MACHINE } from "../../core/wasm/layout.ts";
import { generatedSources } from "../../jit/isa/generate.ts";

type Exports = Record<string, (...args: (number | bigint)[]) => number> & {
  memory: WebAssembly.Memory;
  probe_check(low: number, high: number): bigint;
  segment_address(seg: number, offset: number, size: number, write: number): bigint;
  insn_lar(selector: number): bigint;
  insn_lsl(selector: number): bigint;
};

/** The functions that probe.as exports, and ways to look at the machine they work on. */
export interface Probe {
  x: Exports;
  /** Machine memory: frame n starts at n << 12. */
  machine: DataView;
  /** The CPU state. */
  cpu: DataView;
  /** The pending fault, cleared: "" for none, else "vector" or "vector:error" in hex. */
  fault(): string;
}

const source = Deno.readTextFileSync(new URL("probe.as", import.meta.url));

async function compiled(): Promise<Uint8Array<ArrayBuffer>> {
  const hash = await hashInputs(MODULE_INPUTS, source);
  if (!isCached(hash)) {
    await buildCached(hash, async () => ({
      "probe.wasm": await compileCore(new URL("core/wasm/", ROOT), {
        ...generatedSources(),
        "index.ts": source,
      }),
    }));
  }
  return readCached(hash, "probe.wasm")!;
}

/** Vectors whose faults carry an error code. */
const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17];

/**
 * A fresh core.
 *
 * @param simple gives it a machine of 64 frames without page tables, with one vCPU whose first GDT
 *   page is frame 1
 */
export async function probe(simple = true): Promise<Probe> {
  const module = await WebAssembly.compile(await compiled());
  const env: Record<string, () => number | bigint> = {};
  for (const { name } of WebAssembly.Module.imports(module)) {
    env[name] = name === "clock" || name === "wall" ? () => 0n : () => 0;
  }
  const instance = await WebAssembly.instantiate(module, { env });
  const x = instance.exports as unknown as Exports;
  if (simple) x.probe_init(64);
  return {
    x,
    machine: new DataView(x.memory.buffer, simple ? MACHINE : 0, simple ? 64 << 12 : 0),
    cpu: new DataView(x.memory.buffer, CPU, 0x480),
    fault() {
      const found = x.probe_fault();
      if (found === -1) return "";
      const vector = found >>> 16;
      const error = (found & 0xffff).toString(16);
      return vector.toString(16) + (WITH_ERROR.includes(vector) ? ":" + error : "");
    },
  };
}
