// Time. There is one clock, in nanoseconds of system time; the TSC ticks at 1 GHz and shows the same
// number, so pvclock's scale never changes and RDTSC agrees with it by construction.
//
// Wall mode: system time is the host's monotonic clock. Virtual mode: it is the number of retired
// instructions, one nanosecond each, plus what was charged (a hypercall takes longer than an
// instruction) and skipped (nothing was runnable). No host clock is asked then, so that a run
// depends on its input alone.
import { C_BUDGET, C_RETIRED_END, CPU } from "../layout";
import { retired } from "../cpu/state";
import { credit_cut } from "../domains/credit";
import { Domain, Vcpu } from "../domains/domain";
import { copy_to_guest } from "../pagetables/guest_copy";
import { INFO_TIME, shared_info, WC_NSEC, WC_SEC, WC_SEC_HI, WC_VERSION } from "./bits";

// @ts-ignore: decorator
@external("env", "clock")
declare function env_clock(): i64;

// @ts-ignore: decorator
@external("env", "wall")
declare function env_wall(): i64;

const SECOND: i64 = 1000000000;
// ns = ((tsc - tsc_timestamp) << SHIFT) * MUL >> 32
const MUL: u32 = 0x80000000;
const SHIFT: u8 = 1;
const TSC_STABLE: u8 = 1; // every vCPU reads the same clock

/** Whether time is virtual. Changed by time_init only. */
export let virtual_time: bool = false;
let virtual_wall: i64 = 0; // ns since 1970 at system time 0
let skipped: i64 = SECOND; // virtual ns that no instruction accounts for: a machine is up for a second before its first domain
let latest: i64 = 0; // no later reading may be below this one

/** Least instructions of a slice that a timer cuts short, in wall time. */
const SHORT: i32 = 1000;
/** Instructions that guests run in 1024 ns of wall time, as far as the last slices tell; until then as if each took 4 ns. */
let pace: i32 = 256;
const PACE_LEAST: i32 = 16;
const PACE_MOST: i32 = 16384;
/** When the last slice began. */
let began: i64 = 0;

/**
 * Chooses the clock. To be called by the host before the first domain is made, if at all: the
 * default is wall time.
 *
 * @param is_virtual 1: virtual time, 0: the host's clock
 * @param wall_ns virtual time only: the time of day (ns since 1970) when system time is 0
 */
export function time_init(is_virtual: u32, wall_ns: i64): void {
  virtual_time = is_virtual != 0;
  virtual_wall = wall_ns;
}

/** ns since the machine's start; never runs backwards. */
export function system_time(): i64 {
  const now = virtual_time ? <i64> retired() + skipped : env_clock();
  if (now > latest) latest = now;
  return latest;
}

/** The time stamp counter: 1 GHz. In wall time two reads never give the same value. */
export function read_tsc(): u64 {
  const before = latest;
  if (system_time() == before && !virtual_time) latest++;
  return latest;
}

/**
 * Lets time pass that no instruction accounts for: the slice gets shorter by `ns` instructions, and
 * virtual time goes on by as much. Charged for hypercalls, so that a slice of them lasts no longer
 * than one of instructions.
 */
// @ts-ignore: decorator
@inline export function charge(ns: u32): void {
  store<i32>(CPU + C_BUDGET, load<i32>(CPU + C_BUDGET) - ns);
  store<u64>(CPU + C_RETIRED_END, load<u64>(CPU + C_RETIRED_END) - ns);
  skipped += ns;
}

/** Virtual time only: nothing is runnable until `time`, which is still to come. */
export function skip_to(time: i64): void {
  skipped += time - system_time();
}

/**
 * Wall time only: a slice begins at `now`, after one that used so many instructions. What the host did between the two
 * counts in, so that guests are rather taken for slower than they are: who is found quicker is believed at once, who is
 * found slower by half.
 */
export function note_pace(now: i64, used: i32): void {
  const took = now - began;
  began = now;
  if (virtual_time || used < SHORT || took <= 0) return;
  const found = <i32> max<i64>(PACE_LEAST, min<i64>(PACE_MOST, (<i64> used << 10) / took));
  pace = found > pace ? found : (pace + found) >> 1;
}

/**
 * Instructions a slice may run before `deadline`. Exact in virtual time. In wall time what guests ran of late in as
 * long: a slice that ends early is followed by a shorter one.
 */
export function budget_until(deadline: i64, now: i64, budget: i32): i32 {
  if (deadline < 0) return budget;
  let room = min<i64>(deadline - now, SECOND);
  if (!virtual_time) room = max<i64>(room * pace >> 10, SHORT);
  return <i32> min<i64>(budget, max<i64>(room, 1));
}

/** Shortens the running slice, so that it ends at `deadline`: for a timer that the guest sets in it. */
export function limit_slice(deadline: i64): void {
  const left = load<i32>(CPU + C_BUDGET);
  if (left <= 0) return;
  const cut = left - budget_until(deadline, system_time(), left);
  if (cut <= 0) return;
  credit_cut(cut);
  store<i32>(CPU + C_BUDGET, left - cut);
  store<u64>(CPU + C_RETIRED_END, load<u64>(CPU + C_RETIRED_END) - cut);
}

/** Writes struct vcpu_time_info (public/xen.h) at a host address, version left to the caller. */
function fill_time(at: usize, now: i64): void {
  store<i64>(at, now, 8); // tsc_timestamp
  store<i64>(at, now, 16); // system_time
  store<u32>(at, MUL, 24);
  store<u8>(at, SHIFT, 28);
  store<u8>(at, TSC_STABLE, 29);
}

const area = memory.data(32);

/**
 * Refreshes a vCPU's pvclock in vcpu_info, and in the area of VCPUOP_register_vcpu_time_memory_area
 * if there is one (through the running vCPU's page tables). The version is odd while it changes.
 */
export function update_time(v: Vcpu): void {
  const at = v.vcpu_info + INFO_TIME;
  const now = system_time();
  v.time_updated = now;
  const version = (load<u32>(at) | 1) + 1;
  store<u32>(at, version - 1);
  fill_time(at, now);
  store<u32>(at, version);
  if (!v.time_area) return;
  memory.copy(area, at, 32);
  copy_to_guest(v.time_area, area, 32);
}

/** Writes the time of day at system time 0 to a domain's shared_info. */
export function update_wallclock(d: Domain): void {
  let wall = virtual_wall;
  if (!virtual_time) wall = env_wall() - system_time();
  if (wall < 0) wall = 0;
  const at = shared_info(d);
  const version = (load<u32>(at + WC_VERSION) | 1) + 1;
  store<u32>(at + WC_VERSION, version - 1);
  const seconds = wall / SECOND;
  store<u32>(at + WC_SEC, <u32> seconds);
  store<u32>(at + WC_SEC_HI, <u32> (seconds >> 32));
  store<u32>(at + WC_NSEC, <u32> (wall % SECOND));
  store<u32>(at + WC_VERSION, version);
}
