// Who runs: the runnable vCPUs of all domains, a slice each; credit.ts says whose turn it is.
//
// The host calls the generated machine_run, which is slice_begin, the guest's instructions until the
// budget is spent or something asks to stop, and slice_end. Time and timers move only here and in
// the hypercalls that set them, so in virtual time a run is a function of its input.
import {
  C_BUDGET,
  C_FAULT,
  C_RETIRED_END,
  C_SHADOW,
  C_STOP,
  CPU,
  CPU_STATE_SIZE,
  NO_FAULT,
} from "../layout";
import { request_stop, retired } from "../cpu/state";
import { budget_until, note_pace, skip_to, system_time, update_time, virtual_time } from "../events/clock";
import { deliver_events } from "../events/deliver";
import { host_attention, set_host_attention } from "../events/host";
import {
  BLOCKED,
  OFFLINE,
  RUNNABLE,
  RUNNING,
  runstate_change,
  runstate_publish,
} from "../events/runstate";
import { next_deadline, tick, timer_set, timer_stopped, timers_run } from "../events/timers";
import { switch_address_space } from "../pagetables/cr3";
import { debug_rearm } from "../traps/debug_registers";
import { segments_put_back } from "../traps/failsafe";
import {
  any_runnable,
  credit_begin,
  credit_end,
  credit_enter,
  credit_lead,
  credit_none,
  credit_yield,
  last_used,
  next_runnable,
} from "./credit";
import { load_fresh_segments } from "./fresh";
import {
  current,
  current_domain,
  DOM_RUNNING,
  Domain,
  set_current,
  Vcpu,
  VCPU_BLOCKED,
  VCPU_DOWN,
  VCPU_POLLING,
  VCPU_RUNNABLE,
} from "./domain";

// What slice_begin and slice_end answer.
export const RUN_IDLE: i32 = 0; // nothing is runnable before machine_deadline()
export const RUN_MORE: i32 = 1; // (slice_begin: a vCPU is loaded) call again
export const RUN_HOST: i32 = 2; // a guest signalled the host, or a domain ended

const SECOND: i64 = 1000000000;

// ---- states of a vCPU ------------------------------------------------------------------------

/** Ends the running vCPU's slice, so that other vCPUs and the host's devices get their turn. */
export function vcpu_yield(): void {
  current.off_cpu = 1;
  credit_yield(current);
  request_stop();
}

/** Blocks the running vCPU until an event wakes it. */
export function vcpu_block(): void {
  current.state = VCPU_BLOCKED;
  request_stop();
}

/** Blocks the running vCPU until an event, one of the polled ports (see Vcpu.poll_port), or `deadline` (0 = none). */
export function vcpu_poll(port: u32, deadline: i64): void {
  current.poll_port = port;
  current.poll_deadline = deadline;
  if (deadline > 0) timer_set(deadline);
  current.state = VCPU_POLLING;
  request_stop();
}

/** Ends a vCPU's blocking or polling. One that is down stays down, but will not be found blocked when it comes up. */
export function vcpu_wake(v: Vcpu): void {
  if (v.poll_deadline) timer_stopped();
  v.poll_deadline = 0;
  if (v.state == VCPU_DOWN) v.resume_state = VCPU_RUNNABLE;
  else if (v.state != VCPU_RUNNABLE) {
    v.state = VCPU_RUNNABLE;
    if (v != current) credit_enter(v);
    runstate_change(v, v == current ? RUNNING : RUNNABLE);
  }
}

/** Takes a vCPU out of the running until vcpu_up. */
export function vcpu_down(v: Vcpu): void {
  if (v.state == VCPU_DOWN) return;
  v.resume_state = v.state;
  v.state = VCPU_DOWN;
  if (v == current) request_stop();
  else runstate_change(v, OFFLINE);
}

/** Brings an initialised vCPU (back) into the running, in the state it was taken out in. */
export function vcpu_up(v: Vcpu): void {
  if (v.state != VCPU_DOWN) return;
  v.state = v.resume_state;
  if (v.state == VCPU_POLLING && v.poll_deadline > 0) timer_set(v.poll_deadline);
  credit_enter(v);
  runstate_change(v, v.state == VCPU_RUNNABLE ? RUNNABLE : BLOCKED);
}

// ---- slices ----------------------------------------------------------------------------------

/** The vCPU whose slice was the last one. */
let last_on: Vcpu = changetype<Vcpu>(0);

