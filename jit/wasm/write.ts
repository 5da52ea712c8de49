/** Writes statements and expressions as WebAssembly's bytes. */
import type { Bytes } from "./bytes.ts";
import type { Expression, Nodes } from "./nodes.ts";

/** A call whose function has no number yet. */
export interface Call {
  /** Where its number belongs. */
  at: number;
  name: string;
}

/** What the writing of a body needs and finds. */
export interface Labels {
  /** The number that a local has in the module. */
  locals: readonly number[];
  /** The number of a function, null while it has none. */
  numberOf: (name: string) => number | null;
  /** Labels of the blocks around, the innermost last. */
  stack: (string | null)[];
  /** Offsets in the body of branches that are unlikely. */
  hints: number[];
  /** Calls of functions that have no number yet. */
  calls: Call[];
}

const EMPTY = 0x40;
const END = 0x0b;

function depth({ stack }: Labels, label: string): number {
  const at = stack.lastIndexOf(label);
  if (at < 0) throw new Error(`no block ${label}`);
  return stack.length - 1 - at;
}

function writeAll(nodes: Nodes, list: readonly Expression[], b: Bytes, labels: Labels): void {
  for (const e of list) writeStatement(nodes, e, b, labels);
}

function writeCall(name: string, b: Bytes, labels: Labels): void {
  const number = labels.numberOf(name);
  if (number !== null) b.unsigned(number);
  else labels.calls.push({ at: b.later(), name });
}

export function writeStatement(nodes: Nodes, e: Expression, b: Bytes, labels: Labels): void {
  const node = nodes.list[e];
  if ("operands" in node) writeAll(nodes, node.operands, b, labels);
  switch (node.kind) {
    case "operation":
    case "constant":
      return b.all(node.bytes);
    case "get":
      b.byte(0x20);
      return b.unsigned(labels.locals[node.local]);
    case "set":
      b.byte(0x21);
      return b.unsigned(labels.locals[node.local]);
    case "block":
      // a block that nobody leaves early is only a list
      if (node.label === null) return writeAll(nodes, node.body, b, labels);
      b.byte(0x02);
      break;
    case "loop":
      b.byte(0x03);
      break;
    case "if":
      if (node.unlikely) labels.hints.push(b.length);
      b.byte(0x04);
      break;
    case "branch":
      b.byte(0x0c);
      return b.unsigned(depth(labels, node.label));
    case "switch":
      b.byte(0x0e);
      b.unsigned(node.labels.length);
      for (const label of node.labels) b.unsigned(depth(labels, label));
      return b.unsigned(depth(labels, node.last));
    case "call":
      b.byte(node.tail ? 0x12 : 0x10);
      return writeCall(node.name, b, labels);
  }
  b.byte(EMPTY);
  labels.stack.push(node.kind === "if" ? null : node.label);
  if (node.kind !== "if") writeAll(nodes, node.body, b, labels);
  else {
    writeStatement(nodes, node.then, b, labels);
    if (node.otherwise !== null) {
      b.byte(0x05);
      writeStatement(nodes, node.otherwise, b, labels);
    }
  }
  labels.stack.pop();
  b.byte(END);
}
