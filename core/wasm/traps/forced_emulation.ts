// CPUID behind the prefix UD2 "xen": a guest's way to the virtual processor's CPUID in any ring.
// Source: xen/arch/x86/pv/emul-inv-op.c, pv-abi.md §5.4 and §16.
import { clear_fault, cpl, fault, GP, insn_eip, page_fault, set_eip, set_insn_eip } from "../cpu/state";
import { guest_read_linear } from "../pagetables/guest_copy";
import { cpuid_into_registers } from "./cpuid";
import { cpuid_faults } from "./cpuid_policy";

const PREFIX_LENGTH: u32 = 5;
const UD2: u32 = 0x0b0f;
const XEN: u32 = 0x6e6578; // "xen"
const CPUID: u32 = 0xa20f;

const code = memory.data(8);

/**
 * Reads instruction bytes at an EIP, without adding CS's base: so does Xen.
 *
 * @returns false with #PF pending, CR2 at the first byte that cannot be read
 */
function probe(address: u32, length: u32): bool {
  if (guest_read_linear(code, address, length, false)) return true;
  clear_fault();
  const here: u32 = 0x1000 - (address & 0xfff);
  let bad = address;
  if (here < length) {
    if (guest_read_linear(code, address, here, false)) bad = address + here;
    else clear_fault();
  }
  return page_fault(bad, cpl() == 1 ? 0 : 4);
}

/**
 * Looks for the prefix at an instruction that raised #UD.
 *
 * @returns true when CPUID was emulated, with C_EIP after it and no fault pending; false when a fault
 *   is to be delivered: the #UD, the #PF of a probe that failed, or the #GP of CPUID where that faults,
 *   which is then at the CPUID
 */
export function forced_emulation(): bool {
  const address = <u32> insn_eip();
  if (!probe(address, PREFIX_LENGTH)) return false;
  if (load<u16>(code) != UD2 || (load<u32>(code, 1) >> 8) != XEN) return false;
  if (!probe(address + PREFIX_LENGTH, 2)) return false;
  if (load<u16>(code) != CPUID) return false;
  clear_fault();
  if (cpuid_faults(cpl())) {
    set_insn_eip(address + PREFIX_LENGTH);
    return fault(GP, 0);
  }
  cpuid_into_registers();
  set_eip((address + PREFIX_LENGTH + 2) & 0xffffffff);
  return true;
}
