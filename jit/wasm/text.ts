/** Functions as text, in WebAssembly's folded form, for people who look at what was translated. */
import type { Expression, Nodes } from "./nodes.ts";
import {
  LANES,
  MEMORY,
  NUMERIC,
  SHUFFLE,
  VECTOR,
  VECTOR_CONST,
  VECTOR_LANE_MEMORY,
  VECTOR_MEMORY,
} from "./opcodes.ts";

/** Names by opcode, those after FD by 256 and more. */
const NAMES = new Map<number, string>([[0x1b, "select"], [0x13, "return_call_indirect"]]);
/** Opcodes that are followed by an alignment and an offset. */
const ACCESSES = new Set<number>();

function learn(type: string, opcodes: Record<string, number>, vector: boolean, access = false) {
  for (const [name, opcode] of Object.entries(opcodes)) {
    const n = vector ? 256 + opcode : opcode;
    NAMES.set(n, `${type}.${name}`);
    if (access) ACCESSES.add(n);
  }
}
for (const type of ["i32", "i64"] as const) {
  learn(type, NUMERIC[type], false);
  learn(type, MEMORY[type], false, true);
}
for (const [shape, opcodes] of Object.entries(VECTOR)) learn(shape, opcodes, true);
for (const [shape, opcodes] of Object.entries(LANES)) learn(shape, opcodes, true);
learn("v128", VECTOR_MEMORY, true, true);
learn("v128", VECTOR_LANE_MEMORY, true, true);
learn("i8x16", { shuffle: SHUFFLE }, true);
learn("v128", { const: VECTOR_CONST }, true);

/** A number of variable length and where the next one begins. */
function number(bytes: number[], at: number, isSigned: boolean): [bigint, number] {
  let [n, shift] = [0n, 0n];
  for (;; at++) {
    n |= BigInt(bytes[at] & 127) << shift;
    shift += 7n;
    if (bytes[at] & 128) continue;
    return [isSigned ? BigInt.asIntN(Number(shift), n) : n, at + 1];
  }
}

/** An operation's name and what stands in its bytes. */
function head(bytes: number[]): string {
  let [opcode, at] = [bytes[0], 1];
  if (opcode === 0xfd) {
    const [n, next] = number(bytes, 1, false);
    [opcode, at] = [256 + Number(n), next];
  }
  const name = NAMES.get(opcode) ?? `opcode ${opcode.toString(16)}`;
  if (!ACCESSES.has(opcode)) return [name, ...opcode < 256 ? [] : bytes.slice(at)].join(" ");
  const [offset, lane] = number(bytes, at + 1, false);
  return [offset ? `${name} ${offset.toString(16)}h` : name, ...bytes.slice(lane)].join(" ");
}

function constant(bytes: number[]): string {
  if (bytes[0] === 0xfd) return `(${head(bytes)})`;
  const [n] = number(bytes, 1, true);
  return n >= -4096n && n <= 4096n
    ? String(n)
    : BigInt.asUintN(bytes[0] === 0x41 ? 32 : 64, n).toString(16) + "h";
}

/**
 * The lines of a statement, or of an expression.
 *
 * @param locals names of locals; others have a number
 */
export function textOf(nodes: Nodes, e: Expression, locals: ReadonlyMap<number, string>): string[] {
  const local = (n: number) => locals.get(n) ?? `$${n}`;
  const value = (e: Expression): string => {
    const node = nodes.list[e];
    switch (node.kind) {
      case "constant":
        return constant(node.bytes);
      case "get":
        return local(node.local);
      case "operation":
        return `(${[head(node.bytes), ...node.operands.map(value)].join(" ")})`;
      case "call":
        return `(${[node.name, ...node.operands.map(value)].join(" ")})`;
      default:
        return node.kind;
    }
  };
  const inner = (list: Expression[]) =>
    list.flatMap((s) => textOf(nodes, s, locals)).map((l) => `  ${l}`);
  const node = nodes.list[e];
  switch (node.kind) {
    case "set":
      return [`${local(node.local)} = ${value(node.operands[0])}`];
    case "block":
      if (node.label === null) return node.body.flatMap((s) => textOf(nodes, s, locals));
      return [`block ${node.label}`, ...inner(node.body), "end"];
    case "loop":
      return [`loop ${node.label}`, ...inner(node.body), "end"];
    case "if":
      return [
        `if ${value(node.operands[0])}${node.unlikely ? " unlikely" : ""}`,
        ...inner([node.then]),
        ...node.otherwise === null ? [] : ["else", ...inner([node.otherwise])],
        "end",
      ];
    case "branch":
      return [`br ${node.label}`];
    case "switch":
      return [`br_table ${[...node.labels, node.last].join(" ")} ${value(node.operands[0])}`];
    case "call":
      return [`${node.tail ? "return_call " : ""}${value(e)}`];
    default:
      return [value(e)];
  }
}
