// MOV to and from debug registers. Source: xen/arch/x86/pv/emul-priv-op.c, pv-abi.md §5.6.
import { fault, GP, gpr, set_gpr, UD } from "../cpu/state";
import { current } from "../domains/domain";
import { CR4_DE } from "./cpu_features";
import { do_get_debugreg, do_set_debugreg } from "./debug_registers";
import { in_kernel } from "./fetch";

/** MOV between a general register and DRn; DR4 and DR5 do not exist under CR4.DE. */
export function debug_move(dr: u32, register: u32, write: bool): void {
  if ((dr == 4 || dr == 5) && current.cr4 & CR4_DE) fault(UD, 0);
  else if (!in_kernel()) fault(GP, 0);
  else if (!write) set_gpr(register, do_get_debugreg(dr));
  else if (do_set_debugreg(dr, gpr(register)) != 0) fault(GP, 0);
}
