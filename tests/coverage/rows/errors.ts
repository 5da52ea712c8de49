/** Errors of each hypercall, by case. */
import type { Row, Section } from "../row.ts";

/** Numbers of the errors, as golden lines have them. */
const NUMBERS: Record<string, number> = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  ENXIO: 6,
  E2BIG: 7,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  ENOSYS: 38,
  ENODATA: 61,
  EOPNOTSUPP: 95,
};

const POINTER = "its structure or list cannot be read or written";

/** For each hypercall: where its golden lines are, and when it gives which error. */
const CASES: Record<string, [golden: string, Record<string, string>]> = {
  set_trap_table: ["trap.table*", { EFAULT: "the list ends in a page that cannot be read" }],
  mmu_update: ["mmu.*", {
    EFAULT: POINTER,
    EINVAL:
      "forbidden bits, no frame of its own, frames that are no table of the level below, the upper slots of an L3",
    EBUSY: "an L1 entry for another's frame, or a writable one for a table or descriptors",
    EPERM:
      "frames that are no memory, the hypervisor's slots of an L2, owners that may not be named",
    ESRCH: "a domain that does not exist",
    ENOSYS: "commands 4 to 7",
  }],
  set_gdt: ["desc.set_gdt*", {
    EINVAL:
      "too many entries; frames that are not its own, mapped writable, tables, or hold what no descriptor may be",
    EFAULT: POINTER,
  }],
  platform_op: ["privhc.platform*", {
    EFAULT: POINTER,
    EACCES: "another interface version",
    EPERM: "any command",
  }],
  set_debugreg: ["dbg.set* dbg.dr* dbg.de*", {
    EPERM: "DR7 with GD, or with an I/O breakpoint without CR4.DE",
    ENODEV: "DR8 on; DR4 and DR5 under CR4.DE",
  }],
  get_debugreg: ["dbg.get* dbg.de_get*", { ENODEV: "DR8 on; DR4 and DR5 under CR4.DE" }],
  update_descriptor: ["desc.upd* ldt.update*", {
    EINVAL: "unaligned, no frame of its own, a table, or no descriptor that may be",
  }],
  memory_op: ["mem.*", {
    EFAULT: POINTER,
    EPERM: "another domain; commands for the privileged; an order too large for exchange",
    ESRCH: "a domain that does not exist",
    EINVAL: "exchange: sizes that differ, frames in use",
    EACCES: "commands for translated domains",
    ENOSYS: "no such command",
  }],
  multicall: ["multi.*", {
    EFAULT: "the list cannot be read or written",
    EINVAL: "an entry that is a multicall",
    ENOSYS: "an entry that is no hypercall",
  }],
  update_va_mapping: ["uva.*", {
    EINVAL: "no L1 there, forbidden bits, flags 3",
    EPERM: "a frame that is no memory",
    EBUSY: "a writable entry for a table",
    EFAULT: "a bad bitmap of vCPUs",
  }],
  xen_version: ["ver.*", {
    EFAULT: POINTER,
    EINVAL: "an argument to pagesize, another submap of features",
    EPERM: "build_id",
    ENOSYS: "11 on",
  }],
  console_io: ["cons.*", {
    EPERM: "without the option",
    EFAULT: "text that cannot be read",
    ENOSYS: "2 on, with the option",
  }],
  grant_table_op: ["gnt.*", {
    EINVAL: "a count that has to be 1; versions but 1 and 2; cache_flush beyond a page",
    EFAULT: POINTER,
    EBUSY: "another version while grants are in use, or status frames are",
    EPERM: "the version of another domain, cache_flush of frames",
    ESRCH: "the version of a domain that does not exist",
    ENOMEM: "no memory for the status frames of version 2",
    ERANGE: "version 1 has no form for a reserved entry",
    ENOSYS: "no such command; version 2 where the option is off",
  }],
  vm_assist: ["assist.*", { EINVAL: "type 6 on", ENOSYS: "command 2 on" }],
  update_va_mapping_otherdomain: ["uva.other*", {
    ESRCH: "a domain that does not exist",
    EPERM: "any other domain",
  }],
  vcpu_op: ["vcpu.* smp.* timer.*", {
    ENOENT: "no such vCPU",
    EEXIST: "initialised already",
    EINVAL:
      "not initialised, a context that does not hold, another vCPU's timer, periods too short",
    EFAULT: POINTER,
    ENXIO: "vcpu_info not aligned, or over the end of a page",
    ENOSYS: "14 on",
  }],
  mmuext_op: ["mmuext.* pin.* ldt.*", {
    EINVAL:
      "not its own frame, the wrong type, pinned already or not at all, bad bitmaps, bad LDTs",
    EBUSY: "deep down a writable entry for a table",
    EPERM: "another domain, or deep down a frame that is no memory",
    ESRCH: "a domain that does not exist",
    EACCES: "FLUSH_CACHE",
    EFAULT: POINTER,
    ENOSYS: "14, and 21 on",
    EOPNOTSUPP: "MARK_SUPER and UNMARK_SUPER",
  }],
  xsm_op: ["privhc.xsm", { ENOSYS: "always" }],
  nmi_op: ["cb.nmi*", { EFAULT: POINTER, ENOSYS: "2 on" }],
  sched_op: ["sched.*", {
    EFAULT: POINTER,
    EINVAL: "more than 128 ports, a port that does not exist, a watchdog that is off",
    ENOSPC: "a third watchdog",
    EPERM: "pin_override, remote_shutdown",
    ESRCH: "remote_shutdown of a domain that does not exist",
    ENOSYS: "8 on",
  }],
  sched_op_compat: ["sched.compat*", { ENOSYS: "3 on" }],
  callback_op: ["cb.type* cb.unreg* cb.cmd* cb.badptr", {
    EFAULT: POINTER,
    EINVAL: "command 2 on; types that cannot be unregistered",
    ENOSYS: "types 2, 3, 6, and 8 on",
  }],
  event_channel_op: ["evt.* smp.*", {
    EFAULT: POINTER,
    EINVAL: "no such port, not bound so, no such VIRQ",
    ENOENT: "no such vCPU",
    EEXIST: "the VIRQ is bound already",
    ENOSPC: "no port left",
    EPERM: "for another domain; PIRQs",
    ESRCH: "a domain that does not exist",
    EBUSY: "reset_cont with nothing to go on with",
    ENOSYS: "15 on; priorities under the 2-level ABI",
    EOPNOTSUPP: "expand_array under the 2-level ABI",
  }],
  event_channel_op_compat: ["evt.compat*", { EFAULT: POINTER, ENOSYS: "10 on" }],
  physdev_op: ["phys.cmd* phys.irq* phys.eoi* phys.badptr iopl.set*", {
    EFAULT: POINTER,
    EINVAL: "IOPL 4 on, a bitmap too large, lines that are not there",
    EPERM: "commands for owners of hardware",
    EBUSY: "a second page for EOIs",
    ENOSYS: "no such command",
  }],
  physdev_op_compat: ["phys.compat*", { EFAULT: POINTER, ENOSYS: "below 4, or above 10" }],
  hvm_op: ["privhc.hvm*", {
    EFAULT: POINTER,
    EINVAL: "this is no HVM domain; no such parameter",
    EPERM: "flush_tlbs of all",
    ESRCH: "a domain that does not exist",
    EOPNOTSUPP: "altp2m",
    ENOSYS: "no such command",
  }],
  sysctl: ["privhc.sysctl*", {
    EFAULT: POINTER,
    EACCES: "another interface version",
    EPERM: "any command",
  }],
  domctl: ["privhc.domctl*", {
    EFAULT: POINTER,
    EACCES: "another interface version",
    ESRCH: "a domain that does not exist",
    EPERM: "any command",
  }],
  kexec_op: ["privhc.kexec", { EPERM: "always" }],
  tmem_op: ["privhc.tmem", { ENOSYS: "always" }],
  argo_op: ["privhc.argo", { ENOSYS: "always" }],
  xenpmu_op: ["privhc.xenpmu", { EOPNOTSUPP: "always" }],
  dm_op: ["privhc.dm_op", {
    E2BIG: "more than two buffers",
    ENODATA: "no buffer",
    EFAULT: "the list of buffers cannot be read",
    ESRCH: "a domain that does not exist",
    EPERM: "any other",
  }],
  hypfs_op: ["privhc.hypfs", { EPERM: "always" }],
  mca: ["privhc.mca", { EPERM: "always" }],
  paging_domctl_cont: ["privhc.paging*", { EOPNOTSUPP: "always" }],
};

function rows(): Row[] {
  return Object.entries(CASES).flatMap(([hypercall, [golden, errors]]) =>
    Object.entries(errors).map(([error, what]) => ({
      tag: `errno.${hypercall}.${error}`,
      what,
      golden: golden.split(" "),
      shows: new RegExp(`=-${NUMBERS[error]}\\b`),
    }))
  );
}

export const ERRORS: Section = {
  title: "Errors by hypercall and case",
  about: "In a name that has tags of the hypercall, `[errno.EBUSY]` is short for the row's tag.",
  rows: rows(),
};
