// Into the kernel and out of it in the common case: flat 32-bit segments that were loaded lately, a frame
// within a page that the TLB has, nothing that waits and nothing that watches.
//
// Everything here declines with nothing changed, and then bounce.ts, resume.ts and return.ts do it by all the
// rules. What they would do in the common case is all that stands here, so a rule that changes there changes
// here, or makes this decline.
import { AC, IF, IOPL, NT, RF, set_eflags, TF, VM } from "../cpu/flags";
import {
  alignment_checked,
  ATTR_P,
  AX,
  cpl,
  gpr,
  not_flat_data,
  seg_attr,
  seg_selector,
  set_eip,
  set_gpr,
  set_segment,
  SP,
  update_mode,
} from "../cpu/state";
import { current, current_domain, DOM_RUNNING } from "../domains/domain";
import { INFO_MASK, INFO_PENDING } from "../events/bits";
import {
  C_CPL,
  C_EFLAGS,
  C_JUMP_TAG,
  C_MODE,
  C_TLB_TAG,
  CPU,
  CS,
  DS,
  ES,
  MODE_CODE32,
  MODE_CODE_FLAT,
  MODE_FLAT,
  MODE_STACK32,
  MODE_STEP,
  MODE_USER,
  SS,
} from "../layout";
import { write_hit } from "../pagetables/guest_copy";
import { READ, tlb_hit } from "../pagetables/walk";
import { known_flat_code, known_flat_stack } from "../segments/known";
import { limits_2007 } from "../segments/limits_2007";
import { clear_inner_segments } from "../segments/return";
import { shown_iopl } from "./bounce";
import { code_reload_due } from "./frame_context";
import { architectural_iopl } from "./iopl";

const CODE_AND_STACK: u32 = MODE_CODE32 | MODE_STACK32 | MODE_CODE_FLAT;
const ALL_FLAT: u32 = CODE_AND_STACK | MODE_FLAT;

/** Code and stack are flat and 32 bits wide, and the guest runs unwatched. */
// @ts-ignore: decorator
@inline function runs_plainly(): bool {
  const mode = load<u32>(CPU + C_MODE) & ~MODE_USER;
  if (mode == ALL_FLAT) return true;
  return (mode & (CODE_AND_STACK | MODE_STEP)) == CODE_AND_STACK && !alignment_checked && !not_flat_data(SS);
}

/** C_MODE's dependants after a change of ring between flat segments. */
// @ts-ignore: decorator
@inline function ring_changed(ring: u32): void {
  if ((load<u32>(CPU + C_MODE) & ~MODE_USER) != ALL_FLAT) {
    update_mode();
    return;
  }
  const user = ring == 3;
  const mode = user ? ALL_FLAT | MODE_USER : ALL_FLAT;
  const tag = (load<u32>(CPU + C_TLB_TAG) & ~1) | (user ? 1 : 0);
  store<u32>(CPU + C_MODE, mode);
  store<u32>(CPU + C_TLB_TAG, tag);
  store<u32>(CPU + C_JUMP_TAG, tag | (mode << 12));
}

/**
 * Enters a handler of the kernel's: its frame, its mask, its registers (bounce.ts, push_frame).
 *
 * @param eip where the frame says it goes on
 * @param flags EFLAGS of the frame, before IF and IOPL are made what a guest sees
 * @param has_error the frame begins with `error`
 * @param masks events are masked in the handler
 * @returns false with nothing changed
 */
