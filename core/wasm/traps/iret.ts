// The IRET instruction in rings 1 and 3: runs natively under Xen, to the same ring or an outer one.
// Source: Intel SDM volume 2, IRET; pv-abi.md §4.7; golden lines iret.plain_*.
import { eflags, NT, RF, set_eflags } from "../cpu/flags";
import {
  ATTR_D,
  breakpoints_armed,
  cpl,
  fault,
  GP,
  gpr,
  NP,
  set_eip,
  set_gpr,
  set_segment,
  SP,
  update_mode,
} from "../cpu/state";
import {
  C_CPL,
  C_EFLAGS,
  C_MODE,
  C_RECORD,
  C_STEP_ARMED,
  CPU,
  CS,
  MODE_FLAT,
  MODE_STEP,
  PREFIX_OP16,
  REC_PREFIX,
  SS,
} from "../layout";
import { READ, tlb_hit } from "../pagetables/walk";
import {
  known_attr,
  known_base,
  known_code,
  known_limit,
  known_stack,
} from "../segments/known";
import { clear_inner_segments, return_far, return_flags } from "../segments/return";

/**
 * The common case: a frame of five words in a page that the TLB has, to flat segments that were loaded before.
 *
 * @returns false with nothing changed
 */
function iret_at_once(): bool {
  if ((load<u32>(CPU + C_MODE) & (MODE_FLAT | MODE_STEP)) != MODE_FLAT) return false;
  const sp = gpr(SP);
  if ((sp & 0xfff) > 4096 - 20) return false;
  const host = tlb_hit(sp, READ);
  if (!host) return false;
  const cs: u32 = load<u16>(host, 4);
  const ring = cs & 3;
  if (ring < cpl() || !known_code(cs) || known_base || ~known_limit) return false;
  const code = known_attr;
  if (ring == cpl()) set_gpr(SP, sp + 12);
  else {
    const ss: u32 = load<u16>(host, 16);
    if ((ss & 3) != ring || !known_stack(ss) || known_base || ~known_limit || !(known_attr & ATTR_D)) {
      return false;
    }
    set_segment(SS, ss, known_attr, 0, 0xffffffff);
    set_gpr(SP, load<u32>(host, 12));
    clear_inner_segments(ring);
  }
  set_segment(CS, cs, code, 0, 0xffffffff);
  store<u32>(CPU + C_CPL, ring);
  set_eip(load<u32>(host));
  set_eflags(load<u32>(host, 8) & ~RF);
  update_mode();
  return true;
}

/** IRET, operand size in the record. IF and IOPL of the image are ignored, as for any CPL above IOPL. */
export function insn_iret(): void {
  if (load<u32>(CPU + C_EFLAGS) & NT) {
    fault(GP, 0); // no task returns in long mode
    return;
  }
  const short = (load<u16>(<usize> load<u32>(CPU + C_RECORD) + REC_PREFIX) & PREFIX_OP16) != 0;
  if (!short && iret_at_once()) return;
  if (!return_far(3, short ? 2 : 4, 0, NP)) return;
  let flags = return_flags;
  if (short) flags = (flags & 0xffff) | (eflags() & 0xffff0000);
  // RF means something only to breakpoints, and shows only in the frame of the trap that TF asks for
  const shown = breakpoints_armed || load<u32>(CPU + C_STEP_ARMED) != 0;
  set_eflags(shown ? flags : flags & ~RF);
  update_mode();
}
