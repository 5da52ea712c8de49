// One domain's share of the processor's features: what its toolstack did not take away.
//
// As on Xen, a feature that is hidden is only not told of. A PV guest's instructions run on the processor
// itself, where nothing stops them; so they do here. Source: xen/arch/x86/cpu-policy.c, pv-abi.md §6.2;
// which feature needs which: the Intel manual's chapters on each extension, as in xen/tools/gen-cpuid.py.
import { current, current_domain, Domain, OPT_CPUID_FAULTING } from "../domains/domain";
import { EXTENDED_EDX, LEAF1_ECX, LEAF1_EDX, whole_extended_edx, whole_leaf1_ecx, whole_leaf1_edx } from "./cpu_features";

/** Leaf 1's EDX as the running domain sees it. */
export function leaf1_edx(): u32 {
  return LEAF1_EDX & ~current_domain.hidden_leaf1_edx;
}
/** Leaf 1's ECX. */
export function leaf1_ecx(): u32 {
  return LEAF1_ECX & ~current_domain.hidden_leaf1_ecx;
}
/** Leaf 0x80000001's EDX. */
export function extended_edx(): u32 {
  return EXTENDED_EDX & ~current_domain.hidden_extended_edx;
}

/** Takes features away from a domain, and those that need them: bits to hide of each word. */
export function hide_features(d: Domain, ecx: u32, edx: u32, extended: u32): void {
  const shown = whole_leaf1_edx(LEAF1_EDX & ~edx);
  d.hidden_leaf1_edx = ~shown;
  d.hidden_leaf1_ecx = ~whole_leaf1_ecx(LEAF1_ECX & ~ecx, shown);
  d.hidden_extended_edx = ~whole_extended_edx(EXTENDED_EDX & ~extended, shown);
}

/** Whether the running domain's processor offers CPUID faulting (MSR_PLATFORM_INFO). */
export function faulting_offered(): bool {
  return (current_domain.options & OPT_CPUID_FAULTING) != 0;
}

/** Whether CPUID faults where the vCPU is: its kernel asked for that in MSR_MISC_FEATURES_ENABLES. */
export function cpuid_faults(ring: u32): bool {
  return ring == 3 && current.cpuid_faulting != 0;
}
