/** Names of hypercalls, their sub-operations and errors. Source: Xen public headers. */

export const HYPERCALLS: Record<number, string> = {
  0: "set_trap_table",
  1: "mmu_update",
  2: "set_gdt",
  3: "stack_switch",
  4: "set_callbacks",
  5: "fpu_taskswitch",
  6: "sched_op_compat",
  7: "platform_op",
  8: "set_debugreg",
  9: "get_debugreg",
  10: "update_descriptor",
  12: "memory_op",
  13: "multicall",
  14: "update_va_mapping",
  15: "set_timer_op",
  16: "event_channel_op_compat",
  17: "xen_version",
  18: "console_io",
  19: "physdev_op_compat",
  20: "grant_table_op",
  21: "vm_assist",
  22: "update_va_mapping_otherdomain",
  23: "iret",
  24: "vcpu_op",
  25: "set_segment_base",
  26: "mmuext_op",
  27: "xsm_op",
  28: "nmi_op",
  29: "sched_op",
  30: "callback_op",
  31: "xenoprof_op",
  32: "event_channel_op",
  33: "physdev_op",
  34: "hvm_op",
  35: "sysctl",
  36: "domctl",
  37: "kexec_op",
  38: "tmem_op",
  39: "argo_op",
  40: "xenpmu_op",
  41: "dm_op",
  42: "hypfs_op",
  48: "mca",
  49: "paging_domctl_cont",
};

/** How many arguments a hypercall has, where it is not five. */
const ARGUMENTS: Record<number, number> = {
  0: 1,
  1: 4,
  2: 2,
  3: 2,
  4: 4,
  5: 1,
  6: 2,
  7: 1,
  8: 2,
  9: 1,
  10: 4,
  12: 2,
  13: 2,
  14: 4,
  15: 2,
  16: 1,
  17: 2,
  18: 3,
  19: 1,
  20: 3,
  21: 2,
  23: 0,
  24: 3,
  26: 4,
  28: 2,
  29: 2,
  30: 2,
  31: 2,
  32: 2,
  33: 2,
  34: 2,
  35: 1,
  36: 1,
};

export const XEN_VERSION = [
  "version",
  "extraversion",
  "compile_info",
  "capabilities",
  "changeset",
  "platform_parameters",
  "get_features",
  "pagesize",
  "guest_handle",
  "commandline",
  "build_id",
];

export const MMUEXT = [
  "PIN_L1_TABLE",
  "PIN_L2_TABLE",
  "PIN_L3_TABLE",
  "PIN_L4_TABLE",
  "UNPIN_TABLE",
  "NEW_BASEPTR",
  "TLB_FLUSH_LOCAL",
  "INVLPG_LOCAL",
  "TLB_FLUSH_MULTI",
  "INVLPG_MULTI",
  "TLB_FLUSH_ALL",
  "INVLPG_ALL",
  "FLUSH_CACHE",
  "SET_LDT",
  "mmuext_14",
  "NEW_USER_BASEPTR",
  "CLEAR_PAGE",
  "COPY_PAGE",
  "FLUSH_CACHE_GLOBAL",
  "MARK_SUPER",
  "UNMARK_SUPER",
];

export const EVENT_CHANNEL = [
  "bind_interdomain",
  "bind_virq",
  "bind_pirq",
  "close",
  "send",
  "status",
  "alloc_unbound",
  "bind_ipi",
  "bind_vcpu",
  "unmask",
  "reset",
  "init_control",
  "expand_array",
  "set_priority",
];

export const VIRQ = ["TIMER", "DEBUG", "CONSOLE", "DOM_EXC", "TBUF", "5", "DEBUGGER", "XENOPROF"];

export const SCHED = [
  "yield",
  "block",
  "shutdown",
  "poll",
  "remote_shutdown",
  "shutdown_code",
  "watchdog",
  "pin_override",
];

export const SHUTDOWN_REASON = ["poweroff", "reboot", "suspend", "crash", "watchdog", "soft_reset"];

export const VCPU: Record<number, string> = {
  0: "initialise",
  1: "up",
  2: "down",
  3: "is_up",
  4: "get_runstate_info",
  5: "register_runstate_memory_area",
  6: "set_periodic_timer",
  7: "stop_periodic_timer",
  8: "set_singleshot_timer",
  9: "stop_singleshot_timer",
  10: "register_vcpu_info",
  11: "send_nmi",
  12: "get_physid",
  13: "register_vcpu_time_memory_area",
};

