// What the host may watch: one call to env.trace for each event of an enabled kind, and the last
// hypercalls of each domain, which a crash report shows. Costs one test while tracing is off.
import { TRACE } from "./layout";

// Bits of trace_mask; also the first argument of env.trace.
export const TRACE_HYPERCALL: u32 = 1;
export const TRACE_TRAP: u32 = 2;
export const TRACE_EVENT: u32 = 4;
export const TRACE_MMU: u32 = 8;
export const TRACE_CODE: u32 = 16; // for profiles; not one of --trace's
export const TRACE_BLOCK: u32 = 32; // for what translates all code; not one of --trace's
// Second sight of a hypercall: its result. Not a mask bit of its own.
export const TRACE_RESULT: u32 = 0x101;

// How a trap reached the guest (argument `how` of trace_trap).
export const TRAP_BOUNCED: u32 = 0; // through the guest's trap table
export const TRAP_EMULATED: u32 = 1; // done by the hypervisor; the guest saw nothing
export const TRAP_CRASHED: u32 = 2; // nowhere to deliver: the domain ends

// What happened to an event (argument `what` of trace_event).
export const EVENT_SENT: u32 = 0; // a port was made pending
export const EVENT_UPCALL: u32 = 1; // the event callback was entered
export const EVENT_NMI: u32 = 2; // the NMI callback was entered
export const EVENT_FAILSAFE: u32 = 3; // the failsafe callback was entered

// Entries of the last-hypercalls ring: 16 of 32 bytes for each of the 128 domains.
export const HISTORY: u32 = 16;
const HISTORY_ENTRY: u32 = 32; // nr, five arguments, result, sequence number from 1

// @ts-ignore: decorator
@external("env", "trace")
declare function env_trace(kind: u32, a: u32, b: u32, c: u32, d: u32, e: u32, f: u32): void;

export let trace_mask: u32 = 0;
let sequence: u32 = 0;

/** Chooses what env.trace is told: the sum of TRACE_ bits, 0 for nothing. */
export function trace_set(mask: u32): void {
  trace_mask = mask;
}

/** Address of a domain's last-hypercalls ring, for the crash report. */
// @ts-ignore: decorator
@inline export function trace_history(domid: u32): usize {
  return <usize>TRACE + (domid & 127) * HISTORY * HISTORY_ENTRY;
}

/**
 * Notes a hypercall before it is carried out, and tells the tracer.
 *
 * @returns the place that trace_hypercall_done wants
 */
// @ts-ignore: decorator
@inline export function trace_hypercall(domid: u32, nr: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32): usize {
  const n = ++sequence;
  // Each domain's entries are in order of their sequence numbers; the slot is the oldest one's.
  const at = history_next(domid);
  store<u32>(at, nr);
  store<u32>(at, a1, 4);
  store<u32>(at, a2, 8);
  store<u32>(at, a3, 12);
  store<u32>(at, a4, 16);
  store<u32>(at, a5, 20);
  store<u32>(at, 0x7fffffff, 24);
  store<u32>(at, n, 28);
  if (trace_mask & TRACE_HYPERCALL) env_trace(TRACE_HYPERCALL, nr, a1, a2, a3, a4, a5);
  return at;
}

/** Notes a hypercall's result. */
// @ts-ignore: decorator
@inline export function trace_hypercall_done(at: usize, nr: u32, result: i32): void {
  store<u32>(at, result, 24);
  if (trace_mask & TRACE_HYPERCALL) env_trace(TRACE_RESULT, nr, result, 0, 0, 0, 0);
}

/** A trap of the guest: vector, error code, where it happened and CR2 (page faults only). */
export function trace_trap(vector: u32, error: u32, cs: u32, eip: u32, address: u32, how: u32): void {
  if (trace_mask & TRACE_TRAP) env_trace(TRACE_TRAP, vector, error, cs, eip, address, how);
}

/** An event: `what` is one of EVENT_; the domain and vCPU it is for, and the port (EVENT_SENT only). */
export function trace_event(what: u32, domid: u32, vcpu: u32, port: u32): void {
  if (trace_mask & TRACE_EVENT) env_trace(TRACE_EVENT, what, domid, vcpu, port, 0, 0);
}

/** One page-table entry written on a guest's behalf: machine address of the entry, new value, level, result. */
export function trace_mmu(entry: u64, value: u64, level: u32, result: i32): void {
  if (trace_mask & TRACE_MMU) {
    env_trace(
      TRACE_MMU, <u32>entry, <u32>(entry >> 32), <u32>value, <u32>(value >> 32), level, result,
    );
  }
}

/** Decoded code is about to be dropped: all of it, or what was decoded from a frame that is written to. */
export function trace_code(all: bool, mfn: u32): void {
  if (trace_mask & TRACE_CODE) env_trace(TRACE_CODE, all ? 1 : 0, mfn, 0, 0, 0, 0);
}

/**
 * A block was found for C_EIP, which the jump cache had none for, and is run next. Its handler is looked up after this:
 * the host may replace it.
 */
// @ts-ignore: decorator
@inline export function trace_block(): void {
  if (trace_mask & TRACE_BLOCK) env_trace(TRACE_BLOCK, 0, 0, 0, 0, 0, 0);
}

// Byte n of this table counts the hypercalls of domain n, mod 256.
const counters: usize = memory.data(128);

// @ts-ignore: decorator
@inline function history_next(domid: u32): usize {
  const counter = counters + (domid & 127);
  const n: u32 = load<u8>(counter);
  store<u8>(counter, n + 1);
  return trace_history(domid) + (n & (HISTORY - 1)) * HISTORY_ENTRY;
}
