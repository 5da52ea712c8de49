/**
 * Which locals share a place. An emitter gives every value a local of its own; for each place where ways
 * meet, V8's optimising compiler keeps a list of all of a function's locals, so that many of them cost it
 * hundreds of megabytes.
 */
import type { Expression, Nodes } from "./nodes.ts";

/** Statements that are done one after another, and whether they are a loop's. */
interface List {
  loop: boolean;
  /** Locals from outside the loop that are used in it: another round needs them still. */
  needed: number[];
}

/** From the assignment that comes first to the last use, in the order of evaluation. */
interface Life {
  /** The list with the first assignment, and how many are open around it. */
  home: List;
  depth: number;
  from: number;
  to: number;
}

/** Follows a body in the order of evaluation. */
class Lives {
  /** By local: null for one that may be read before it is assigned, which keeps its place to itself. */
  readonly found: (Life | null | undefined)[] = [];
  readonly #open: List[] = [];
  #now = 0;

  constructor(private readonly nodes: Nodes) {}

  /** A list that is left early by some, or done again: what is assigned in it may not be behind it. */
  list(statements: readonly Expression[], loop = false): void {
    const list = { loop, needed: [] as number[] };
    this.#open.push(list);
    for (const s of statements) this.#visit(s);
    this.#open.pop();
    for (const local of list.needed) {
      const life = this.found[local];
      if (life) life.to = this.#now;
    }
  }

  #visit(e: Expression): void {
    const node = this.nodes.list[e];
    if ("operands" in node) { for (const o of node.operands) this.#visit(o); }
    this.#now++;
    switch (node.kind) {
      case "get":
      case "set":
        return this.#use(node.local, node.kind === "set");
      case "block":
        // nobody leaves one without a label but at its end
        if (node.label !== null) return this.list(node.body);
        for (const s of node.body) this.#visit(s);
        return;
      case "loop":
        return this.list(node.body, true);
      case "if":
        this.list([node.then]);
        if (node.otherwise !== null) this.list([node.otherwise]);
    }
  }

  #use(local: number, assigned: boolean): void {
    const life = this.found[local];
    if (life === null) return;
    if (life === undefined) {
      const depth = this.#open.length - 1;
      const [from, to] = [this.#now, this.#now];
      this.found[local] = assigned ? { home: this.#open[depth], depth, from, to } : null;
      return;
    }
    if (this.#open[life.depth] !== life.home) {
      this.found[local] = null;
      return;
    }
    life.to = this.#now;
    this.#open.find(({ loop }, depth) => loop && depth > life.depth)?.needed.push(local);
  }
}

/**
 * Gives places to the locals that are used.
 *
 * @param types of the locals behind the parameters
 * @returns by local its place, and how many places there are of each type in their order
 */
export function placeLocals(
  nodes: Nodes,
  body: Expression,
  types: readonly number[],
  parameters: number,
): { places: number[]; counts: Map<number, number> } {
  const lives = new Lives(nodes);
  lives.list([body]);
  const used = types
    .map((type, n) => ({ local: parameters + n, type, life: lives.found[parameters + n] }))
    .filter(({ life }) => life !== undefined)
    .sort((a, b) => (a.life?.from ?? 0) - (b.life?.from ?? 0));
  /** By type, when each place is free again. */
  const free = new Map<number, number[]>();
  const within = new Map<number, number>();
  for (const { local, type, life } of used) {
    const ends = free.get(type) ?? [];
    free.set(type, ends);
    const at = life ? ends.findIndex((end) => end < life.from) : -1;
    const place = at < 0 ? ends.length : at;
    ends[place] = life ? life.to : Infinity;
    within.set(local, place);
  }
  const places = Array.from({ length: parameters }, (_, n) => n);
  const counts = new Map<number, number>();
  let first = parameters;
  for (const [type, ends] of free) {
    for (const l of used) if (l.type === type) places[l.local] = first + within.get(l.local)!;
    counts.set(type, ends.length);
    first += ends.length;
  }
  return { places, counts };
}