/** The vCPU whose slice was the last one stayed "running" if it was to go on; but another is chosen. */
function not_last_on(): void {
  if (!changetype<usize>(last_on) || last_on.runstate != RUNNING) return;
  if (last_on.state == VCPU_RUNNABLE) runstate_change(last_on, RUNNABLE);
}

/** Puts a vCPU's registers in place. The machine's own counters, which lie among them, stay. */
export function load_vcpu(v: Vcpu): void {
  const end = load<u64>(CPU + C_RETIRED_END);
  const budget = load<i32>(CPU + C_BUDGET);
  memory.copy(CPU, v.cpu, CPU_STATE_SIZE);
  store<u64>(CPU + C_RETIRED_END, end);
  store<i32>(CPU + C_BUDGET, budget);
  store<u32>(CPU + C_STOP, 0);
  store<u32>(CPU + C_FAULT, NO_FAULT);
  set_current(v);
  switch_address_space(v);
  debug_rearm(); // also update_mode
  if (v.fresh) load_fresh_segments(v);
  else if (v.off_cpu || v != last_on) segments_put_back(v);
  v.off_cpu = 0;
  last_on = v;
}

/** Takes the running vCPU off: its registers are in vcpu.cpu again, current is null. */
function unload_vcpu(): void {
  const v = current;
  credit_end(v);
  if (v.state == VCPU_RUNNABLE) {
    if (changetype<Domain>(v.domain).state != DOM_RUNNING) runstate_change(v, OFFLINE);
    else if (next_runnable() != v) runstate_change(v, RUNNABLE);
  } else {
    v.off_cpu = 1;
    runstate_change(v, v.state == VCPU_DOWN ? OFFLINE : BLOCKED);
  }
  if (v.runstate != RUNNING && current_domain.state == DOM_RUNNING) runstate_publish(v);
  memory.copy(v.cpu, CPU, CPU_STATE_SIZE);
  set_current(changetype<Vcpu>(0));
}

/** Begins a slice of `budget` instructions, or up to `deadline` if that is sooner. */
function set_budget(budget: i32, deadline: i64, now: i64): void {
  const n = budget_until(deadline, now, budget);
  const done = retired();
  store<i32>(CPU + C_BUDGET, n);
  store<u64>(CPU + C_RETIRED_END, done + n);
}

/**
 * Chooses a vCPU, makes it current and delivers what is due to it, so that its instructions can run.
 *
 * @param now virtual time, when nothing is runnable: how far the clock may skip; it skips to the next
 *   deadline if that is not later, else not at all. Ignored in wall time.
 * @param budget most instructions the slice may run
 * @returns RUN_MORE when there is something to run, else RUN_IDLE
 */
export function slice_begin(now: i64, budget: i32): i32 {
  if (budget < 1) budget = 1;
  let time = system_time();
  note_pace(time, last_used);
  if (!virtual_time) credit_lead(budget);
  credit_none();
  timers_run(time);
  let v = next_runnable();
  if (!changetype<usize>(v) && virtual_time) {
    const deadline = next_deadline();
    if (deadline >= 0 && deadline <= now) {
      skip_to(deadline);
      time = system_time();
      timers_run(time);
      v = next_runnable();
    }
  }
  while (changetype<usize>(v)) {
    if (v != last_on) not_last_on();
    load_vcpu(v);
    const due = tick(v, time);
    // Its scale never changes, so a switch need not touch it: a reader that loses its turn over and
    // over would find another version each time.
    if (time - v.time_updated >= SECOND) update_time(v);
    if (v.runstate != RUNNING) {
      runstate_change(v, RUNNING);
      runstate_publish(v);
    }
    set_budget(budget, next_deadline(), time);
    if (due >= 0) set_budget(load<i32>(CPU + C_BUDGET), due, time);
    credit_begin(v);
    if (!load<u32>(CPU + C_SHADOW)) deliver_events();
    if (!load<u32>(CPU + C_STOP)) return RUN_MORE;
    unload_vcpu(); // the delivery ended its domain
    v = next_runnable();
  }
  return RUN_IDLE;
}

/** Ends the slice that slice_begin began, if it did. @returns RUN_*: what the host should do next */
export function slice_end(): i32 {
  if (changetype<usize>(current)) unload_vcpu();
  if (host_attention) {
    set_host_attention(false);
    return RUN_HOST;
  }
  return any_runnable() ? RUN_MORE : RUN_IDLE;
}
