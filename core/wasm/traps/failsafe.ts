// The failsafe callback: a guest whose data segments no longer load is told where it was and what they
// were. Source: xen/arch/x86/domain.c (load_segments), pv-abi.md §4.8.
import { IF, IOPL, NT, RF, TF, VM } from "../cpu/flags";
import { C_SHADOW, CPU } from "../layout";
import { clear_fault, eip } from "../cpu/state";
import { domain_crash } from "../domains/crash";
import { current, current_domain, Vcpu } from "../domains/domain";
import { INFO_MASK } from "../events/bits";
import { guest_write_linear } from "../pagetables/guest_copy";
import {
  intended_ds,
  intended_es,
  intended_fs,
  intended_gs,
  reload_data_segments,
  reload_due,
} from "../segments/reload";
import { limits_2007 } from "../segments/limits_2007";
import { FLAT_KERNEL_CS, FLAT_KERNEL_SS } from "../segments/reserved";
import { shown_iopl } from "./bounce";
import { debug_take_data_hits } from "./debug_registers";
import {
  context_set,
  context_take,
  ctx_cs,
  ctx_eip,
  ctx_esp,
  ctx_flags,
  ctx_ss,
} from "./frame_context";
import { resume } from "./resume";

const frame = memory.data(36);

/** DS ES FS GS as they were meant to be, lowest first. */
export function store_intended(at: usize): void {
  store<u32>(at, intended_ds);
  store<u32>(at, intended_es, 4);
  store<u32>(at, intended_fs, 8);
  store<u32>(at, intended_gs, 12);
}

/**
 * Enters the failsafe callback from the context, by way of Xen's flat segments: the stack is a linear
 * address, and the code selector that the guest registered plays no part.
 */
function enter(): void {
  const kernel = (ctx_cs & 3) == 1;
  const mask: u32 = load<u8>(current.vcpu_info + INFO_MASK);
  const size: u32 = kernel ? 28 : 36;
  const esp = (kernel ? ctx_esp : <u32> current.kernel_sp) - size;
  store_intended(frame);
  store<u32>(frame, ctx_eip, 16);
  store<u32>(frame, ctx_cs | (mask << 16), 20);
  store<u32>(frame, (ctx_flags & ~(IF | IOPL)) | (mask ? 0 : IF) | shown_iopl(), 24);
  store<u32>(frame, ctx_esp, 28);
  store<u32>(frame, ctx_ss, 32);
  if (!guest_write_linear(esp, frame, size, false)) {
    clear_fault();
    domain_crash(current_domain, "bad stack for a failsafe frame");
    return;
  }
  if (current.failsafe_flags) store<u8>(current.vcpu_info + INFO_MASK, 1);
  debug_take_data_hits(); // the hypervisor's write, not the guest's
  const flags = ctx_flags & ~(VM | RF | NT | IOPL | TF);
  context_set(FLAT_KERNEL_CS, <u32> current.failsafe_eip, flags, FLAT_KERNEL_SS, esp);
  resume();
}

/**
 * A vCPU was put back on, after it gave the processor up or another one had it: its data segments are
 * loaded again if a descriptor table changed meanwhile, and one that fails is told to the guest.
 */
export function segments_put_back(v: Vcpu): void {
  if (limits_2007()) return; // its way back to the guest sees to it, each time
  if (!reload_due(v) || reload_data_segments(v)) return;
  store<u32>(CPU + C_SHADOW, 0);
  context_take(eip());
  enter();
}
