/**
 * Where a check can be dropped: the operands of conditions that refuse, and of conditions that let
 * through.
 *
 * `if (a || b) return …` refuses when one of its operands holds, and dropping one means that it is
 * taken for false; `if (a && b) …` and `return a && b` let through when all of them hold, and dropping
 * one means that it is taken for true.
 */
import ts from "typescript";

/** One operand that can be dropped. */
export interface Site {
  /** Characters from the text's beginning. */
  start: number;
  end: number;
  line: number;
  text: string;
  /** What it counts as when it is dropped. */
  as: boolean;
}

/** Names of constants, which are conditions for the compiler: dropping those says nothing. */
const CONSTANT = /^!?[A-Z_0-9]+$/;

/**
 * Finds them in an AssemblyScript file.
 *
 * @param text the whole file
 */
export function sites(text: string): Site[] {
  const source = ts.createSourceFile("file.ts", text, ts.ScriptTarget.Latest, true);
  const found: Site[] = [];
  const operands = (e: ts.Expression, kind: ts.SyntaxKind): ts.Expression[] => {
    if (ts.isBinaryExpression(e) && e.operatorToken.kind === kind) {
      return [...operands(e.left, kind), ...operands(e.right, kind)];
    }
    return [e];
  };
  const add = (e: ts.Expression, kind: ts.SyntaxKind, as: boolean) => {
    for (const operand of operands(e, kind)) {
      const [start, end] = [operand.getStart(), operand.getEnd()];
      const said = text.slice(start, end);
      if (CONSTANT.test(said)) continue;
      const line = source.getLineAndCharacterOfPosition(start).line + 1;
      found.push({ start, end, line, text: said.replace(/\s+/g, " "), as });
    }
  };
  const { AmpersandAmpersandToken: and, BarBarToken: or } = ts.SyntaxKind;
  const visit = (node: ts.Node) => {
    if (ts.isIfStatement(node)) {
      if (leaves(node.thenStatement) && !has(node.expression, and)) add(node.expression, or, false);
      else if (has(node.expression, and)) add(node.expression, and, true);
      else add(node.expression, or, false);
    } else if (ts.isReturnStatement(node) && node.expression) {
      for (const [kind, as] of [[and, true], [or, false]] as const) {
        if (has(node.expression, kind)) add(node.expression, kind, as);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found.sort((a, b) => a.start - b.start);
}

function has(e: ts.Expression, kind: ts.SyntaxKind): boolean {
  return ts.isBinaryExpression(e) && e.operatorToken.kind === kind;
}

/** Whether a statement ends the function, or this turn of the loop. */
function leaves(s: ts.Statement): boolean {
  if (ts.isBlock(s)) return s.statements.length > 0 && leaves(s.statements.at(-1)!);
  return ts.isReturnStatement(s) || ts.isContinueStatement(s) || ts.isBreakStatement(s);
}
