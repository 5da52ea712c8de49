// The one processor that guests see, as far as it is a matter of bits: an Intel Core 2 class machine
// behind Xen 4.17's policy for 32-bit PV guests (pv-abi.md §6.2).
//
// The rule: no instruction-set bit without the instructions. Whoever adds instructions to the CPU
// widens these masks, and nothing else. tests/isa/features_test.ts holds them to it.

// Leaf 1, EDX.
const FPU: u32 = 1 << 0;
const DE: u32 = 1 << 2;
const TSC: u32 = 1 << 4;
const MSR: u32 = 1 << 5;
const PAE: u32 = 1 << 6;
const MCE: u32 = 1 << 7;
const CX8: u32 = 1 << 8;
const APIC: u32 = 1 << 9;
const MCA: u32 = 1 << 14;
const CMOV: u32 = 1 << 15;
const PAT: u32 = 1 << 16;
const CLFLUSH: u32 = 1 << 19;
const FXSR: u32 = 1 << 24;
const MMX: u32 = 1 << 23;
const SSE: u32 = 1 << 25;
const SSE2: u32 = 1 << 26;

export const LEAF1_EDX: u32 = FPU | DE | TSC | MSR | PAE | MCE | CX8 | APIC | MCA | CMOV | PAT |
  CLFLUSH | MMX | FXSR | SSE | SSE2;
// Leaf 1, ECX.
const SSE3: u32 = 1 << 0;
const SSSE3: u32 = 1 << 9;
const HYPERVISOR: u32 = 0x80000000;
export const LEAF1_ECX: u32 = SSE3 | SSSE3 | HYPERVISOR;

const NX: u32 = 1 << 20;
const RDTSCP: u32 = 1 << 27;
export const EXTENDED_EDX: u32 = NX | RDTSCP;

/** What stays of leaf 1's EDX when only `shown` may: MMX lives in the x87's registers, SSE's are kept by FXSAVE. */
export function whole_leaf1_edx(shown: u32): u32 {
  if (!(shown & FPU)) shown &= ~MMX;
  if (!(shown & FXSR)) shown &= ~SSE;
  if (!(shown & SSE)) shown &= ~SSE2;
  return shown;
}

/** What stays of leaf 1's ECX beside such an EDX: each SSE builds on the one before. */
export function whole_leaf1_ecx(shown: u32, leaf1_edx: u32): u32 {
  if (!(leaf1_edx & SSE2)) shown &= ~SSE3;
  if (!(shown & SSE3)) shown &= ~SSSE3;
  return shown;
}

/** What stays of leaf 0x80000001's EDX beside such an EDX of leaf 1. */
export function whole_extended_edx(shown: u32, leaf1_edx: u32): u32 {
  if (!(leaf1_edx & TSC)) shown &= ~RDTSCP;
  if (!(leaf1_edx & PAE)) shown &= ~NX;
  return shown;
}

/** Family 6, model 15, stepping 11. */
export const SIGNATURE: u32 = 0x6fb;

// Control registers as guests read them.
export const CR0_FIXED: u32 = 0x80050033; // PG AM WP NE ET MP PE
export const CR0_TS: u32 = 8;
export const CR4_TSD: u32 = 4;
export const CR4_DE: u32 = 8;
/** The bits of CR4 that are a guest's own choice. */
export const CR4_GUEST: u32 = CR4_TSD | CR4_DE;
/** The bits that the hypervisor has on: OSXMMEXCPT, OSFXSR, MCE, PAE. */
export const CR4_HOST: u32 = 0x660;

/** EFER as a 32-bit guest reads it: NXE. */
export const EFER: u64 = 0x800;
