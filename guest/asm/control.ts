// Control flow of kernel code.

import { jumpIf } from "./codegen.ts";
import { local } from "./functions.ts";
import { asm, bind } from "./instructions.ts";
import { Label } from "./operands.ts";
import type { Place } from "./types.ts";
import type { Given } from "./values.ts";

interface Loop {
  next: Label;
  out: Label;
}
const loops: Loop[] = [];

function looping(loop: Loop, body: () => void): void {
  loops.push(loop);
  try {
    body();
  } finally {
    loops.pop();
  }
}

/** Runs `then` if the condition holds, else `otherwise`. */
export function if_(condition: Given, then: () => void, otherwise?: () => void): void {
  const no = new Label("else"), done = new Label("endif");
  jumpIf(condition, no, false);
  then();
  if (otherwise) asm.jmp(done);
  bind(no);
  otherwise?.();
  bind(done);
}

/** Runs `body` as long as the condition, evaluated before each round, holds. */
export function while_(condition: () => Given, body: () => void): void {
  const loop = { next: new Label("while"), out: new Label("endwhile") };
  bind(loop.next);
  jumpIf(condition(), loop.out, false);
  looping(loop, body);
  asm.jmp(loop.next);
  bind(loop.out);
}

/** Runs `body` until `break_`. */
export function forever(body: () => void): void {
  const loop = { next: new Label("forever"), out: new Label("out") };
  bind(loop.next);
  looping(loop, body);
  asm.jmp(loop.next);
  bind(loop.out);
}

/** Runs `body` with a variable counting from `from` up to, not including, `to`. */
export function for_(from: Given, to: Given, body: (i: Place) => void): void {
  const i = local(from);
  const loop = { next: new Label("next"), out: new Label("endfor") };
  const top = new Label("for");
  bind(top);
  jumpIf(i.lt(to), loop.out, false);
  looping(loop, () => body(i));
  bind(loop.next);
  i.inc();
  asm.jmp(top);
  bind(loop.out);
}

function innermost(): Loop {
  const loop = loops.at(-1);
  if (!loop) throw new Error("not inside a loop");
  return loop;
}

/** Leaves the innermost loop. */
export function break_(): void {
  asm.jmp(innermost().out);
}

/** Goes on with the innermost loop's next round. */
export function continue_(): void {
  asm.jmp(innermost().next);
}
