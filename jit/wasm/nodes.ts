/**
 * What a function's body is built from before it is written: the operations as trees. An expression is
 * a number, as in binaryen.js: the place of its node in a list.
 */
import { signed } from "./bytes.ts";

/** An expression or statement: the place of its node. */
export type Expression = number;

export type Node =
  /** An operation: its operands, then its bytes. `pure` ones may be left out when nobody uses them. */
  | { kind: "operation"; operands: Expression[]; bytes: number[]; pure: boolean }
  | { kind: "constant"; bytes: number[] }
  | { kind: "get"; local: number }
  | { kind: "set"; local: number; operands: [Expression] }
  | { kind: "block" | "loop"; label: string | null; body: Expression[] }
  | {
    kind: "if";
    operands: [Expression];
    unlikely: boolean;
    then: Expression;
    otherwise: Expression | null;
  }
  | { kind: "branch"; label: string }
  | { kind: "switch"; labels: string[]; last: string; operands: [Expression] }
  | { kind: "call"; name: string; operands: Expression[]; tail: boolean };

/** The nodes of one function, and how often each local is read and assigned. */
export class Nodes {
  readonly list: Node[] = [];
  readonly reads: number[] = [];
  readonly writes: number[] = [];
  /** One node for all places: by local, what reads it; by its value, a 32-bit constant. */
  #gets: Expression[] = [];
  #constants = new Map<number, Expression>();

  add(node: Node): Expression {
    return this.list.push(node) - 1;
  }

  /** The expression that reads a local. */
  get(local: number): Expression {
    return this.#gets[local] ??= this.add({ kind: "get", local });
  }

  /** A 32-bit constant. */
  constant(n: number): Expression {
    const known = this.#constants.get(n);
    if (known !== undefined) return known;
    const made = this.add({ kind: "constant", bytes: [0x41, ...signed(n)] });
    this.#constants.set(n, made);
    return made;
  }

  /** Keeps only the first nodes. */
  cut(length: number): void {
    this.list.length = length;
    this.#gets = [];
    this.#constants.clear();
  }

  /** Counts the reads and writes below an expression. */
  count(e: Expression): void {
    const node = this.list[e];
    if (node.kind === "get") this.reads[node.local] = (this.reads[node.local] ?? 0) + 1;
    if (node.kind === "set") this.writes[node.local] = (this.writes[node.local] ?? 0) + 1;
    if ("operands" in node) { for (const o of node.operands) this.count(o); }
    if (node.kind === "block" || node.kind === "loop") { for (const s of node.body) this.count(s); }
    if (node.kind !== "if") return;
    this.count(node.then);
    if (node.otherwise !== null) this.count(node.otherwise);
  }

  /** Takes back what adding an expression that is left out after all has counted. */
  forget(e: Expression): void {
    const node = this.list[e];
    if (node.kind === "get") this.reads[node.local]--;
    if (node.kind === "set") this.writes[node.local]--;
    if ("operands" in node) node.operands.forEach((o) => this.forget(o));
  }

  /** True if an expression does nothing but give a value. */
  pure(e: Expression): boolean {
    const node = this.list[e];
    if (node.kind === "get" || node.kind === "constant") return true;
    return node.kind === "operation" && node.pure && node.operands.every((o) => this.pure(o));
  }
}
