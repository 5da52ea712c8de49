// The kernel language on a real processor (else on ours): what it computes is what JavaScript computes.

import assert from "node:assert/strict";
import fc from "fast-check";
import {
  array,
  break_,
  continue_,
  fn,
  for_,
  forever,
  global,
  if_,
  local,
  localOf,
  ret,
  struct,
  table,
  u16,
  u32,
  u8,
  Value,
  while_,
} from "../../guest/asm/mod.ts";
import type { Given } from "../../guest/asm/mod.ts";
import { callPointer } from "../../guest/asm/mod.ts";
import { write } from "./native.ts";
import { runProgram } from "./run_program.ts";

const variables = [0, 1, 7, 0x80000000, 0xffffffff, 0x1234567];

/** An expression as source for both worlds. */
type Tree =
  | { variable: number }
  | { constant: number }
  | { called: Tree }
  | { op: string; a: Tree; b: Tree };

const operators: Record<
  string,
  { js: (a: number, b: number) => number; kernel: (a: Value, b: Given) => Value }
> = {
  plus: { js: (a, b) => a + b, kernel: (a, b) => a.plus(b) },
  minus: { js: (a, b) => a - b, kernel: (a, b) => a.minus(b) },
  times: { js: (a, b) => Math.imul(a, b), kernel: (a, b) => a.times(b) },
  over: {
    js: (a, b) => Math.floor((a >>> 0) / ((b | 1) >>> 0)),
    kernel: (a, b) => a.over(given(b).or(1)),
  },
  mod: { js: (a, b) => (a >>> 0) % ((b | 1) >>> 0), kernel: (a, b) => a.mod(given(b).or(1)) },
  and: { js: (a, b) => a & b, kernel: (a, b) => a.and(b) },
  or: { js: (a, b) => a | b, kernel: (a, b) => a.or(b) },
  xor: { js: (a, b) => a ^ b, kernel: (a, b) => a.xor(b) },
  shl: { js: (a, b) => a << (b & 31), kernel: (a, b) => a.shl(given(b).and(31)) },
  shr: { js: (a, b) => a >>> (b & 31), kernel: (a, b) => a.shr(given(b).and(31)) },
  sar: { js: (a, b) => a >> (b & 31), kernel: (a, b) => a.sar(given(b).and(31)) },
  eq: { js: (a, b) => +((a >>> 0) === (b >>> 0)), kernel: (a, b) => a.eq(b) },
  lt: { js: (a, b) => +((a >>> 0) < (b >>> 0)), kernel: (a, b) => a.lt(b) },
  le: { js: (a, b) => +((a >>> 0) <= (b >>> 0)), kernel: (a, b) => a.le(b) },
  gt: { js: (a, b) => +((a >>> 0) > (b >>> 0)), kernel: (a, b) => a.gt(b) },
  both: {
    js: (a, b) => +(a !== 0 && b !== 0),
    kernel: (a, b) => a.ne(0).both(() => given(b).ne(0)),
  },
  either: {
    js: (a, b) => +(a !== 0 || b !== 0),
    kernel: (a, b) => a.not().not().either(() => given(b)),
  },
  negative: { js: (a, b) => +((a | 0) < 0) + b, kernel: (a, b) => a.isNegative().plus(b) },
};

const given = (v: Given): Value =>
  v instanceof Value ? v : new Value({ kind: "number", value: v as number });

const tree = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.record({ variable: fc.nat(variables.length - 1) }),
    fc.record({ constant: fc.integer() }),
    fc.record({ called: tie("tree") }),
    fc.record({ op: fc.constantFrom(...Object.keys(operators)), a: tie("tree"), b: tie("tree") }),
  ),
})).tree;

function evaluate(t: Tree): number {
  if ("variable" in t) return variables[t.variable] | 0;
  if ("constant" in t) return t.constant | 0;
  if ("called" in t) return (evaluate(t.called) + 3) | 0;
  return operators[t.op].js(evaluate(t.a), evaluate(t.b)) | 0;
}

