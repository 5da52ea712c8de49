/** Hypercalls as such, and those without sub-operations. */
import { row, type Section } from "../row.ts";

export const HYPERCALLS: Section = {
  title: "Hypercalls",
  about:
    "Numbers as in public/xen.h. `hypercalls/random_test.ts` throws everything at every one of them.",
  rows: [
    row("hypercall.registers", "all registers but EAX are kept, and the flags", "hc.preserve*"),
    row("hypercall.page", "128 slots of 32 bytes, iret without RET", "hc.page* msr.wr_hypercall*"),
    row(
      "hypercall.direct",
      "`int 0x82` anywhere in the kernel, not from ring 3",
      "hc.ring3* hc.direct*",
    ),
    row("hypercall.unknown", "11, 43 to 47, 50 and more: -ENOSYS", "hc.nr_*"),
    row(
      "hypercall.pointers",
      "structures in holes, at page ends, unmapped or read-only",
      "access.hypercall*",
    ),
    row(
      "hypercall.preempted",
      "lists of any length: done in pieces, the call going on where it stood",
    ),
    row("hypercall.random", "any number with any arguments: no trap of ours, every count right"),
    row(
      "set_trap_table",
      "0: ended by address 0, NULL clears, partial copy, RPL raised",
      "trap.table* trap.handler_cs_rpl0",
    ),
    row(
      "mmu_update",
      "1: the list, its count, `done`, and domains that are named",
      "mmu.list* mmu.dom*",
    ),
    row("set_gdt", "2", "desc.set_gdt* desc.bad_beyond* desc.map_gdt*"),
    row("stack_switch", "3: RPL raised, never refused", "trap.stack*"),
    row("set_callbacks", "4: always 0, RPL raised", "cb.set_callbacks*"),
    row(
      "fpu_taskswitch",
      "5: 0 clears, else sets the virtual TS",
      "trap.fpu_ts* trap.nm_ts_set trap.nm_after_ts0",
    ),
    row("platform_op", "7: refused after its version was looked at", "privhc.platform*"),
    row("set_debugreg", "8: DR0 to DR7", "dbg.set* dbg.dr* dbg.de_set*"),
    row("get_debugreg", "9: DR0 to DR7", "dbg.get* dbg.de_get*"),
    row("update_descriptor", "10", "desc.upd* ldt.update*"),
    row("multicall", "13: results in place, nesting refused, what ends it", "multi.*"),
    row("update_va_mapping", "14: by the loaded tables; each flush flag", "uva.*"),
    row(
      "set_timer_op",
      "15: absolute, past, far, stopped, replaced",
      "timer.set_timer* timer.cancel* timer.past timer.future timer.oneshot timer.replaced timer.negative timer.far",
    ),
    row("set_segment_base", "25: -ENOSYS in a 32-bit domain", "privhc.set_segment_base"),
    row("update_va_mapping_otherdomain", "22: itself, and no other", "uva.other*"),
    row(
      "iret",
      "23: ring 1, rings 2 and 3, VM86 frames, bad frames, the event mask",
      "iret.hc* upcall.iret_hc*",
    ),
    row("xsm_op", "27: -ENOSYS, no policy", "privhc.xsm"),
    row("xenoprof_op", "31: -ENOSYS"),
    row("sysctl", "35: refused after its version was looked at", "privhc.sysctl*"),
    row("domctl", "36: refused after its version and its domain were looked at", "privhc.domctl*"),
    row("kexec_op", "37: refused", "privhc.kexec"),
    row("tmem_op", "38: -ENOSYS", "privhc.tmem"),
    row("argo_op", "39: -ENOSYS", "privhc.argo"),
    row("xenpmu_op", "40: -EOPNOTSUPP", "privhc.xenpmu"),
    row("dm_op", "41: buffers counted and read, then refused", "privhc.dm_op"),
    row("hypfs_op", "42: refused", "privhc.hypfs"),
    row("mca", "48: refused", "privhc.mca"),
    row("paging_domctl_cont", "49: -EOPNOTSUPP", "privhc.paging*"),
  ],
};
