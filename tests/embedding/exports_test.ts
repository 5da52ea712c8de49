/** docs/embedding.md says of the module what the module is, and no export of the host's traps. */
import assert from "node:assert/strict";
import binaryen from "binaryen";
import fc from "fast-check";
import { MAILBOX } from "../../core/wasm/layout.ts";
import { loadModule } from "../../mod.ts";

const module = await loadModule();
const page = await Deno.readTextFile(new URL("../../docs/embedding.md", import.meta.url));

const TYPES = new Map([[binaryen.i32, "i32"], [binaryen.i64, "i64"]]);
const INTERNAL =
  /^(cpu_|insn_|probe_|slice_)|^(resume|link|lookup|fault|handlers|hypercall|deliver_events|code_generation|code_made)$/;

/** Types of the module's exports and imports as the page writes them. */
function signatures(): { exports: Map<string, string>; imports: Map<string, string> } {
  const m = binaryen.readBinary(module);
  const type = (f: binaryen.FunctionInfo) => {
    const parameters = binaryen.expandType(f.params).map((t) => TYPES.get(t));
    return `(${parameters.join(", ")}) ${TYPES.get(f.results) ?? ""}`.trim();
  };
  const exports = new Map<string, string>();
  for (let i = 0; i < m.getNumExports(); i++) {
    const { name, value, kind } = binaryen.getExportInfo(m.getExportByIndex(i));
    if (INTERNAL.test(name)) continue;
    const isFunction = kind === binaryen.ExternalFunction;
    exports.set(name, isFunction ? type(binaryen.getFunctionInfo(m.getFunction(value))) : "memory");
  }
  const imports = new Map<string, string>();
  for (let i = 0; i < m.getNumFunctions(); i++) {
    const info = binaryen.getFunctionInfo(m.getFunctionByIndex(i));
    if (info.module === "env") imports.set(info.base!, type(info));
  }
  m.dispose();
  return { exports, imports };
}

/** Rows of the page's tables whose second column is a type. */
function documented(): Map<string, string> {
  const rows = page.matchAll(/^\| `(\w+)`\s+\| (memory|\(.*?\)(?: i\d\d)?)\s+\|/gm);
  return new Map([...rows].map(([, name, type]) => [name, type]));
}

Deno.test("docs/embedding.md names every export and import with its type", () => {
  const { exports, imports } = signatures();
  assert.equal(imports.size, 4);
  assert.deepEqual(
    new Map([...documented()].sort()),
    new Map([...exports, ...imports].sort()),
  );
});

Deno.test("the module fits: 1 MiB, and 300 KiB for the network", async () => {
  const packed = new Blob([module]).stream().pipeThrough(new CompressionStream("gzip"));
  const size = (await new Response(packed).arrayBuffer()).byteLength;
  assert.ok(module.length <= 1 << 20, `${module.length} bytes`);
  assert.ok(size <= 300 << 10, `${size} bytes gzip'd`);
});

type Exports = Record<string, (...args: (number | bigint)[]) => number | bigint>;

async function instance(): Promise<Exports> {
  const env = { log() {}, trace() {}, clock: () => 5n, wall: () => 6n };
  const { instance } = await WebAssembly.instantiate(module, { env });
  return instance.exports as unknown as Exports;
}

/** Trusts its caller, as the page says. */
const TRUSTING = ["machine_thaw"];

Deno.test("wrong arguments, in any order, from the first call on: a result, and no trap", async () => {
  const names = [...signatures().exports.keys()].filter((name) =>
    name !== "memory" && !TRUSTING.includes(name)
  );
  const types = signatures().exports;
  const number = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -2, max: 6 }) },
    fc.constantFrom(MAILBOX, MAILBOX + 0x7fff, 0x3fff, 0x7fffffff, -0x80000000, 0x10000, 0x7ff0),
    fc.integer(),
  );
  const call = fc.constantFrom(...names).chain((name) => {
    const parameters = types.get(name)!.match(/\((.*)\)/)![1].split(", ").filter(Boolean);
    return fc.tuple(
      fc.constant(name),
      fc.tuple(...parameters.map((t) => t === "i64" ? number.map(BigInt) : number)),
    );
  });
  const results = new Map<string, Set<number | bigint>>(names.map((name) => [name, new Set()]));
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 20, maxLength: 60 }), async (calls) => {
      const x = await instance();
      for (const [name, args] of calls) {
        // room for a few guests only: this is about arguments, not about memory
        const given = /^machine_(init|grow)$/.test(name) ? [Number(args[0]) & 0x3ff] : args;
        results.get(name)!.add(x[name](...given));
      }
    }),
    { numRuns: 150 },
  );
  for (const [name, seen] of results) {
    assert.ok(seen.size > 0, `${name} was not called`);
    const numbers = [...seen].filter((result) => result !== undefined);
    assert.equal(numbers.length > 0, / i(32|64)$/.test(types.get(name)!), name);
    // 0, a value, or an errno
    assert.ok(numbers.every((result) => result >= -95), `${name} answered ${numbers}`);
  }
});

Deno.test("an address outside the mailbox is refused, and nothing is written there", async () => {
  const x = await instance();
  assert.equal(x.machine_init(64), 0);
  assert.equal(x.domain_create(1, 64, 0), 1);
  const EFAULT = -14;
  for (const at of [0, MAILBOX - 4, MAILBOX + 0x8000 - 2, 0x7ffffff0, -8]) {
    assert.equal(x.domain_populate(1, 0, 1, at), EFAULT);
    assert.equal(x.domain_set_handle(1, at), EFAULT);
    assert.equal(x.vcpu_set_context(1, 0, at), EFAULT);
    assert.equal(x.host_evtchn_poll(1, at, 4), EFAULT);
    assert.equal(x.machine_freeze(at), EFAULT);
  }
  assert.equal(x.domain_frames(1), 2); // shared_info, and what a grant table begins with
});
