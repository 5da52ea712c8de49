/**
 * From a control-flow graph to WebAssembly's nested blocks and loops.
 *
 * Every block gets its place in the dominator tree: a block's children follow it, each behind the end
 * of a `block` that branches forward to it leave, and a block that branches come back to stands in a
 * `loop` (Ramsey, "Beyond Relooper", 2022). Above all blocks stands the dispatcher, one switch by block
 * number: the way in from outside, and the way for the jumps of loops that have more than one entry.
 */

/** How a jump from one block to another is made. */
export type Way = "forward" | "back" | "dispatch";

export interface Structure {
  /** Blocks that the dispatcher leads to, in ascending order. */
  dispatched: number[];
  /** Whether some jump goes back to the dispatcher. */
  dispatcherLoops: boolean;
  /** Blocks that some jump comes back to. */
  loops: Set<number>;
  /** Children in the dominator tree by block, in the order in which they follow; the last entry is the dispatcher's. */
  children: number[][];
  /** How to get from a block to another. */
  way(from: number, to: number): Way;
}

/**
 * @param successors by block
 * @param entries blocks that can be entered from outside; every block is reachable from one of them
 */
export function structure(successors: number[][], entries: number[]): Structure {
  const dispatched = new Set(entries);
  const rerouted = new Set<number>();
  const n = successors.length;
  const edge = (from: number, to: number) => from * n + to;
  for (;;) {
    const next = successors.map((list, from) => list.filter((to) => !rerouted.has(edge(from, to))));
    const tree = dominators([...next, [...dispatched].sort((a, b) => a - b)], n);
    const loops = new Set<number>();
    let changed = false;
    for (const [from, list] of next.entries()) {
      if (tree.order[from] < 0) continue;
      for (const to of list) {
        if (tree.order[to] > tree.order[from]) continue;
        if (tree.dominates(to, from)) loops.add(to);
        else {
          rerouted.add(edge(from, to));
          dispatched.add(to);
          changed = true;
        }
      }
    }
    if (changed) continue;
    return {
      dispatched: [...dispatched].sort((a, b) => a - b),
      dispatcherLoops: rerouted.size > 0,
      loops,
      children: tree.children,
      way: (from, to) => {
        if (rerouted.has(edge(from, to))) return "dispatch";
        return tree.order[to] <= tree.order[from] ? "back" : "forward";
      },
    };
  }
}

/** Reverse postorder and dominator tree of a graph (Cooper, Harvey, Kennedy). */
function dominators(successors: number[][], root: number) {
  const n = successors.length;
  const sequence: number[] = [];
  const seen = new Array<boolean>(n).fill(false);
  const stack: [number, number][] = [[root, 0]];
  seen[root] = true;
  while (stack.length) {
    const top = stack[stack.length - 1];
    const to = successors[top[0]][top[1]++];
    if (to === undefined) {
      sequence.push(top[0]);
      stack.pop();
    } else if (!seen[to]) {
      seen[to] = true;
      stack.push([to, 0]);
    }
  }
  sequence.reverse();
  const order = new Array<number>(n).fill(-1);
  sequence.forEach((b, i) => order[b] = i);
  const predecessors: number[][] = Array.from({ length: n }, () => []);
  for (const from of sequence) for (const to of successors[from]) predecessors[to].push(from);
  const idom = new Array<number>(n).fill(-1);
  idom[root] = root;
  const common = (a: number, b: number) => {
    while (a !== b) {
      while (order[a] > order[b]) a = idom[a];
      while (order[b] > order[a]) b = idom[b];
    }
    return a;
  };
  for (let changed = true; changed;) {
    changed = false;
    for (const b of sequence) {
      if (b === root) continue;
      const known = predecessors[b].filter((p) => idom[p] >= 0);
      const best = known.reduce(common);
      if (idom[b] !== best) {
        idom[b] = best;
        changed = true;
      }
    }
  }
  const children: number[][] = Array.from({ length: n }, () => []);
  for (const b of sequence) if (b !== root) children[idom[b]].push(b);
  const dominates = (a: number, b: number) => {
    while (order[b] > order[a]) b = idom[b];
    return a === b;
  };
  return { order, children, dominates };
}
