/**
 * Figures of others, to print beside ours: ../shared/bench/README.md, measured on a shared 2-core
 * machine. Seconds for the compute kernels (v86 0.5's interpreter), microseconds for the operations
 * (Xen 4.17.7 in QEMU 10 TCG; the second figure without SMEP, SMAP and Spectre mitigation).
 */

/** The compute kernels in the table's order. */
export const COMPUTE = [
  "alu",
  "crc32",
  "sieve",
  "sha256",
  "chase",
  "dhry",
  "qsort",
  "fib",
  "icall",
  "switch",
  "movsd",
  "bcopy",
];

/** Times native of v86's interpreter, geometric mean over the compute kernels without movsd. */
export const V86_INTERPRETER_RATIO = 68;

/** The same of v86's JIT and of QEMU's TCG. */
export const V86_JIT_RATIO = 5.9;
export const QEMU_RATIO = 4.9;

/** What our interpreter has to reach. */
export const INTERPRETER_BAR = 35;

/** Operations of a PV guest: what one is, and its µs on Xen in QEMU. */
export const OPERATIONS: Record<string, { what: string; xen: [number, number] }> = {
  hc_empty: { what: "call of an empty function", xen: [.0066, .0065] },
  hc_null: { what: "xen_version(0)", xen: [6.96, .50] },
  stacksw: { what: "stack_switch", xen: [6.87, .44] },
  iret_hc: { what: "iret hypercall, ring 1 to ring 1", xen: [7.74, .48] },
  int80: { what: "ring 3 int 0x80, save all, C handler, iret", xen: [8.47, .69] },
  int80min: { what: "the same, bare iret", xen: [7.99, .53] },
  intn: { what: "as int80, through #GP on Xen", xen: [9.14, .92] },
  evself: { what: "event to itself: send, upcall, clear, iret", xen: [11.0, 1.04] },
  pgfault: { what: "#PF, update_va_mapping, iret", xen: [21.9, 3.03] },
  uvm: { what: "update_va_mapping, own page RO/RW", xen: [10.3, 1.17] },
  uvmi: { what: "the same with INVLPG", xen: [11.0, 1.46] },
  mmu1: { what: "mmu_update of 1 L1 entry", xen: [10.3, 1.09] },
  mmu64: { what: "mmu_update of 64", xen: [41.4, 27.9] },
  pin: { what: "pin and unpin an L1 with 512 entries", xen: [153, 130] },
  cr3: { what: "NEW_BASEPTR", xen: [22.9, 10.5] },
  cr3touch: { what: "the same, then touch 16 pages", xen: [24.4, 12.1] },
  ctxsw: { what: "stack_switch, 3 update_descriptor, NEW_BASEPTR", xen: [30.7, 14.1] },
  mc1: { what: "multicall of 1 xen_version", xen: [8.74, .69] },
  mc8: { what: "of 8", xen: [11.1, 2.11] },
  mc32: { what: "of 32", xen: [18.1, 6.59] },
  descr: { what: "update_descriptor of a TLS slot", xen: [8.66, .84] },
  fputs: { what: "fpu_taskswitch(1), fpu_taskswitch(0)", xen: [13.8, .94] },
  nm: { what: "fpu_taskswitch(1), FPU instruction, #NM, iret", xen: [16.4, 1.50] },
  cpuid_fe: { what: "forced-emulation CPUID", xen: [8.45, .66] },
  priv: { what: "MOV from CR0, emulated", xen: [12.1, 1.68] },
};
