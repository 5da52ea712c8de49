// Numbers of the 32-bit PV interface, under the names the public headers give them.

/** Hypercall numbers (public/xen.h). */
export const HYPERCALL = {
  set_trap_table: 0,
  mmu_update: 1,
  set_gdt: 2,
  stack_switch: 3,
  set_callbacks: 4,
  fpu_taskswitch: 5,
  update_descriptor: 10,
  memory_op: 12,
  multicall: 13,
  update_va_mapping: 14,
  set_timer_op: 15,
  xen_version: 17,
  console_io: 18,
  grant_table_op: 20,
  vm_assist: 21,
  iret: 23,
  vcpu_op: 24,
  mmuext_op: 26,
  sched_op: 29,
  callback_op: 30,
  event_channel_op: 32,
} as const;
/** Slots of the hypercall page. */
export const HYPERCALLS = 128;

export const DOMID_SELF = 0x7ff0;

export const XENVER = { version: 0, extraversion: 1, capabilities: 3, get_features: 6 } as const;
export const SCHEDOP = { yield: 0, block: 1, shutdown: 2, poll: 3 } as const;
export const SHUTDOWN = { poweroff: 0, reboot: 1, suspend: 2, crash: 3 } as const;
export const EVTCHNOP = {
  bind_interdomain: 0,
  bind_virq: 1,
  close: 3,
  send: 4,
  alloc_unbound: 6,
  bind_ipi: 7,
  unmask: 9,
} as const;
export const GNTTABOP = { map: 0, unmap: 1, setup_table: 2, copy: 5 } as const;
export const GNTMAP = { host_map: 2, readonly: 4 } as const;
export const GNTCOPY = { source_gref: 1, dest_gref: 2 } as const;
/** Flags of a grant entry. */
export const GTF = { permit_access: 1, readonly: 4, reading: 8, writing: 16 } as const;
/** Entries that the toolstack has filled in, or may. */
export const GNTTAB_RESERVED = 8;
export const VIRQ = { timer: 0, debug: 1 } as const;
export const CALLBACKOP = { register: 0, unregister: 1 } as const;
export const CALLBACKTYPE = { event: 0, failsafe: 1 } as const;
export const CONSOLEIO = { write: 0, read: 1 } as const;
export const MMUEXT = {
  pin_l1: 0,
  pin_l3: 2,
  unpin: 4,
  new_baseptr: 5,
  tlb_flush_local: 6,
  invlpg_local: 7,
  tlb_flush_multi: 8,
  invlpg_multi: 9,
  tlb_flush_all: 10,
  invlpg_all: 11,
  set_ldt: 13,
} as const;
/** Commands of mmu_update, in the lowest bits of its pointers. */
export const MMU = { normal: 0, machphys: 1, preserve_ad: 2 } as const;
/** Flags of update_va_mapping. */
export const UVMF = { none: 0, tlb_flush: 1, invlpg: 2 } as const;
export const VCPUOP = {
  initialise: 0,
  up: 1,
  down: 2,
  is_up: 3,
  get_runstate_info: 4,
  stop_periodic_timer: 7,
} as const;

/** Selectors of the descriptors that Xen itself keeps in every GDT (public/arch-x86/xen-x86_32.h). */
export const FLAT = {
  ring1_cs: 0xe019,
  ring1_ds: 0xe021,
  ring3_cs: 0xe02b,
  ring3_ds: 0xe033,
} as const;

export const VIRT_BASE = 0xc0000000;
/** The machine-to-physical table, and the start of the hypervisor's part of the address space. */
export const MACH2PHYS = 0xf5800000;

/** Bits of a page table entry. */
export const PTE = {
  present: 1,
  write: 2,
  user: 4,
  accessed: 0x20,
  dirty: 0x40,
  /** Software: the page is shared until someone writes to it. */
  cow: 0x200,
  kernel: 0x63,
  readonly: 0x61,
  userData: 0x67,
  table: 0x67,
} as const;

/** Features by number (public/features.h). */
export const FEATURES = [
  "writable_page_tables",
  "writable_descriptor_tables",
  "auto_translated_physmap",
  "supervisor_mode_kernel",
  "pae_pgdir_above_4gb",
  "mmu_pt_update_preserve_ad",
  "highmem_assist",
  "gnttab_map_avail_bits",
  "hvm_callback_vector",
  "hvm_safe_pvclock",
  "hvm_pirqs",
  "dom0",
  "linux_rsdp_unrestricted",
  "memory_op_vnode_supported",
  "arm_smccc_supported",
  "linux_efi_reset",
  "not_direct_mapped",
  "direct_mapped",
] as const;
export const XENFEAT_NR_SUBMAPS = 1;
/** Some of them by name. */
export const XENFEAT = { writable_page_tables: 0, mmu_pt_update_preserve_ad: 5 } as const;

/** Message types of the xenstore protocol (public/io/xs_wire.h). */
export const XS = {
  directory: 1,
  read: 2,
  watch: 4,
  transaction_start: 6,
  transaction_end: 7,
  write: 11,
  watch_event: 15,
  error: 16,
} as const;

export { EFAULT, ENOSYS } from "./errors.ts";
