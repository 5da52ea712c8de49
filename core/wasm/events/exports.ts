// What this room gives the host and the generated interpreter.
export { deliver_events } from "./deliver";
