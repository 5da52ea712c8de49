// What this room gives the host and the generated interpreter.
export { deliver_events } from "./deliver";
export { system_time as machine_time, time_init } from "./clock";
export { next_deadline as machine_deadline } from "./timers";
export {
  host_evtchn_alloc,
  host_evtchn_bind,
  host_evtchn_close,
  host_evtchn_inject,
  host_evtchn_notify,
  host_evtchn_poll,
  host_next_caller,
  host_virq,
} from "./host";
