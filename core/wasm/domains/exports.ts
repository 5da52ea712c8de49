// What this room gives the host and the generated interpreter.
export { domain_shutdown } from "./crash";
