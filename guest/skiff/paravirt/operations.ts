// What makes an operations structure: a table of function pointers in memory, with a caller for each.
//
// It starts out with the functions of a machine of one's own. Whoever finds out at start that the
// machine is another one stores that machine's functions over them, before the first is called.

import { addressOf, callPointer, emitWord, Label, ss, u32, unit } from "../../asm/mod.ts";
import type { Callable, Given, Mem, Place, Value } from "../../asm/mod.ts";

type Operation = Callable & ((...args: Given[]) => Value);
type Table = Record<string, Operation>;

/** The callers of a table's functions, with as many arguments as those take. */
export type Callers<N> = {
  readonly [K in keyof N]: N[K] extends (...args: infer A) => Value ? (...args: A) => Value : never;
};

/** A structure of operations. */
export interface Operations<N> {
  /** `ops.call.cpuid(leaf)` emits a call through the pointer. */
  readonly call: Callers<N>;
  /** The pointer, for code that jumps through it whatever DS holds. */
  slot(name: keyof N): Mem;
  /** Emits stores of another machine's functions, for all of them. */
  assign(other: { readonly [K in keyof N]: Callable }): void;
  /** Emits one store, for an operation that changes its mind. */
  replace(name: keyof N, by: Callable): void;
  /** What a pointer holds, for those who want to see. */
  pointer(name: keyof N): Place;
}

/**
 * Defines a structure of operations.
 *
 * @param name its symbol
 * @param native what it holds to begin with
 */
export function operations<const N extends Table>(name: string, native: N): Operations<N> {
  const names = Object.keys(native);
  const label: Label = new Label(name, () => {
    unit().define(label, "data", 4, () => names.forEach((n) => emitWord(native[n])));
  }, "object");
  const pointer = (n: keyof N) => {
    return u32.at(addressOf(label, names.indexOf(String(n)) * 4));
  };
  const call = Object.fromEntries(
    names.map((n) => [n, (...args: Given[]) => callPointer(pointer(n), ...args)]),
  );
  return {
    call: call as unknown as Callers<N>,
    pointer,
    slot: (n) => pointer(n).operand().via(ss),
    assign(other) {
      for (const [n, by] of Object.entries(other)) pointer(n).set(by as Callable);
    },
    replace: (n, by) => pointer(n).set(by),
  };
}
