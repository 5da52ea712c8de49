// The iret hypercall. Source: xen/arch/x86/pv/iret.c, pv-abi.md §4.7.
import { IF, IOPL, NT, RF, TF, VM } from "../cpu/flags";
import { AX, clear_fault, gpr, seg_selector, set_gpr, SP } from "../cpu/state";
import { current, current_domain } from "../domains/domain";
import { domain_crash } from "../domains/crash";
import { SS } from "../layout";
import { guest_read_linear, guest_write_linear } from "../pagetables/guest_copy";
import { iret_hypercall_at_once } from "./at_once";
import { debug_take_data_hits } from "./debug_registers";
import { context_set } from "./frame_context";
import { resume } from "./resume";
import { trap_cs, trap_eip, trap_flags, TRAP_MASKS_EVENTS } from "./table";
import { architectural_iopl } from "./iopl";

const VECTOR_GP: u32 = 13;
const VM86_FRAME: u32 = 40;

const frame = memory.data(40);

function word(index: u32): u32 {
  return load<u32>(frame + (<usize> index << 2));
}

function bad_frame(): i32 {
  clear_fault();
  domain_crash(current_domain, "iret hypercall with a bad frame");
  return 0;
}

/** The stack is read at ESP as a linear address: the base of SS plays no part. */
function read_words(first: u32, count: u32): bool {
  return guest_read_linear(
    frame + (<usize> first << 2),
    (gpr(SP) + (first << 2)) & 0xffffffff,
    count << 2,
    false,
  );
}

/**
 * EFLAGS.VM set: there is no VM86 mode here. The frame is copied below kernel_sp, and the guest's #GP
 * handler starts on it as if the first VM86 instruction had raised #GP(0).
 */
function refuse_vm86(): bool {
  const esp = <u32> current.kernel_sp - VM86_FRAME;
  let size: u32 = 4; // a frame that is in its place already is not read further
  if (esp != gpr(SP)) {
    size = VM86_FRAME;
    if (!read_words(1, 9)) return false;
  }
  store<u32>(frame, 0);
  if (!guest_write_linear(esp, frame, size, false)) return false;
  if (trap_flags(VECTOR_GP) & TRAP_MASKS_EVENTS) store<u32>(frame + 12, word(3) & ~IF);
  context_set(
    trap_cs(VECTOR_GP),
    trap_eip(VECTOR_GP),
    word(3) & ~(VM | RF | NT | TF),
    current.kernel_ss,
    esp,
  );
  return true;
}

/**
 * Hypercall iret: [EAX, EIP, CS, EFLAGS] on the stack, then [ESP, SS] for a target in ring 2 or 3.
 * A frame that cannot be read, or one for ring 0, ends the domain; bad segments are the target's
 * own fault, reported with the target as the interrupted context.
 *
 * @returns the restored EAX, which the hypercall's return path puts there
 */
export function do_iret(): i32 {
  if (iret_hypercall_at_once()) return <i32> gpr(AX);
  if (!read_words(0, 4)) return bad_frame();
  const cs = word(2) & 0xffff;
  const flags = word(3);
  const eax = word(0);
  if (architectural_iopl()) {
    current.virtual_iopl = (flags & IOPL) >> 12;
  }
  if (flags & VM) {
    if (!refuse_vm86()) return bad_frame();
  } else if ((cs & 3) == 0) return bad_frame();
  else if ((cs & 3) == 1) context_set(cs, word(1), flags, seg_selector(SS), gpr(SP) + 16);
  else {
    if (!read_words(4, 2)) return bad_frame();
    context_set(cs, word(1), flags, word(5), word(4));
  }
  // A handler for VM86's #GP that masks events has cleared IF in word 3 above.
  store<u8>(current.vcpu_info + 1, word(3) & IF ? 0 : 1);
  current.nmi_in_progress = 0;
  set_gpr(AX, eax);
  debug_take_data_hits(); // the hypervisor's reads, not the guest's
  resume();
  return <i32> eax;
}
