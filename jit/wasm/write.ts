/** Writes statements and expressions as WebAssembly's bytes. */
import type { Bytes } from "./bytes.ts";
import type { Expression, Nodes } from "./nodes.ts";

/** What the writing of a body needs and finds. */
export interface Labels {
  /** Numbers of the functions. */
  functions: Map<string, number>;
  /** Labels of the blocks around, the innermost last. */
  stack: (string | null)[];
  /** Offsets in the body of branches that are unlikely. */
  hints: number[];
}

const EMPTY = 0x40;
const END = 0x0b;

export function writeStatement(nodes: Nodes, e: Expression, b: Bytes, labels: Labels): void {
  const node = nodes.list[e];
  if ("operands" in node) { for (const o of node.operands) writeStatement(nodes, o, b, labels); }
  const depth = (label: string) => {
    const at = labels.stack.lastIndexOf(label);
    if (at < 0) throw new Error(`no block ${label}`);
    return labels.stack.length - 1 - at;
  };
  const within = (label: string | null, body: Expression[]) => {
    labels.stack.push(label);
    for (const s of body) writeStatement(nodes, s, b, labels);
    labels.stack.pop();
  };
  switch (node.kind) {
    case "operation":
    case "constant":
      return b.all(node.bytes);
    case "get":
      b.byte(0x20);
      return b.unsigned(node.local);
    case "set":
      b.byte(0x21);
      return b.unsigned(node.local);
    case "block":
      // a block that nobody leaves early is only a list
      if (node.label === null) return node.body.forEach((s) => writeStatement(nodes, s, b, labels));
      b.all([0x02, EMPTY]);
      within(node.label, node.body);
      return b.byte(END);
    case "loop":
      b.all([0x03, EMPTY]);
      within(node.label, node.body);
      return b.byte(END);
    case "if":
      if (node.unlikely) labels.hints.push(b.length);
      b.all([0x04, EMPTY]);
      within(null, [node.then]);
      if (node.otherwise !== null) {
        b.byte(0x05);
        within(null, [node.otherwise]);
      }
      return b.byte(END);
    case "branch":
      b.byte(0x0c);
      return b.unsigned(depth(node.label));
    case "switch":
      b.byte(0x0e);
      b.unsigned(node.labels.length);
      for (const label of [...node.labels, node.last]) b.unsigned(depth(label));
      return;
    case "call":
      b.byte(node.tail ? 0x12 : 0x10);
      return b.unsigned(labels.functions.get(node.name)!);
  }
}
