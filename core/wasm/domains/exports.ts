// What this room gives the host and the generated interpreter.
export {
  domain_crash_reason,
  domain_create,
  domain_hide_features,
  domain_pause,
  domain_set_handle,
  domain_set_limits,
  domain_set_memory_map,
  domain_shared_info,
  domain_shutdown_code,
  domain_state,
  domain_unpause,
  vcpu_set_context,
} from "./create";
export { slice_used } from "./credit";
export { domain_destroy, domain_kill, machine_reclaim } from "./destroy";
export { domain_resume } from "./resume";
export { slice_begin, slice_end } from "./schedule";
