// The core's door: everything the host or the generated interpreter may call is exported here.
export * from "./cpu/exports";
export * from "./frames/exports";
export * from "./pagetables/exports";
export * from "./segments/exports";
export * from "./traps/exports";
export * from "./events/exports";
export * from "./hypercalls/exports";
export * from "./domains/exports";
export * from "./grants/exports";
export { abi_version } from "./abi";
export { trace_history, trace_set } from "./trace";
export {
  inspect_cpu,
  inspect_cr2,
  inspect_cr3,
  inspect_vcpu_state,
  inspect_crash_vcpu,
  inspect_current,
  inspect_eflags,
} from "./inspect";
export { inspect_descriptors, inspect_port, inspect_upcall } from "./inspect_tables";
export { host_hold_frame, host_release_frame } from "./host_frames";
export { heap_used } from "./domains/domain";
