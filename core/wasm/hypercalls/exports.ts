// What this room gives the host and the generated interpreter.
export { hypercall } from "./dispatch";
