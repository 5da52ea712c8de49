// System calls that tell the time: the wall clock from shared_info, and the paravirtual clock.

import { EINVAL } from "../../abi/linux.ts";
import {
  asm,
  code,
  dword,
  eax,
  ecx,
  edx,
  esp,
  fn,
  if_,
  local,
  localOf,
  ret,
  struct,
  u32,
} from "../../asm/mod.ts";
import { sharedInfo } from "../../kernel/state.ts";
import { system_time } from "../../kernel/time.ts";
import { answer } from "../user_memory.ts";

const Time = struct("time", { seconds: u32, high: u32, nanoseconds: u32, pad: u32 });

/** (seconds, nanoseconds): stores the time since start at the two addresses. */
const take_uptime = code("take_uptime", () => {
  asm.call(system_time);
  asm.mov(ecx, 1_000_000_000);
  asm.div(ecx); // fits: the machine has been up for less than 2^32 seconds
  asm.mov(ecx, dword(esp, 4));
  asm.mov(dword(ecx), eax);
  asm.mov(ecx, dword(esp, 8));
  asm.mov(dword(ecx), edx);
  asm.ret();
});

const CLOCK = { realtime: 0, realtime_coarse: 5 } as const;

/** (clock, seconds, nanoseconds): the wall clock's time, or the time since start. */
const take_time = fn("take_time", (clock, seconds, nanoseconds) => {
  take_uptime(seconds, nanoseconds);
  if_(clock.ne(CLOCK.realtime).both(() => clock.ne(CLOCK.realtime_coarse)), () => ret());
  u32.at(seconds).add(sharedInfo.wc_sec);
  u32.at(nanoseconds).add(sharedInfo.wc_nsec);
  if_(u32.at(nanoseconds).ge(1_000_000_000), () => {
    u32.at(nanoseconds).take(1_000_000_000);
    u32.at(seconds).inc();
  });
});

export const sys_time = fn("sys_time", (result) => {
  const seconds = local(), rest = local();
  take_time(CLOCK.realtime, seconds.address, rest.address);
  if_(result.ne(0), () => void store_seconds(result, seconds));
  ret(seconds);
});
const store_seconds = fn("store_seconds", (result, seconds) => {
  answer(result, seconds.address, 4);
});

export const sys_gettimeofday = fn("sys_gettimeofday", (result) => {
  const pair = localOf(struct("timeval", { seconds: u32, microseconds: u32 }));
  take_time(CLOCK.realtime, pair.seconds.address, pair.microseconds.address);
  pair.microseconds.set(pair.microseconds.over(1000));
  answer(result, pair.address, 8);
});

/** Clocks by number: CLOCK_REALTIME to CLOCK_BOOTTIME. */
const LAST_CLOCK = 7;

export const sys_clock_gettime = fn("sys_clock_gettime", (clock, result) => {
  if_(clock.gt(LAST_CLOCK), () => ret(-EINVAL));
  const pair = localOf(struct("timespec", { seconds: u32, nanoseconds: u32 }));
  take_time(clock, pair.seconds.address, pair.nanoseconds.address);
  answer(result, pair.address, 8);
});

export const sys_clock_gettime64 = fn("sys_clock_gettime64", (clock, result) => {
  if_(clock.gt(LAST_CLOCK), () => ret(-EINVAL));
  const t = localOf(Time);
  t.high.set(0);
  t.pad.set(0);
  take_time(clock, t.seconds.address, t.nanoseconds.address);
  answer(result, t.address, Time.size);
});
