/**
 * Leaves out what nobody uses, and puts values that are used once where they are used.
 *
 * An emitter gives every value a local. V8's optimising compiler does not mind, its quick one does,
 * and so does whoever has to read all the bytes.
 */
import type { Expression, Node, Nodes } from "./nodes.ts";

/** Tidies a body, from its end to its beginning and then forward. */
export function tidy(nodes: Nodes, body: Expression): void {
  nodes.count(body);
  dropUnused(nodes, body);
  inline(nodes, body);
}

/** The statement lists within a statement, in order. */
function inner(node: Node): Expression[] {
  if (node.kind === "if") {
    return node.otherwise === null ? [node.then] : [node.then, node.otherwise];
  }
  return [];
}

/** Drops assignments to locals that are never read. */
function dropUnused(nodes: Nodes, e: Expression): void {
  const node = nodes.list[e];
  if (node.kind === "block" || node.kind === "loop") {
    const kept: Expression[] = [];
    for (const s of node.body.toReversed()) {
      const statement = nodes.list[s];
      const unused = statement.kind === "set" && !nodes.reads[statement.local] &&
        nodes.pure(statement.operands[0]);
      if (unused) nodes.forget(s);
      else {
        dropUnused(nodes, s);
        kept.push(s);
      }
    }
    node.body = kept.reverse();
  } else for (const s of inner(node).reverse()) dropUnused(nodes, s);
}

function inline(nodes: Nodes, e: Expression): void {
  const node = nodes.list[e];
  if (node.kind === "block" || node.kind === "loop") {
    const done: Expression[] = [];
    for (const s of node.body) {
      takeIn(nodes, s, done);
      inline(nodes, s);
      done.push(s);
    }
    node.body = done;
  } else for (const s of inner(node)) inline(nodes, s);
}

/**
 * Replaces operands that read a local by the expression that the statement just before assigns to it,
 * if that is all that is ever done with the local. Operands are evaluated in their order, so the last
 * ones come first here; what is evaluated before a replaced one only reads other locals.
 */
function takeIn(nodes: Nodes, e: Expression, before: Expression[]): void {
  const node = nodes.list[e];
  if (!("operands" in node)) return;
  const { operands } = node;
  for (let n = operands.length - 1; n >= 0; n--) {
    const operand = nodes.list[operands[n]];
    if (operand.kind !== "get") {
      takeIn(nodes, operands[n], before);
      continue;
    }
    const last = nodes.list[before[before.length - 1]];
    if (last?.kind !== "set" || last.local !== operand.local) continue;
    if (nodes.reads[last.local] !== 1 || nodes.writes[last.local] !== 1) continue;
    operands[n] = last.operands[0];
    before.pop();
    nodes.reads[last.local] = nodes.writes[last.local] = 0;
  }
}
