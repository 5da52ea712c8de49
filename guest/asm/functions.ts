// Functions, their parameters and locals. The calling convention is cdecl: arguments on the stack,
// pushed from the last to the first and removed by the caller; result in EAX; EBX, ESI, EDI and EBP
// preserved (generated code does not touch the first three). Every function keeps a frame pointer,
// so a crash report can walk the stack.

import { evaluate, push } from "./codegen.ts";
import { asm, bind } from "./instructions.ts";
import { address, Label } from "./operands.ts";
import type { Operand } from "./operands.ts";
import { eax, ebp, esp, type Reg } from "./registers.ts";
import { Place } from "./types.ts";
import type { Type } from "./types.ts";
import { unit } from "./unit.ts";
import type { SectionName } from "./unit.ts";
import { Value } from "./values.ts";
import type { Given } from "./values.ts";

/** The function whose body is being emitted. */
interface Frame {
  size: number;
  leave: Label;
}
let frame: Frame | null = null;

export function currentFrame(): Frame {
  if (!frame) throw new Error("not inside a function");
  return frame;
}

function allocate(bytes: number): number {
  const f = currentFrame();
  f.size += (bytes + 3) & ~3;
  return -f.size;
}

export interface Callable {
  readonly label: Label;
  operand(): Operand;
}
type Arguments<P extends unknown[]> = { [K in keyof P]: Given };

/** A function taking as many arguments as its body has parameters. */
export type Fn<Body extends (...params: Place[]) => void> =
  & Callable
  & ((...args: Arguments<Parameters<Body>>) => Value);

/** Emits a call and gives its result, which is kept for as long as it is asked for. */
export function callTo(target: Label | Value | Reg, args: readonly Given[]): Value {
  for (const arg of [...args].reverse()) push(arg);
  if (target instanceof Value) {
    evaluate(target);
    asm.call(eax);
  } else asm.call(target);
  if (args.length > 0) asm.add(esp, args.length * 4);
  const spill = unit().section.bytes([]);
  let at: number | null = null;
  return new Value({ kind: "result", spill, slot: () => at ??= allocate(4) });
}

function callable(label: Label, arity: number | null): Callable {
  const call = (...args: Given[]) => {
    if (arity !== null && args.length !== arity) {
      throw new Error(`${label.name} takes ${arity} arguments`);
    }
    return callTo(label, args);
  };
  return Object.assign(call, { label, operand: () => label });
}

interface FunctionOptions {
  section?: SectionName;
}

/**
 * Defines a function. Its body runs when the function is first needed, with one variable for each
 * parameter; what the body calls is emitted in that order.
 */
export function fn<Body extends (...params: Place[]) => void>(
  name: string,
  body: Body,
  options: FunctionOptions = {},
): Fn<Body> {
  const section = options.section ?? "text";
  const label: Label = new Label(name, () => {
    unit().define(label, section, 16, () => {
      const outer = frame;
      const mine: Frame = frame = { size: 0, leave: new Label("leave") };
      asm.push(ebp);
      asm.mov(ebp, esp);
      const reserve = unit().section.bytes([]);
      body(...Array.from({ length: body.length }, (_, i) => {
        return new Place({ kind: "frame", offset: 8 + 4 * i }, 4);
      }));
      // A last `ret` falls through to the way out.
      const last = unit().section.fragments.at(-1);
      if (last?.kind === "branch" && last.target === mine.leave) unit().section.fragments.pop();
      bind(mine.leave);
      asm.leave();
      asm.ret();
      if (mine.size > 0) {
        // The frame's size is known only now: emit the reservation and move it to its place.
        const fragments = unit().section.fragments;
        const before = fragments.length;
        asm.lea(esp, address(esp, -mine.size));
        const [made] = fragments.splice(before);
        if (made.kind === "bytes") reserve.bytes = made.bytes;
      }
      frame = outer;
    });
  }, "function");
  return callable(label, body.length) as Fn<Body>;
}

/** Defines a piece of code without a frame, written in instructions only. */
export function code(
  name: string,
  body: () => void,
  options: FunctionOptions = {},
): Callable & ((...args: Given[]) => Value) {
  const label: Label = new Label(name, () => {
    unit().define(label, options.section ?? "text", 16, body);
  }, "function");
  return callable(label, null) as Callable & ((...args: Given[]) => Value);
}

/** A new 32-bit variable of the function. */
export function local(initial?: Given): Place {
  const place = new Place({ kind: "frame", offset: allocate(4) }, 4);
  if (initial !== undefined) place.set(initial);
  return place;
}

/** A variable of any type on the function's stack; not initialised. */
export function localOf<View>(type: Type<View>): View {
  return type.at(new Value({ kind: "frame", offset: allocate(type.size) }));
}

/** Returns from the function. */
export function ret(value?: Given): void {
  if (value !== undefined) evaluate(value);
  asm.jmp(currentFrame().leave);
}

/** Calls through a function pointer. */
export function callPointer(pointer: Value, ...args: Given[]): Value {
  return callTo(pointer, args);
}

/** The address of a label plus a constant, as a value. */
export function addressOf(target: Label | Callable, addend = 0): Value {
  const label = target instanceof Label ? target : target.label;
  return new Value({ kind: "symbol", label, addend });
}
