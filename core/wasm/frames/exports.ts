// What this room gives the host and the generated interpreter.
export { get_page } from "./refs";
