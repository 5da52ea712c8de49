/**
 * A small writer of WebAssembly modules with the part of binaryen.js's interface that the emitter
 * uses: so that at run time nobody waits for 13 MB of Binaryen, and nobody keeps it in memory.
 */
import { Bytes, signed64, unsigned } from "./bytes.ts";
import { placeLocals } from "./locals.ts";
import { type Expression, Nodes } from "./nodes.ts";
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
import { textOf } from "./text.ts";
import { tidy } from "./tidy.ts";
import { type Call, type Labels, writeStatement } from "./write.ts";

/** Types, by binaryen.js's numbers, and what stands for them in a module. */
const TYPE_BYTES: Record<number, number> = { 2: 0x7f, 3: 0x7e, 6: 0x7b };

export interface Signature {
  parameters: number[];
  results: number[];
}

/** A function as it is written: its nodes are gone, which are many times larger. */
interface Function {
  name: string;
  type: number;
  bytes: Bytes;
  /** Offsets of branches that are unlikely. */
  hints: number[];
  /** Where the numbers of functions of this module belong, which are known at the end only. */
  calls: Call[];
}

type Operation = (...args: never[]) => Expression;

/** A module being built. Expressions belong to the function that is added next. */
export class WasmModule {
  readonly i32: Record<string, Operation>;
  readonly i64: Record<string, Operation>;
  readonly v128: Record<string, Operation>;
  readonly i8x16: Record<string, Operation>;
  readonly i16x8: Record<string, Operation>;
  readonly i32x4: Record<string, Operation>;
  readonly i64x2: Record<string, Operation>;
  readonly f32x4: Record<string, Operation>;
  readonly f64x2: Record<string, Operation>;
  readonly local: {
    get: (n: number, type?: number) => Expression;
    set: (n: number, e: Expression) => Expression;
  };

  readonly memory: {
    copy: (to: Expression, from: Expression, bytes: Expression) => Expression;
    fill: (to: Expression, byte: Expression, bytes: Expression) => Expression;
  };

  #nodes = new Nodes();
  readonly #signatures: string[] = [];
  readonly #declared = new Map<string, Signature>();
  readonly #imports: string[] = [];
  readonly #functions: Function[] = [];
  readonly #exports: [string, string][] = [];

  readonly #memoryPages: number;
  /** Those of the function that was added first, where they are kept. */
  #kept: Nodes | null = null;
  readonly #keep: boolean;

  /**
   * @param memoryPages how large its memory is at least: what lies at a fixed place below needs no check
   * @param keep keeps what the first function is made of, for {@link text}
   */
  constructor(memoryPages = 1, keep = false) {
    this.#memoryPages = memoryPages;
    this.#keep = keep;
    const numeric = (type: "i32" | "i64") => ({
      ...this.#operations(NUMERIC[type]),
      ...this.#accesses(MEMORY[type], []),
    });
    const lanes = (shape: string) => ({
      ...this.#operations(VECTOR[shape], 0xfd),
      ...this.#laneOperations(LANES[shape] ?? {}),
    });
    this.i32 = numeric("i32");
    this.i64 = numeric("i64");
    this.i32.const = ((n: number) => this.#nodes.constant(n)) as Operation;
    this.i64.const = ((n: bigint) => this.#constant([0x42, ...signed64(n)])) as Operation;
    this.v128 = { ...lanes("v128"), ...this.#accesses(VECTOR_MEMORY, [0xfd]) };
    Object.assign(this.v128, this.#laneStores());
    this.v128.const =
      ((bytes: ArrayLike<number>) =>
        this.#constant([0xfd, VECTOR_CONST, ...Array.from(bytes)])) as Operation;
    this.i8x16 = lanes("i8x16");
    this.i8x16.shuffle =
      ((a: Expression, b: Expression, mask: number[]) =>
        this.#operation([a, b], [0xfd, SHUFFLE, ...mask])) as Operation;
    this.i16x8 = lanes("i16x8");
    this.i32x4 = lanes("i32x4");
    this.i64x2 = lanes("i64x2");
    this.f32x4 = lanes("f32x4");
    this.f64x2 = lanes("f64x2");
    this.memory = {
      copy: (...operands) => this.#operation(operands, [0xfc, 0x0a, 0, 0], false),
      fill: (...operands) => this.#operation(operands, [0xfc, 0x0b, 0], false),
    };
    this.local = {
      get: (local) => this.#nodes.get(local),
      set: (local, e) => this.#nodes.add({ kind: "set", local, operands: [e] }),
    };
  }

  // ---- operations ------------------------------------------------------------------------------------

  #operation(operands: Expression[], bytes: number[], pure = true): Expression {
    return this.#nodes.add({ kind: "operation", operands, bytes, pure });
  }

  #constant(bytes: number[]): Expression {
    return this.#nodes.add({ kind: "constant", bytes });
  }

  #operations(opcodes: Record<string, number>, prefix?: number): Record<string, Operation> {
    // a quotient may trap, so it must stay where it is
    return Object.fromEntries(
      Object.entries(opcodes).map(([name, opcode]) => {
        const bytes = prefix === undefined ? [opcode] : [prefix, ...unsigned(opcode)];
        const pure = !/^(div|rem)/.test(name) || prefix !== undefined;
        return [
          name,
          ((...operands: Expression[]) => this.#operation(operands, bytes, pure)) as Operation,
        ];
      }),
    );
  }

  /** Loads and stores: the alignment, which is only a hint, is always said to be one. */
  #accesses(opcodes: Record<string, number>, prefix: number[]): Record<string, Operation> {
    return Object.fromEntries(
      Object.entries(opcodes).map(([name, opcode]) => [
        name,
        ((offset: number, _align: number, ...operands: Expression[]) =>
          this.#operation(
            operands,
            [...prefix, opcode, 0, ...unsigned(offset)],
            name.startsWith("load"),
          )) as Operation,
      ]),
    );
  }

  #laneStores(): Record<string, Operation> {
    return Object.fromEntries(
      Object.entries(VECTOR_LANE_MEMORY).map(([name, opcode]) => [
        name,
        ((offset: number, _align: number, lane: number, ...operands: Expression[]) =>
          this.#operation(
            operands,
            [0xfd, opcode, 0, ...unsigned(offset), lane],
            false,
          )) as Operation,
      ]),
    );
  }

