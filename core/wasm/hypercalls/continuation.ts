// Long hypercalls are cut into pieces: the handler does a part, asks to be called again with other
// arguments, and the guest's INT 0x82 runs once more after events were delivered. So no guest can
// keep a slice from ending. Where Xen does it: hypercall_create_continuation.
import { C_BUDGET, CPU } from "../layout";

/** Set while a handler has asked to be called again, with these arguments. */
export let again: bool = false;
export let again1: u32 = 0;
export let again2: u32 = 0;
export let again3: u32 = 0;

/** Asks for the hypercall at work to be called again with other arguments; the rest stay. The result is not used. */
export function call_again(a1: u32, a2: u32, a3: u32): i32 {
  again = true;
  again1 = a1;
  again2 = a2;
  again3 = a3;
  return 0;
}

/**
 * Whether the slice is over (charge counts hypercalls' work against it), so that a handler that has
 * done at least one piece of its work should leave the rest for later.
 */
export function slice_over(): bool {
  return load<i32>(CPU + C_BUDGET) <= 0;
}

/** Whether call_again was called since the last time this was asked. */
// @ts-ignore: decorator
@inline export function take_again(): bool {
  if (!again) return false;
  again = false;
  return true;
}