// @ts-ignore: decorator
@inline export function enter_at_once(
  cs: u32,
  handler: u32,
  eip: u32,
  flags: u32,
  has_error: bool,
  error: u32,
  masks: bool,
): bool {
  if (!runs_plainly() || code_reload_due(current) || limits_2007() || current_domain.state != DOM_RUNNING) return false;
  const info = current.vcpu_info;
  const saved: u32 = load<u16>(info + 1); // the mask byte, and the padding after it
  const masked = (saved & 0xff) != 0;
  if (current.nmi_pending || (load<u8>(info + INFO_PENDING) && !masked && !masks)) return false;
  if ((cs & 3) != 1) return false;
  const ring = cpl();
  const from_user = (ring & 2) != 0;
  const ss = from_user ? current.kernel_ss & 0xffff : seg_selector(SS);
  const top = from_user ? <u32> current.kernel_sp : gpr(SP);
  let stack: u32 = 0;
  if (from_user) {
    stack = known_flat_stack(ss);
    if ((ss & 3) != 1 || !stack) return false;
  }
  const code = known_flat_code(cs);
  if (!code) return false;
  const size: u32 = (from_user ? 20 : 12) + (has_error ? 4 : 0);
  if (top < size) return false;
  let host = write_hit(top - size, size);
  if (!host) return false;

  if (has_error) {
    store<u32>(host, error);
    host += 4;
  }
  store<u32>(host, eip);
  store<u32>(host, seg_selector(CS) | (saved << 16), 4);
  store<u32>(host, (flags & ~(IF | IOPL)) | (masked ? 0 : IF) | shown_iopl(), 8);
  if (from_user) {
    store<u32>(host, gpr(SP), 12);
    store<u32>(host, seg_selector(SS), 16);
    set_segment(SS, ss, stack, 0, 0xffffffff);
  }
  if (masks) store<u8>(info + 1, <u8> (saved | 1));
  set_segment(CS, cs, code, 0, 0xffffffff);
  store<u32>(CPU + C_CPL, 1);
  store<u32>(CPU + C_EFLAGS, load<u32>(CPU + C_EFLAGS) & ~(RF | NT | TF));
  set_eip(handler);
  set_gpr(SP, top - size);
  ring_changed(1);
  return true;
}

/**
 * Goes on in this ring or an outer one, as IRET and the hypervisor's own way back do.
 *
 * @param ss for an outer ring, and esp with it; else esp is only what ESP becomes
 * @returns false with nothing changed
 */
// @ts-ignore: decorator
@inline function return_at_once(cs: u32, eip: u32, flags: u32, ss: u32, esp: u32): bool {
  const ring = cs & 3;
  const from = cpl();
  if (ring < from || flags & (TF | VM | AC)) return false;
  const code = known_flat_code(cs);
  if (!code) return false;
  if (ring != from) {
    const stack = known_flat_stack(ss);
    if ((ss & 3) != ring || !stack) return false;
    set_segment(SS, ss, stack, 0, 0xffffffff);
    clear_inner_segments(ring);
  }
  set_segment(CS, cs, code, 0, 0xffffffff);
  store<u32>(CPU + C_CPL, ring);
  set_gpr(SP, esp);
  set_eip(eip);
  set_eflags(flags & ~RF);
  if (seg_attr(DS) & seg_attr(ES) & ATTR_P) ring_changed(ring);
  else update_mode();
  return true;
}

/**
 * As return_at_once by a frame of IRET's.
 *
 * @param frame its host address
 * @param esp where the guest has it
 */
// @ts-ignore: decorator
@inline function return_by_frame(frame: usize, esp: u32): bool {
  const cs: u32 = load<u16>(frame, 4);
  const outer = (cs & 3) != cpl();
  return return_at_once(
    cs,
    load<u32>(frame),
    load<u32>(frame, 8),
    outer ? <u32> load<u16>(frame, 16) : 0,
    outer ? load<u32>(frame, 12) : esp + 12,
  );
}

/**
 * IRET from a frame in a page that the TLB has.
 *
 * @returns false with nothing changed
 */
// @ts-ignore: decorator
@inline export function iret_at_once(): bool {
  if (!runs_plainly()) return false;
  const sp = gpr(SP);
  if ((sp & 0xfff) > 4096 - 20) return false;
  const host = tlb_hit(sp, READ);
  return host != 0 && return_by_frame(host, sp);
}

/**
 * The iret hypercall from such a frame (iret_hypercall.ts), where nothing waits for the mask to go.
 *
 * @returns false with nothing changed; else EAX is restored, too
 */
export function iret_hypercall_at_once(): bool {
  if (!runs_plainly() || code_reload_due(current) || limits_2007() || current_domain.state != DOM_RUNNING) return false;
  if (current.nmi_pending || architectural_iopl()) return false;
  const sp = gpr(SP);
  if ((sp & 0xfff) > 4096 - 24) return false;
  const host = tlb_hit(sp, READ);
  if (!host) return false;
  const flags = load<u32>(host, 12);
  const info = current.vcpu_info;
  if (!(load<u8>(host, 8) & 3) || (flags & IF && load<u8>(info + INFO_PENDING))) return false;
  const eax = load<u32>(host);
  if (!return_by_frame(host + 4, sp + 4)) return false;
  store<u8>(info + INFO_MASK, flags & IF ? 0 : 1);
  current.nmi_in_progress = 0;
  set_gpr(AX, eax);
  return true;
}
