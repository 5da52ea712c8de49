// The assembler and the little language over it, in one import for kernel sources.

export * from "./registers.ts";
export * from "./operands.ts";
export { asm, bind, raw } from "./instructions.ts";
export * from "./types.ts";
export * from "./functions.ts";
export * from "./control.ts";
export * from "./data.ts";
export * from "./notes.ts";
export { assemble } from "./assemble.ts";
export type { Program } from "./assemble.ts";
export { evaluate, jumpIf, push } from "./codegen.ts";
export { sectionEnd, sectionStart, unit, userLoad } from "./unit.ts";
export { Value } from "./values.ts";
export type { Given } from "./values.ts";
