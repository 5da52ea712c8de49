/** How many cases of each form a test run tries; docs/instructions.md tells them. */
import type { Mode } from "./builder.ts";

/** In 32-bit code with flat segments, in 16-bit code, and on a 16-bit stack. */
export const CASES_PER_FORM: Record<Mode, number> = { plain: 20, code16: 8, stack16: 4 };
export const VECTOR_CASES = 40;
export const X87_CASES = 60;
