// Who may use the FPU, and its state at a vCPU's start. Virtual CR0.TS lets a guest save FPU state
// lazily; CR0.EM never reads one. Source: xen/arch/x86/traps.c (do_device_not_available), i387.c.
import { fault, NM } from "../cpu/state";
import { C_TS, CPU } from "../layout";

const FCW_INITIAL: u32 = 0x037f; // all exceptions masked, 64-bit precision, round to nearest
const MXCSR_INITIAL: u32 = 0x1f80;

/** Virtual CR0.TS of the running vCPU. */
export function task_switched(): bool {
  return load<u32>(CPU + C_TS) != 0;
}

export function set_task_switched(on: bool): void {
  store<u32>(CPU + C_TS, on ? 1 : 0);
}

/** To be asked by each FPU instruction: false with #NM pending while virtual CR0.TS is set. */
export function fpu_usable(): bool {
  return task_switched() ? fault(NM, 0) : true;
}

/** Hypercall fpu_taskswitch: sets (any non-zero value) or clears virtual CR0.TS. */
export function do_fpu_taskswitch(set: u32): i32 {
  set_task_switched(set != 0);
  return 0;
}

/** FNINIT: control, status and tag words; registers keep their contents. */
export function fpu_reset(area: usize): void {
  store<u16>(area, <u16> FCW_INITIAL);
  store<u16>(area, 0, 2); // FSW
  store<u8>(area, 0, 4); // FTW as FXSAVE keeps it: a bit for each register in use
  store<u16>(area, 0, 6); // FOP
  store<u64>(area, 0, 8); // FIP
  store<u64>(area, 0, 16); // FDP
}

/** Fills 512 bytes with the state a vCPU starts with, in FXSAVE's layout. */
export function fpu_initial_state(area: usize): void {
  memory.fill(area, 0, 512);
  fpu_reset(area);
  store<u32>(area, MXCSR_INITIAL, 24);
  store<u32>(area, 0xffff, 28); // MXCSR_MASK
}
