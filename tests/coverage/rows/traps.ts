/** What brings a guest into its handlers, and back. */
import { row, rowsOf, type Section } from "../row.ts";

export const TRAPS: Section = {
  title: "Traps and the way back",
  about:
    "Frames of 32-bit PV: error code, EIP, CS with the mask byte, EFLAGS, from the outer ring ESP and SS.",
  rows: [
    ...rowsOf("trap", {
      "#DE": ["division", "trap.de*"],
      "#DB": [
        "TF, ICEBP, breakpoints",
        "trap.db* trap.tf* dbg.exec* dbg.data* nest.single* hc.tf*",
      ],
      NMI: ["by itself, masked until the iret hypercall", "cb.send_nmi* cb.nmi_after* cb.nmi_vec"],
      "#BP": ["INT 3 in both forms; DPL is not looked at for CC", "trap.bp*"],
      "#OF": ["INTO", "trap.of* trap.into*"],
      "#BR": ["BOUND", "trap.br*"],
      "#UD": ["undefined, and LOCK where it may not be", "trap.ud*"],
      "#NM": ["the virtual TS, cleared by the trap", "trap.nm*"],
      "#DF": ["never raised: the domain ends instead", "crash.bounce*"],
      "#TS": ["a call gate whose kernel stack is bad"],
      "#NP": ["selectors of what is not present", "desc.es_np* desc.ljmp_np* gate.np* ldt.load_np"],
      "#SS": ["stack selectors, and the ends of the stack segment", "desc.ss*"],
      "#GP": ["selectors, limits, privileged instructions", "trap.gp*"],
      "#PF": ["error code, CR2 in vcpu_info", "trap.pf* trap.cr2* nest.pf*"],
      "#MF": ["x87", "trap.mf*"],
      "#AC": ["in ring 3 under EFLAGS.AC", "trap.ac*"],
      "#XM": ["SSE", "trap.xm*"],
      int: ["INT n by the entry's DPL, else #GP(n * 8 + 2)", "trap.int*"],
      int80: ["INT 0x80 without regard to DPL", "trap.int80*"],
      int82: ["INT 0x82 from ring 3", "trap.int82* hc.ring3*"],
      frame: [
        "the interrupted context, and the handler's",
        "trap.eflags* trap.segs_kept trap.unaligned* trap.iret_nt",
      ],
      mask: ["the mask byte, saved whole; flag 4 sets it", "trap.mask*"],
      based_stack: [
        "frames through base and limit of SS",
        "seg.ss_based* seg.ring1_based* seg.kss_based seg.esp*",
      ],
      kernel_stack: [
        "from ring 3: the stack of stack_switch",
        "desc.kernel_ss_gdt iret.hc_user_kss*",
      ],
      bad_stack: ["a frame that cannot be written: the domain ends", "crash.bounce* crash.kernel*"],
      no_handler: [
        "no handler: the domain ends, the frame being written",
        "crash.no_* crash.handler_cs_null",
      ],
      handler_cs: [
        "a handler's bad selector is #GP at the handler",
        "trap.handler* crash.handler_unmapped desc.handler_gdt_cs",
      ],
      handler_loop: "handlers that all fault on entry end the domain",
      nested: ["faults within handlers", "nest.*"],
      order: [
        "exception first, then NMI, then the event on top",
        "upcall.exception* upcall.int80* upcall.emulated*",
      ],
      iret: ["plain IRET: flags, rings, what it refuses", "iret.plain* desc.iret*"],
      iret_vm86: [
        "the iret hypercall with VM set: #GP on a frame below kernel_sp",
        "iret.hc_vm86*",
      ],
      iret_crash: [
        "iret to ring 0, or from a frame that cannot be read: the domain ends",
        "crash.iret*",
      ],
      failsafe: "a selector that no longer loads when a vCPU is put back on",
      sysenter: ["SYSENTER: #GP or #UD as on a processor without it", "priv.sysexit* priv.sysret*"],
      upcall: [
        "the event callback: on the way back from whatever enters the hypervisor",
        "upcall.*",
      ],
      tf_emulated: [
        "a step over an emulated instruction",
        "trap.tf_movcr0 trap.tf_cpuid_pv trap.tf_rdmsr",
      ],
    }),
    row("trap.vm86", "VM86 is not entered"),
  ],
};
