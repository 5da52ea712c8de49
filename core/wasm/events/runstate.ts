// Where a vCPU's time goes: struct vcpu_runstate_info (public/vcpu.h, 32-bit layout, 44 bytes).
import { Domain, Vcpu } from "../domains/domain";
import { copy_to_guest } from "../pagetables/guest_copy";
import { system_time } from "./clock";

export const RUNNING: u32 = 0;
export const RUNNABLE: u32 = 1;
export const BLOCKED: u32 = 2;
export const OFFLINE: u32 = 3;

export const RUNSTATE_SIZE: u32 = 0x2c;
const ENTRY_TIME: usize = 4;
const TIMES: usize = 12;
const UPDATE: u32 = 0x80000000; // top bit of state_entry_time
const ASSIST_UPDATE_FLAG: u32 = 1 << 5; // VMASST_TYPE_runstate_update_flag

/** Host address of one of the four running totals: they stand side by side in Vcpu. */
function total(v: Vcpu, state: u32): usize {
  return changetype<usize>(v) + offsetof<Vcpu>("runstate_time0") + (<usize> state << 3);
}

/** Moves a vCPU to another state at this moment. */
export function runstate_change(v: Vcpu, state: u32): void {
  if (v.runstate == state) return;
  const now = system_time();
  const t = total(v, v.runstate);
  store<i64>(t, load<i64>(t) + now - v.runstate_since);
  v.runstate = state;
  v.runstate_since = now;
}

/**
 * Fills a struct vcpu_runstate_info.
 *
 * @param up_to_now counts the time in the present state too (VCPUOP_get_runstate_info); otherwise
 *   the totals are those of state_entry_time, as in the registered area
 */
export function runstate_fill(v: Vcpu, at: usize, up_to_now: bool): void {
  store<u32>(at, v.runstate);
  store<i64>(at, v.runstate_since, ENTRY_TIME);
  for (let s: u32 = 0; s < 4; s++) {
    let time = load<i64>(total(v, s));
    if (up_to_now && s == v.runstate) time += system_time() - v.runstate_since;
    store<i64>(at + TIMES + (<usize> s << 3), time);
  }
}

const area = memory.data(48);

/**
 * Writes a vCPU's state to the area it registered, if any, through the running vCPU's page tables.
 * Its address was range-checked when it was registered; where nothing is mapped nothing happens.
 */
export function runstate_publish(v: Vcpu): void {
  if (!v.runstate_area) return;
  runstate_fill(v, area, false);
  const flagged = changetype<Domain>(v.domain).vm_assist & ASSIST_UPDATE_FLAG;
  if (!flagged) {
    copy_to_guest(v.runstate_area, area, RUNSTATE_SIZE);
    return;
  }
  const high = load<u32>(area, ENTRY_TIME + 4);
  store<u32>(area, high | UPDATE, ENTRY_TIME + 4);
  copy_to_guest(v.runstate_area, area, RUNSTATE_SIZE);
  store<u32>(area, high, ENTRY_TIME + 4);
  copy_to_guest(v.runstate_area + ENTRY_TIME + 4, area + ENTRY_TIME + 4, 4);
}