export const MEMORY: Record<number, string> = {
  0: "increase_reservation",
  1: "decrease_reservation",
  2: "maximum_ram_page",
  3: "current_reservation",
  4: "maximum_reservation",
  5: "machphys_mfn_list",
  6: "populate_physmap",
  7: "add_to_physmap",
  9: "memory_map",
  10: "machine_memory_map",
  11: "exchange",
  12: "machphys_mapping",
  13: "set_memory_map",
  14: "maximum_gpfn",
  15: "remove_from_physmap",
  16: "set_pod_target",
  17: "get_pod_target",
  18: "get_sharing_freed_pages",
  19: "get_sharing_shared_pages",
  23: "add_to_physmap_batch",
  25: "machphys_compat_mfn_list",
  26: "get_vnumainfo",
  27: "reserved_device_memory_map",
  28: "acquire_resource",
};

export const GRANT_TABLE = [
  "map_grant_ref",
  "unmap_grant_ref",
  "setup_table",
  "dump_table",
  "transfer",
  "copy",
  "query_size",
  "unmap_and_replace",
  "set_version",
  "get_status_frames",
  "get_version",
  "swap_grant_ref",
  "cache_flush",
];

export const CALLBACK = ["register", "unregister"];
export const CALLBACK_TYPE = [
  "event",
  "failsafe",
  "syscall",
  "sysenter_deprecated",
  "nmi",
  "sysenter",
  "syscall32",
];

export const VM_ASSIST = [
  "4gb_segments",
  "4gb_segments_notify",
  "writable_pagetables",
  "pae_extended_cr3",
  "architectural_iopl",
  "runstate_update_flag",
];

export const PHYSDEV: Record<number, string> = {
  4: "irq_unmask_notify",
  5: "irq_status_query",
  6: "set_iopl",
  7: "set_iobitmap",
  8: "apic_read",
  9: "apic_write",
  10: "alloc_irq_vector",
  12: "eoi",
  13: "map_pirq",
  14: "unmap_pirq",
  15: "manage_pci_add",
  16: "manage_pci_remove",
  17: "pirq_eoi_gmfn_v1",
  19: "restore_msi",
  20: "manage_pci_add_ext",
  21: "setup_gsi",
  23: "get_free_pirq",
  24: "pci_mmcfg_reserved",
  25: "pci_device_add",
  26: "pci_device_remove",
  27: "restore_msi_ext",
  28: "pirq_eoi_gmfn_v2",
  29: "dbgp_op",
  30: "prepare_msix",
  31: "release_msix",
};

export const VECTORS: Record<number, string> = {
  0: "#DE",
  1: "#DB",
  2: "NMI",
  3: "#BP",
  4: "#OF",
  5: "#BR",
  6: "#UD",
  7: "#NM",
  8: "#DF",
  10: "#TS",
  11: "#NP",
  12: "#SS",
  13: "#GP",
  14: "#PF",
  16: "#MF",
  17: "#AC",
  19: "#XM",
};

/** Error numbers that hypercalls answer with. */
const ERRNO: Record<number, string> = {
  1: "EPERM",
  2: "ENOENT",
  3: "ESRCH",
  4: "EINTR",
  5: "EIO",
  6: "ENXIO",
  7: "E2BIG",
  9: "EBADF",
  11: "EAGAIN",
  12: "ENOMEM",
  13: "EACCES",
  14: "EFAULT",
  16: "EBUSY",
  17: "EEXIST",
  19: "ENODEV",
  22: "EINVAL",
  28: "ENOSPC",
  33: "EDOM",
  34: "ERANGE",
  38: "ENOSYS",
  61: "ENODATA",
  62: "ETIME",
  75: "EOVERFLOW",
  85: "ERESTART",
  95: "EOPNOTSUPP",
};

export function hypercallName(nr: number): string {
  return HYPERCALLS[nr] ?? `hypercall_${nr}`;
}

/** How many of the five argument registers mean something. */
export function argumentCount(nr: number): number {
  return ARGUMENTS[nr] ?? 5;
}

/** The name that a table has for a number, or the number itself. */
export function named(table: Record<number, string>, n: number): string {
  return table[n] ?? String(n);
}

/** A result as a hypercall gives it: 0, a value, or an error by name. */
export function resultName(result: number): string {
  const n = result | 0;
  if (n >= 0) return n > 9 ? `0x${n.toString(16)}` : String(n);
  return n > -4096 && ERRNO[-n] ? `-${ERRNO[-n]}` : `0x${(n >>> 0).toString(16)}`;
}

/** A domain's number as arguments give it. */
export function domainName(domid: number): string {
  switch (domid & 0xffff) {
    case 0x7ff0:
      return "DOMID_SELF";
    case 0x7ff1:
      return "DOMID_IO";
    case 0x7ff2:
      return "DOMID_XEN";
    default:
      return `d${domid & 0xffff}`;
  }
}

export function hex(n: number): string {
  return `0x${(n >>> 0).toString(16)}`;
}
