/** Random graphs: each jump finds the label it needs around it, and each block its place. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { perfectHash } from "../../jit/translator/hash.ts";
import { structure } from "../../jit/translator/structure.ts";

const graph = fc.integer({ min: 1, max: 24 }).chain((n) =>
  fc.record({
    successors: fc.array(fc.uniqueArray(fc.nat(n - 1), { maxLength: 3 }), {
      minLength: n,
      maxLength: n,
    }),
    entries: fc.uniqueArray(fc.nat(n - 1), { minLength: 1, maxLength: 3 }),
  })
);

Deno.test("every jump of a random graph can be made where the structure puts it", () => {
  fc.assert(fc.property(graph, ({ successors, entries }) => {
    const { children, dispatched, loops, way, dispatcherLoops } = structure(successors, entries);
    const dispatcher = successors.length;
    const parent = new Map<number, number>();
    children.forEach((list, above) => list.forEach((child) => parent.set(child, above)));
    const above = (block: number): number[] =>
      block === dispatcher ? [block] : [block, ...above(parent.get(block)!)];
    const reached = new Set<number>();
    const visit = (block: number): void => {
      if (reached.has(block)) return;
      reached.add(block);
      successors[block].forEach(visit);
    };
    entries.forEach(visit);
    // each block that can be reached stands once in the tree
    assert.deepEqual([...parent.keys()].sort(), [...reached].sort());
    for (const entry of entries) assert.ok(dispatched.includes(entry));
    for (const block of dispatched) assert.ok(children[dispatcher].includes(block));
    for (const from of reached) {
      for (const to of successors[from]) {
        const around = above(from);
        switch (way(from, to)) {
          case "dispatch":
            assert.ok(dispatched.includes(to) && dispatcherLoops);
            break;
          case "back": // a loop around the block
            assert.ok(loops.has(to) && around.includes(to));
            break;
          case "forward": { // behind a block that is still open
            const siblings = children[parent.get(to)!];
            assert.ok(around.includes(parent.get(to)!));
            const within = siblings.findIndex((s) => around.includes(s));
            assert.ok(within < siblings.indexOf(to));
          }
        }
      }
    }
  }));
});

Deno.test("a perfect hash tells all its numbers apart", () => {
  const numbers = fc.uniqueArray(fc.integer({ min: -4096, max: 4096 }), {
    minLength: 1,
    maxLength: 80,
  });
  fc.assert(fc.property(numbers, (list) => {
    const { factor, bits, places } = perfectHash(list);
    assert.equal(places.length, 1 << bits);
    list.forEach((n, i) => assert.equal(places[Math.imul(n, factor) >>> (32 - bits)], i));
  }));
});
