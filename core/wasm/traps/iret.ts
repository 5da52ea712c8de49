// The IRET instruction in rings 1 and 3: runs natively under Xen, to the same ring or an outer one.
// Source: Intel SDM volume 2, IRET; pv-abi.md §4.7; golden lines iret.plain_*.
import { eflags, NT, RF, set_eflags, TF } from "../cpu/flags";
import { breakpoints_armed, fault, GP, NP, update_mode } from "../cpu/state";
import { C_EFLAGS, C_RECORD, CPU, PREFIX_OP16, REC_PREFIX } from "../layout";
import { return_far, return_flags } from "../segments/return";
import { iret_at_once } from "./at_once";

/**
 * IRET in the common case (at_once.ts).
 *
 * @returns false with nothing changed: insn_iret does it
 */
// @ts-ignore: decorator
@inline export function plain_iret_at_once(): bool {
  return !(load<u32>(CPU + C_EFLAGS) & NT) && !is_short() && iret_at_once();
}

// @ts-ignore: decorator
@inline function is_short(): bool {
  return (load<u16>(<usize> load<u32>(CPU + C_RECORD) + REC_PREFIX) & PREFIX_OP16) != 0;
}

/** IRET, operand size in the record. IF and IOPL of the image are ignored, as for any CPL above IOPL. */
export function insn_iret(): void {
  if (load<u32>(CPU + C_EFLAGS) & NT) {
    fault(GP, 0); // no task returns in long mode
    return;
  }
  const short = is_short();
  if (!return_far(3, short ? 2 : 4, 0, NP)) return;
  let flags = return_flags;
  if (short) flags = (flags & 0xffff) | (eflags() & 0xffff0000);
  // RF means something only to breakpoints, and shows only in the frame of the trap that TF asks for
  const shown = breakpoints_armed || (load<u32>(CPU + C_EFLAGS) & TF) != 0;
  set_eflags(shown ? flags : flags & ~RF);
  update_mode();
}
