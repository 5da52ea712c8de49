// vm_assist: switches of a domain's (hypercall 21). Rules: xen/common/domain.c; shared/pv-abi.md §7.10.
import { EINVAL, ENOSYS } from "../errno";
import { current_domain } from "../domains/domain";

const ENABLE: u32 = 0;
const DISABLE: u32 = 1;

// What the types 0 to 5 are: 4gb_segments and its notification (accepted, without effect on a 64-bit
// Xen), writable_pagetables, pae_extended_cr3, architectural_iopl, runstate_update_flag.
const TYPES: u32 = 6;

/** Turns an assist on or off: 0, -EINVAL for a type that is none, -ENOSYS for another command. */
export function do_vm_assist(cmd: u32, type: u32): i32 {
  if (type >= TYPES) return -EINVAL;
  if (cmd == ENABLE) current_domain.vm_assist |= 1 << type;
  else if (cmd == DISABLE) current_domain.vm_assist &= ~(1 << type);
  else return -ENOSYS;
  return 0;
}
