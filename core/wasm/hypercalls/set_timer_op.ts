// set_timer_op: the running vCPU's one-shot timer (xen/common/sched/core.c).
import { current } from "../domains/domain";
import { system_time } from "../events/clock";
import { set_singleshot, stop_singleshot } from "../events/timers";

const FAR: i64 = 0x4000000000000;
const TENTH: i64 = 100000000;

/**
 * @param timeout absolute ns of system time; 0 stops the timer; a negative one, or one further ahead
 *   than 2^50 ns, is taken for a wrapped counter and fires in 100 ms
 * @returns 0
 */
export function do_set_timer_op(timeout: i64): i32 {
  const now = system_time();
  if (timeout == 0) stop_singleshot(current);
  else if (timeout < 0 || timeout - now >= FAR) set_singleshot(current, now + TENTH);
  else set_singleshot(current, timeout);
  return 0;
}
