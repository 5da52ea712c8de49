// What this room gives the host and the generated interpreter.
export { tlb_fill as cpu_tlb_fill } from "./walk";
export { cpu_commit } from "./tlb";
