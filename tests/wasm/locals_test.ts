/** Locals share places, and no value is lost by it. */
import assert from "node:assert/strict";
import { Random } from "../random.ts";
import { placeLocals } from "../../jit/wasm/locals.ts";
import { WasmModule } from "../../jit/wasm/module.ts";
import { type Expression, Nodes } from "../../jit/wasm/nodes.ts";
import { WASM_TYPES } from "../../jit/semantics/value.ts";

const { i32 } = WASM_TYPES;
/** Locals of a random program besides its only parameter, and calls of `f` that it may make. */
const LOCALS = 300, CALLS = 60;

/** Statements, and what they do: a label that is jumped to, null for going on. */
interface Statement {
  e: Expression;
  run: (locals: number[], said: number[]) => string | null;
}

/** Builds a random program twice: as WebAssembly, and as what it means with a local for each value. */
class Program {
  readonly module = new WasmModule();
  #labels = 0;
  #assigned = 0;

  constructor(private readonly r: Random) {}

  /** A sum of locals; `f` says what it is worth. */
  #value(): { e: Expression; of: (locals: number[]) => number } {
    const any = () => Math.max(0, this.#assigned - this.r.below(8));
    const [a, b, n] = [any(), any(), this.r.below(9)];
    const { local, i32: op } = this.module;
    const add = (x: Expression, y: Expression) => op.add(...[x, y] as never[]);
    const constant = op.const(...[n] as never[]);
    return {
      e: add(add(local.get(a), constant), local.get(b)),
      of: (locals) => (locals[a] + n | 0) + locals[b] | 0,
    };
  }

  statements(labels: string[], depth: number): { e: Expression[]; run: Statement["run"] } {
    const all = Array.from({ length: 1 + this.r.below(5) }, () => this.#statement(labels, depth));
    return {
      e: all.map(({ e }) => e),
      run: (locals, said) => {
        for (const { run } of all) {
          if (said.length >= CALLS) return "end";
          const to = run(locals, said);
          if (to !== null) return to;
        }
        return null;
      },
    };
  }

  #statement(labels: string[], depth: number): Statement {
    const { module, r } = this;
    const v = this.#value();
    const odd = () => module.i32.and(...[v.e, module.i32.const(...[1] as never[])] as never[]);
    const kind = r.below(depth > 0 ? 7 : 4);
    if (kind < 2) {
      // most are assigned once, as an emitter's are
      const to = r.oneIn(6) || this.#assigned === LOCALS
        ? 1 + r.below(this.#assigned)
        : ++this.#assigned;
      const run = (locals: number[]) => (locals[to] = v.of(locals), null);
      return { e: module.local.set(to, v.e), run };
    }
    if (kind === 2) {
      // the call says whether the program ends
      const e = module.block(null, [
        module.local.set(LOCALS + 1, module.call("f", [v.e])),
        module.if(module.local.get(LOCALS + 1), module.br("end")),
      ]);
      const run = (locals: number[], said: number[]) =>
        said.push(v.of(locals)) >= CALLS ? "end" : null;
      return { e, run };
    }
    if (kind === 3) {
      const to = r.pick(labels);
      const run = (locals: number[]) => v.of(locals) & 1 ? to : null;
      return { e: module.if(odd(), module.br(to)), run };
    }
    const label = `l${this.#labels++}`;
    if (kind === 4) {
      const [then, other] = [
        this.statements(labels, depth - 1),
        this.statements(labels, depth - 1),
      ];
      const e = module.if(odd(), module.block(null, then.e), module.block(null, other.e));
      const run = (locals: number[], said: number[]) =>
        (v.of(locals) & 1 ? then : other).run(locals, said);
      return { e, run };
    }
    const inner = this.statements([...labels, label], depth - 1);
    if (kind === 5) {
      const run = (locals: number[], said: number[]) => {
        const to = inner.run(locals, said);
        return to === label ? null : to;
      };
      return { e: module.block(label, inner.e), run };
    }
    // a round begins with a call, so that rounds come to an end
    const e = module.loop(
      label,
      module.block(null, [
        module.local.set(LOCALS + 1, module.call("f", [module.local.get(1)])),
        module.if(module.local.get(LOCALS + 1), module.br("end")),
        ...inner.e,
      ]),
    );
    const run = (locals: number[], said: number[]) => {
      for (;;) {
        if (said.push(locals[1]) >= CALLS) return "end";
        const to = inner.run(locals, said);
        if (to !== label) return to;
      }
    };
    return { e, run };
  }
}

Deno.test("random programs do the same whatever locals share a place", () => {
  const seed = 20260901;
  const r = new Random(seed);
  for (let n = 0; n < 400; n++) {
    const program = new Program(r);
    const { module } = program;
    module.declare("f", { parameters: [i32], results: [i32] });
    const { e, run } = program.statements(["end"], 4);
    const body = module.block("end", e);
    const leave = module.return_call("f", [module.i32.const(...[-1] as never[])]);
    const types = new Array(LOCALS + 1).fill(i32);
    const signature = { parameters: [i32], results: [i32] };
    module.addFunction("main", signature, types, module.block(null, [body, leave]));
    module.addFunctionExport("main", "main");
    const said: number[] = [];
    const f = (value: number) => +(said.push(value) >= CALLS);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.emitBinary()), {
      env: {
        f,
        memory: new WebAssembly.Memory({ initial: 1 }),
        handlers: new WebAssembly.Table({ element: "anyfunc", initial: 1 }),
      },
    });
    (exports.main as (n: number) => number)(n);
    const expected: number[] = [];
    run([n, ...new Array(LOCALS).fill(0)], expected);
    assert.deepEqual(said, [...expected, -1], `seed ${seed}, program ${n}`);
  }
});

/** How many places the locals of a body need. */
function places(
  build: (nodes: Nodes, set: (n: number, e: Expression) => Expression) => Expression[],
) {
  const nodes = new Nodes();
  const set = (local: number, e: Expression) => nodes.add({ kind: "set", local, operands: [e] });
  const body = build(nodes, set);
  const block = nodes.add({ kind: "block", label: null, body });
  return placeLocals(nodes, block, new Array(3).fill(i32), 0).counts.get(i32);
}

Deno.test("values that follow one another have one place, those that are needed at once have two", () => {
  const chain = places((nodes, set) => [
    set(0, nodes.constant(1)),
    set(1, nodes.get(0)),
    set(2, nodes.get(1)),
  ]);
  assert.equal(chain, 1);
  const both = places((nodes, set) => [
    set(0, nodes.constant(1)),
    set(1, nodes.constant(2)),
    set(
      2,
      nodes.add({
        kind: "operation",
        operands: [nodes.get(0), nodes.get(1)],
        bytes: [0x6a],
        pure: true,
      }),
    ),
  ]);
  assert.equal(both, 2);
});

Deno.test("what a loop takes in from outside keeps its place to the loop's end", () => {
  const needed = places((nodes, set) => [
    set(0, nodes.constant(1)),
    nodes.add({ kind: "loop", label: "again", body: [set(1, nodes.get(0)), set(2, nodes.get(1))] }),
  ]);
  assert.equal(needed, 2);
});

Deno.test("what may be read before it is assigned has a place of its own", () => {
  const early = places((nodes, set) => [
    nodes.add({
      kind: "loop",
      label: "again",
      body: [set(0, nodes.get(1)), set(1, nodes.constant(1)), set(2, nodes.constant(2))],
    }),
  ]);
  assert.equal(early, 2);
});