  #laneOperations(opcodes: Record<string, number>): Record<string, Operation> {
    return Object.fromEntries(
      Object.entries(opcodes).map(([name, opcode]) => [
        name,
        ((vector: Expression, lane: number, ...value: Expression[]) =>
          this.#operation([vector, ...value], [0xfd, opcode, lane])) as Operation,
      ]),
    );
  }

  select(condition: Expression, a: Expression, b: Expression): Expression {
    // with its type written out a select may choose between vectors as well; numbers need none
    return this.#operation([a, b, condition], [0x1b]);
  }

  // ---- statements ------------------------------------------------------------------------------------

  block(label: string | null, body: Expression[]): Expression {
    return this.#nodes.add({ kind: "block", label, body });
  }

  loop(label: string, body: Expression): Expression {
    return this.#nodes.add({ kind: "loop", label, body: [body] });
  }

  /** A two-way branch; an unlikely one is kept off the way by V8. */
  if(
    condition: Expression,
    then: Expression,
    otherwise?: Expression,
    unlikely = false,
  ): Expression {
    return this.#nodes.add({
      kind: "if",
      operands: [condition],
      unlikely,
      then,
      otherwise: otherwise ?? null,
    });
  }

  br(label: string): Expression {
    return this.#nodes.add({ kind: "branch", label });
  }

  switch(labels: string[], last: string, selector: Expression): Expression {
    return this.#nodes.add({ kind: "switch", labels, last, operands: [selector] });
  }

  call(name: string, operands: Expression[], _result?: number): Expression {
    return this.#nodes.add({ kind: "call", name, operands, tail: false });
  }

  return_call(name: string, operands: Expression[], _result?: number): Expression {
    return this.#nodes.add({ kind: "call", name, operands, tail: true });
  }

  /** Tail call of a function of the table by its number; all have one i32 parameter and result. */
  return_call_indirect(_table: string, target: Expression, operands: Expression[]): Expression {
    const type = this.#type({ parameters: [2], results: [2] });
    return this.#operation([...operands, target], [0x13, ...unsigned(type), 0], false);
  }

  // ---- the module ------------------------------------------------------------------------------------

  #type({ parameters, results }: Signature): number {
    const bytes = (types: number[]) => [types.length, ...types.map((t) => TYPE_BYTES[t])];
    const key = [0x60, ...bytes(parameters), ...bytes(results)].join();
    const known = this.#signatures.indexOf(key);
    return known >= 0 ? known : this.#signatures.push(key) - 1;
  }

  /** Says what a function is like that may be imported from `env` under its own name. */
  declare(name: string, signature: Signature): void {
    this.#declared.set(name, signature);
  }

  /** What `build` makes is of no use: its expressions are forgotten, those from before stay. */
  discard(build: () => void): void {
    const { length } = this.#nodes.list;
    build();
    this.#nodes.cut(length);
  }

  /** Adds a function made of the expressions since the last one was added. */
  addFunction(name: string, signature: Signature, locals: number[], body: Expression): void {
    const nodes = this.#nodes;
    this.#nodes = new Nodes();
    tidy(nodes, body);
    if (this.#keep) this.#kept ??= nodes;
    const bytes = new Bytes();
    const labels: Labels = {
      locals: writeLocals(bytes, nodes, body, locals, signature.parameters.length),
      numberOf: (n) => this.#importNumber(n),
      stack: [],
      hints: [],
      calls: [],
    };
    writeStatement(nodes, body, bytes, labels);
    bytes.all([0x00, 0x0b]);
    const { hints, calls } = labels;
    this.#functions.push({ name, type: this.#type(signature), bytes, hints, calls });
  }

  /** The number of an imported function, null for one of this module. */
  #importNumber(name: string): number | null {
    if (!this.#declared.has(name)) return null;
    const known = this.#imports.indexOf(name);
    return known >= 0 ? known : this.#imports.push(name) - 1;
  }

  /** A part of the function that was added first, as lines of text, if the module was to keep that. */
  text(part: Expression, locals: ReadonlyMap<number, string>): string[] {
    return textOf(this.#kept!, part, locals);
  }

  addFunctionExport(name: string, as: string): void {
    this.#exports.push([name, as]);
  }

  /** The module's bytes, with a section of branch hints. */
  emitBinary(): Uint8Array<ArrayBuffer> {
    const numbers = new Map<string, number>();
    const imports = this.#imports.map((name) => this.#type(this.#declared.get(name)!));
    for (const name of this.#imports) numbers.set(name, numbers.size);
    for (const { name } of this.#functions) numbers.set(name, numbers.size);
    const out = new Bytes();
    out.all([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const section = (id: number, write: (b: Bytes) => void) => {
      const b = new Bytes();
      write(b);
      out.byte(id);
      out.counted(b);
    };
    const list = <T>(b: Bytes, items: readonly T[], write: (item: T, n: number) => void) => {
      b.unsigned(items.length);
      items.forEach(write);
    };
    section(1, (b) => list(b, this.#signatures, (s) => b.all(s.split(",").map(Number))));
    section(2, (b) => {
      b.unsigned(2 + imports.length);
      b.name("env");
      b.name("memory");
      b.all([2, 0, ...unsigned(this.#memoryPages)]);
      b.name("env");
      b.name("handlers");
      b.all([1, 0x70, 0, 1]);
      this.#imports.forEach((name, n) => {
        b.name("env");
        b.name(name);
        b.byte(0);
        b.unsigned(imports[n]);
      });
    });
    section(3, (b) => list(b, this.#functions, (f) => b.unsigned(f.type)));
    section(7, (b) =>
      list(b, this.#exports, ([name, as]) => {
        b.name(as);
        b.byte(0);
        b.unsigned(numbers.get(name)!);
      }));
    for (const { bytes, calls } of this.#functions) {
      for (const { at, name } of calls) bytes.patch(at, numbers.get(name)!);
    }
    section(0, (b) => {
      b.name("metadata.code.branch_hint");
      const hinted = this.#functions
        .map(({ hints }, n) => ({ hints, n }))
        .filter(({ hints }) => hints.length);
      list(b, hinted, ({ hints, n }) => {
        b.unsigned(imports.length + n);
        list(b, hints, (offset) => {
          b.unsigned(offset);
          b.all([1, 0]);
        });
      });
    });
    section(10, (b) => list(b, this.#functions, (f) => b.counted(f.bytes)));
    return out.view();
  }
}

/** Declares a function's locals. @returns by local the number that it has in the module */
function writeLocals(
  b: Bytes,
  nodes: Nodes,
  body: Expression,
  types: number[],
  parameters: number,
): number[] {
  const { places, counts } = placeLocals(nodes, body, types, parameters);
  b.unsigned(counts.size);
  for (const [type, count] of counts) {
    b.unsigned(count);
    b.byte(TYPE_BYTES[type]);
  }
  return places;
}
