// What this room gives the host and the generated interpreter.
export { machine_grow, machine_init, machine_size } from "./machine";
export { domain_frames, domain_populate } from "./populate";
export { free_frames as machine_free_frames } from "./pool";