const addThree = fn("add_three", (x) => ret(x.plus(3)));

function compile(t: Tree, places: Value[]): Value {
  if ("variable" in t) return places[t.variable];
  if ("constant" in t) return given(t.constant);
  if ("called" in t) return addThree(compile(t.called, places));
  const a = compile(t.a, places), b = compile(t.b, places);
  return operators[t.op].kernel(a, b);
}

Deno.test({
  name: "expressions mean what they mean in JavaScript",
  fn: async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { minLength: 40, maxLength: 120 }), async (trees) => {
        const results = global("results", array(u32, trees.length));
        const one = trees.map((t) =>
          fn("one", () => {
            // Half of the variables live in the frame, half in memory.
            const places = variables.map((v, i) => {
              const place = i % 2 ? global(`v${i}`, u32) : local();
              place.set(v);
              return place;
            });
            ret(compile(t, places));
          })
        );
        const main = fn("main", () => {
          one.forEach((f, i) => results.at(i).set(f()));
          write(results.address, trees.length * 4);
          ret(0);
        });
        const { output } = await runProgram(main);
        assert.deepEqual([...new Int32Array(output.buffer)], trees.map(evaluate));
      }),
      { numRuns: 25 },
    );
  },
});

Deno.test({
  name: "loops, tables, structures and pointers",
  fn: async () => {
    const Pair = struct("pair", { tag: u8, half: u16, word: u32, tail: array(u8, 3) });
    assert.deepEqual(Pair.offsets, { tag: 0, half: 2, word: 4, tail: 8 });
    assert.equal(Pair.size, 12);
    const out = global("out", array(u32, 16));
    const pairs = global("pairs", array(Pair, 4));
    const double = fn("double", (x) => ret(x.plus(x)));
    const square = fn("square", (x) => ret(x.times(x)));
    const functions = table("functions", () => [double, square]);
    const length = fn("length", (s) => {
      const n = local(0);
      while_(() => u8.at(s.plus(n)).ne(0), () => n.inc());
      ret(n);
    });
    const main = fn("main", () => {
      out.at(0).set(length("seven c"));
      for_(0, 4, (i) => {
        const p = pairs.at(i);
        p.tag.set(i.plus(0x1fe)); // only the low byte is kept
        p.half.set(i.times(0x4001));
        p.word.set(i.minus(1));
        p.tail.at(2).set(i);
      });
      const sum = local(0);
      for_(0, 4, (i) => {
        if_(i.eq(1), () => continue_());
        sum.add(pairs.at(i).half);
      });
      out.at(1).set(sum);
      out.at(2).set(pairs.at(0).tag.plus(pairs.at(3).tag));
      out.at(3).set(callPointer(u32.at(functions), 21));
      out.at(4).set(callPointer(u32.at(functions.plus(4)), 21));
      const n = local(0);
      forever(() => {
        n.inc();
        if_(n.ge(10), () => break_());
      });
      out.at(5).set(n);
      const mine = localOf(Pair);
      mine.word.set(5);
      mine.word.add(6);
      mine.word.setBits(0x100);
      mine.tag.set(250);
      mine.tag.add(10);
      out.at(6).set(mine.word);
      out.at(7).set(mine.tag);
      out.at(8).set(pairs.at(2).address.minus(pairs.address));
      if_(n.eq(10), () => out.at(9).set(1), () => out.at(9).set(2));
      if_(n.ne(10), () => out.at(10).set(1), () => out.at(10).set(2));
      write(out.address, 44);
      ret(3);
    });
    const { status, output } = await runProgram(main);
    assert.equal(status, 3);
    assert.deepEqual([...new Uint32Array(output.buffer)], [
      7,
      0x8002 + 0xc003,
      0xfe + 0x01,
      42,
      441,
      10,
      0x10b,
      4,
      24,
      1,
      2,
    ]);
  },
});
