// Control registers of a PV guest. Source: xen/arch/x86/pv/emul-priv-op.c, pv-abi.md §5.2.
import { fault, GP, gpr, set_gpr, UD } from "../cpu/state";
import { current } from "../domains/domain";
import { load_cr3 } from "../pagetables/cr3";
import { CR0_FIXED, CR0_TS, CR4_GUEST, CR4_HOST } from "./cpu_features";
import { set_cr2 } from "./deliver";
import { set_task_switched, task_switched } from "./fpu";
import { in_kernel } from "./fetch";

/** Whether the register exists; the instruction faults if not, or in user mode. */
function accessible(cr: u32): bool {
  if (cr == 1 || cr > 4) return fault(UD, 0);
  return in_kernel() || fault(GP, 0);
}

/** CLTS by the kernel: virtual CR0.TS goes. */
export function clts(): void {
  set_task_switched(false);
}

/** MOV from CRn. CR3 reads as the top table's mfn, rotated into 32 bits. */
export function control_read(cr: u32, register: u32): void {
  if (!accessible(cr)) return;
  const v = current;
  switch (cr) {
    case 0:
      set_gpr(register, CR0_FIXED | (task_switched() ? CR0_TS : 0));
      break;
    case 2:
      set_gpr(register, <u32> v.cr2);
      break;
    case 3:
      set_gpr(register, (v.cr3_mfn << 12) | (v.cr3_mfn >> 20));
      break;
    default:
      set_gpr(register, v.cr4 | CR4_HOST);
  }
}

/**
 * MOV to CRn. CR0 may change in TS only; CR3 must name a table that validates; bits of CR4 that are
 * not the guest's are dropped in silence.
 */
export function control_write(cr: u32, register: u32): void {
  if (!accessible(cr)) return;
  const value = gpr(register);
  switch (cr) {
    case 0:
      if ((value ^ CR0_FIXED) & ~CR0_TS) fault(GP, 0);
      else set_task_switched((value & CR0_TS) != 0);
      break;
    case 2:
      set_cr2(value);
      break;
    case 3:
      if (load_cr3(current, (value >> 12) | (value << 20)) != 0) fault(GP, 0);
      break;
    default:
      current.cr4 = value & CR4_GUEST;
  }
}
