// Exceptions on their way to the guest. Source: xen/arch/x86/traps.c, pv-abi.md §4.5.
import { eflags, RF, TF } from "../cpu/flags";
import {
  clear_fault,
  cpl,
  DB,
  eip,
  GP,
  gpr,
  insn_eip,
  NM,
  PF_,
  seg_selector,
  set_eip,
  SP,
  UD,
  update_mode,
} from "../cpu/state";
import { LONG } from "../cpu/tables";
import { current } from "../domains/domain";
import { long_catch_trap, long_caught } from "../long/address";
import { hypervisor_entered } from "../events/deliver";
import {
  C_BUDGET,
  C_EFLAGS,
  C_FAULT,
  C_FAULT_ADDRESS,
  C_FAULT_ERROR,
  C_SHADOW,
  C_STEP_ARMED,
  CPU,
  CS,
  SS,
} from "../layout";
import { TRAP_BOUNCED, TRAP_CRASHED, TRAP_EMULATED, trace_trap } from "../trace";
import { enter_at_once } from "./at_once";
import { has_error_code, push_exception, push_with_error } from "./bounce";
import { debug_note, debug_take_data_hits, DR6_BS } from "./debug_registers";
import { forced_emulation } from "./forced_emulation";
import { set_task_switched } from "./fpu";
import { fix_gs_access, fixed_length, notifies_fixup } from "./gs_fixup";
import { context_set, context_take } from "./frame_context";
import { resume } from "./resume";
import { trap_cs, trap_eip, trap_flags, TRAP_MASKS_EVENTS } from "./table";

const NOTIFY_VECTOR: u32 = 15;

/** Shows a page fault's address to the guest: in CR2 and in its vcpu_info. */
// @ts-ignore: decorator
@inline export function set_cr2(address: u32): void {
  current.cr2 = address;
  store<u32>(current.vcpu_info + 8, address);
}

/**
 * To the guest's handler in the common case (at_once.ts); as deliver.
 *
 * @param has_error whether the frame has an error code
 * @returns false with nothing changed
 */
// @ts-ignore: decorator
@inline export function trap_at_once(vector: u32, has_error: bool, error: u32, at: u32, flags: u32): bool {
  const cs = seg_selector(CS);
  const masks = (trap_flags(vector) & TRAP_MASKS_EVENTS) != 0;
  if (!enter_at_once(trap_cs(vector), trap_eip(vector), at, flags, has_error, error, masks)) return false;
  trace_trap(vector, error, cs, at, <u32> current.cr2, TRAP_BOUNCED);
  return true;
}

/** The error code that a guest is shown of a page fault: of user mode is what ring 1 does not do. */
// @ts-ignore: decorator
@inline function shown_error(error: u32): u32 {
  return (error & ~4) | (cpl() == 1 ? 0 : 4);
}

/**
 * To the guest's handler.
 *
 * @param at EIP of the frame
 * @param flags EFLAGS of the frame. RF is set in a fault's; a trap shows it as the instruction left it, which
 *   is set after an IRET that set it
 */
function deliver(vector: u32, hardware: bool, error: u32, at: u32, flags: u32): void {
  if (trap_at_once(vector, hardware && has_error_code(vector), error, at, flags)) return;
  const cs = seg_selector(CS);
  context_set(cs, at, flags, seg_selector(SS), gpr(SP));
  const done = push_exception(vector, hardware, error);
  trace_trap(vector, error, cs, at, <u32> current.cr2, done ? TRAP_BOUNCED : TRAP_CRASHED);
  if (done) resume();
  else set_eip(at); // for the crash report
}

/**
 * Delivers the pending fault, whose instruction is at C_INSN_EIP: to the guest's handler, unless the
 * instruction turns out to be CPUID behind the forced-emulation prefix. May end the domain.
 */
export function deliver_fault(): void {
  hypervisor_entered();
  const forced = load<u32>(CPU + C_FAULT) == UD && forced_emulation();
  debug_take_data_hits(); // of an instruction that did not complete, and of the look behind UD2
  if (forced) {
    trace_trap(UD, 0, seg_selector(CS), <u32> insn_eip(), 0, TRAP_EMULATED);
    if (load<u32>(CPU + C_EFLAGS) & TF) deliver_step(true);
    return;
  }
  const vector = load<u32>(CPU + C_FAULT);
  let error = load<u32>(CPU + C_FAULT_ERROR);
  if (vector == GP && error == 0 && fix_gs_access()) {
    clear_fault();
    update_mode();
    if (notifies_fixup()) notify_fixup();
    return;
  }
  clear_fault();
  if (vector == PF_) {
    set_cr2(load<u32>(CPU + C_FAULT_ADDRESS));
    error = shown_error(error);
  } else if (vector == NM) set_task_switched(false);
  const flags = eflags();
  deliver(vector, true, error, <u32> insn_eip(), vector != DB ? flags | RF : flags & ~RF);
}

/**
 * As the run loop and deliver_fault have it for a page fault, where that enters a handler in the common case
 * (at_once.ts).
 *
 * @returns false with the fault as pending as it was: deliver_fault does it
 */
// @ts-ignore: decorator
@inline export function page_fault_at_once(): bool {
  if (load<u32>(CPU + C_FAULT) != PF_ || load<u32>(CPU + C_STEP_ARMED) | load<u32>(CPU + C_SHADOW)) return false;
  if (LONG && long_caught) return false;
  set_cr2(load<u32>(CPU + C_FAULT_ADDRESS));
  const error = shown_error(load<u32>(CPU + C_FAULT_ERROR));
  if (!trap_at_once(PF_, true, error, <u32> insn_eip(), eflags() | RF)) return false;
  store<i32>(CPU + C_BUDGET, load<i32>(CPU + C_BUDGET) - 1); // as in the run loop: a fault costs an instruction
  clear_fault();
  hypervisor_entered();
  return true;
}

/** Tells the guest of an access through GS that was mended: vector 15, the instruction's length as error code. */
function notify_fixup(): void {
  context_take(insn_eip());
  if (push_with_error(NOTIFY_VECTOR, fixed_length)) resume();
}

/** Delivers a trap, whose return address is C_EIP: INT3, INTO, INT1, INT 0x80, #DB. */
export function deliver_trap(vector: u32): void {
  if (LONG && long_caught) {
    long_catch_trap(vector);
    return;
  }
  hypervisor_entered();
  deliver(vector, true, 0, <u32> eip(), eflags());
}

/**
 * Delivers an INT n that the processor refused and the guest's trap table allows. It came as #GP, so
 * its frame shows RF; there is no error code, whatever the vector.
 */
export function deliver_software_interrupt(vector: u32): void {
  hypervisor_entered();
  deliver(vector, false, 0, <u32> eip(), eflags() | RF);
}

/**
 * The #DB that is due after an instruction: the single-step trap if it ran under TF, and the data
 * breakpoints that it touched. None of them, none delivered.
 */
export function deliver_step(single_step: bool): void {
  const causes = debug_take_data_hits() | (single_step ? DR6_BS : 0);
  if (!causes) return;
  debug_note(causes);
  deliver_trap(DB);
}
