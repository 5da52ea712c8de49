// Types of things in memory: how large they are, and what one looks like at a given address.
//
//   const Entry = struct("multicall_entry", { op: u32, result: u32, args: array(u32, 6) });
//   Entry.at(list).args.at(2).set(5);
//
// Layouts follow the i386 ABI of the public headers: fields in order, each aligned to its type,
// 64-bit integers to 4 bytes.

import { evaluate, store } from "./codegen.ts";
import { asm } from "./instructions.ts";
import type { Mem } from "./operands.ts";
import { eax } from "./registers.ts";
import { directMemory, node, Value } from "./values.ts";
import type { Given, Node } from "./values.ts";

export interface Type<View> {
  readonly size: number;
  readonly alignment: number;
  at(address: Given): View;
}

/** A variable: a value that can be stored to. */
export class Place extends Value {
  constructor(readonly where: Node, readonly size: 1 | 2 | 4) {
    super({ kind: "load", address: where, size });
  }
  /** The variable as an operand of one instruction, which may read or write it. */
  override operand(): Mem {
    const direct = directMemory(this.where, this.size);
    if (!direct) throw new Error("this variable's address has to be computed");
    return direct;
  }
  /** The address of the variable. */
  get address(): Value {
    return new Value(this.where);
  }
  set(value: Given): void {
    store(this.where, this.size, value);
  }
  /** this += value, in one instruction where the variable's address is constant. */
  add(value: Given): void {
    this.#update("add", value);
  }
  take(value: Given): void {
    this.#update("sub", value);
  }
  setBits(value: Given): void {
    this.#update("or", value);
  }
  inc(): void {
    this.add(1);
  }
  dec(): void {
    this.take(1);
  }
  #update(op: "add" | "sub" | "or", value: Given): void {
    const direct = directMemory(this.where, this.size);
    const n = node(value);
    if (direct && this.size === 4) {
      if (n.kind === "number") return asm[op](direct, n.value);
      evaluate(value);
      return asm[op](direct, eax);
    }
    if (op === "or") this.set(this.or(value));
    else this.set(op === "add" ? this.plus(value) : this.minus(value));
  }
}

const scalar = (size: 1 | 2 | 4): Type<Place> => ({
  size,
  alignment: size,
  at: (address) => new Place(node(address), size),
});

export const u8 = scalar(1);
export const u16 = scalar(2);
export const u32 = scalar(4);

/** A 64-bit integer as its two halves. */
export class Wide {
  constructor(readonly low: Place, readonly high: Place) {}
  get address(): Value {
    return this.low.address;
  }
  set(low: Given, high: Given): void {
    this.low.set(low);
    this.high.set(high);
  }
  copy(from: Wide): void {
    this.set(from.low, from.high);
  }
}

export const u64: Type<Wide> = {
  size: 8,
  alignment: 4,
  at: (address) => new Wide(u32.at(address), u32.at(new Value(node(address)).plus(4))),
};

export interface Elements<View> {
  readonly address: Value;
  readonly length: number;
  at(index: Given): View;
}

/** `length` elements one after the other. */
export function array<View>(type: Type<View>, length: number): Type<Elements<View>> {
  return {
    size: type.size * length,
    alignment: type.alignment,
    at: (address) => {
      const base = new Value(node(address));
      return {
        address: base,
        length,
        at: (index) =>
          type.at(
            typeof index === "number"
              ? base.plus(index * type.size)
              : new Value(node(index)).times(type.size).plus(base),
          ),
      };
    },
  };
}

// deno-lint-ignore no-explicit-any
type Fields = Record<string, Type<any>>;
type StructView<F extends Fields> =
  & { readonly [K in keyof F]: F[K] extends Type<infer V> ? V : never }
  & { readonly address: Value };

export interface Struct<F extends Fields> extends Type<StructView<F>> {
  readonly name: string;
  readonly offsets: { readonly [K in keyof F]: number };
}

/** Where a view keeps its address. */
const BASE = Symbol("base");

/** A structure with the given fields in order. */
export function struct<F extends Fields>(name: string, fields: F): Struct<F> {
  const offsets: Record<string, number> = {};
  let size = 0, alignment = 1;
  for (const [key, type] of Object.entries(fields)) {
    size += -size & (type.alignment - 1);
    offsets[key] = size;
    size += type.size;
    alignment = Math.max(alignment, type.alignment);
  }
  size += -size & (alignment - 1);
  // One prototype for all views: kernels look at the same few structures thousands of times.
  const fieldsOf: object = {};
  for (const [key, type] of Object.entries(fields)) {
    Object.defineProperty(fieldsOf, key, {
      get(this: { [BASE]: Value }) {
        return type.at(this[BASE].plus(offsets[key]));
      },
    });
  }
  if (!("address" in fields)) {
    Object.defineProperty(fieldsOf, "address", {
      get(this: { [BASE]: Value }) {
        return this[BASE];
      },
    });
  }
  return {
    name,
    size,
    alignment,
    offsets: offsets as Struct<F>["offsets"],
    at: (address) => {
      const view = Object.create(fieldsOf);
      view[BASE] = new Value(node(address));
      return view as StructView<F>;
    },
  };
}

/** A field of `size` bytes that nothing looks into. */
export const padding = (size: number): Type<Place> => ({
  size,
  alignment: 1,
  at: (address) => new Place(node(address), 1),
});
