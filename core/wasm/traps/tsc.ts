// RDTSC and RDTSCP. With CR4.TSD the guest's user mode may not use them; its kernel always may.
// Source: xen/arch/x86/pv/emul-priv-op.c, pv-abi.md §5.4.
import { AX, cpl, CX, DX, fault, GP, set_gpr } from "../cpu/state";
import { current } from "../domains/domain";
import { read_tsc } from "../events/clock";
import { CR4_TSD } from "./cpu_features";

export function insn_rdtsc(): void {
  if (current.cr4 & CR4_TSD && cpl() != 1) {
    fault(GP, 0);
    return;
  }
  const value = read_tsc();
  set_gpr(AX, <u32> value);
  set_gpr(DX, <u32> (value >> 32));
}

/** RDTSCP: the same, and TSC_AUX (always 0) into ECX. */
export function insn_rdtscp(): void {
  if (current.cr4 & CR4_TSD && cpl() != 1) {
    fault(GP, 0);
    return;
  }
  insn_rdtsc();
  set_gpr(CX, 0);
}
