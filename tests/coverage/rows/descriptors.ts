/** Descriptors and their use. */
import { rowsOf, type Section } from "../row.ts";

export const DESCRIPTORS: Section = {
  title: "Descriptors",
  about: "What may stand in a GDT or an LDT, what becomes of it, and what its use gives.",
  rows: [
    ...rowsOf("descriptor", {
      not_present: ["anything", "desc.np*"],
      null: ["type 0", "desc.null desc.sys0 desc.es_null* desc.ljmp_null*"],
      code: ["by DPL, raised to ring 1", "desc.code_dpl* desc.code16 desc.code_xonly"],
      conforming: ["conforming code", "desc.code_conf desc.es_conf* desc.ljmp_conf"],
      data: ["by DPL, raised to ring 1", "desc.data_dpl* desc.data_ro desc.data_avl"],
      expand_down: ["grows down", "desc.data_down* desc.lim_down* seg.down*"],
      long: ["L with code is refused", "desc.code_L* desc.data_L"],
      limits: [
        "flat ones that reach the hypervisor are made 4 GiB",
        "desc.lim* desc.base* desc.byte*",
      ],
      tss: ["refused", "desc.tss*"],
      ldt: ["an LDT's descriptor is refused", "desc.ldt"],
      call_gate16: ["refused", "desc.cgate16"],
      task_gate: ["refused", "desc.taskgate"],
      interrupt_gate: ["16 and 32 bits: refused", "desc.igate*"],
      trap_gate: ["16 and 32 bits: refused", "desc.tgate*"],
      reserved: ["types 8, 10 and 13", "desc.sys8 desc.sysa desc.sysd"],
      call_gate: ["targets, DPL kept in the RPL, reserved bits", "desc.cgate*"],
      accessed: ["set at the first load", "desc.accessed desc.used*"],
      gdt: [
        "frames typed, whole pages checked, given back",
        "desc.set_gdt* desc.map_* desc.after_drop desc.bad_beyond*",
      ],
      gdt_end: ["selectors beyond the entries", "desc.*beyond*"],
      gdt_live: ["an entry changed while it is loaded", "desc.upd_live"],
      ldt_lazy: ["pages typed at first use, dropped with CR3", "ldt.load* ldt.*cr3* ldt.set_*"],
      ldt_fault: [
        "an LDT page that cannot be used: #PF at its address",
        "ldt.load_unmapped* ldt.load_rw_mapped ldt.load_bad_page ldt.load_over_l1",
      ],
      ldt_end: ["selectors beyond the LDT", "ldt.load_beyond ldt.load_past* ldt.shrink"],
      xen: [
        "the hypervisor's own selectors",
        "start.sel* priv.lar* priv.lsl* priv.verr* priv.verw* desc.larlsl_xen*",
      ],
      load: ["DS, ES, FS, GS: type, DPL, RPL", "desc.es_* priv.mov_ds* priv.mov_es*"],
      load_ss: ["SS: writable data of this ring", "desc.ss* priv.mov_ss*"],
      far_jump: ["JMP and CALL to code", "desc.ljmp* priv.ljmp* priv.lcall*"],
      far_return: ["RETF, to this ring and outwards", "priv.retf*"],
      lar_lsl: ["LAR, LSL, VERR, VERW", "desc.larlsl* ldt.larlsl gate.lar_u"],
      gate_use: ["CALL and JMP through a gate, rings, parameters, stacks", "gate.*"],
      gate_stack: ["a gate's kernel stack that is bad"],
      base: ["segments with a base", "seg.base*"],
      limit: ["segments with a limit", "seg.lim* seg.write_ro"],
    }),
    ...rowsOf("limits_2007", {
      base: "bases end below the hypervisor",
      truncated: "limits are cut at 0xF6800000",
      expand_down: "segments that grow down",
      dpl: "DPL raised, gates left usable",
      flat: "flat selectors of 0xF6800 pages",
      gs: "4gb_segments: GS turned round for negative offsets",
      notify: "vector 15 with the instruction's length",
      failsafe:
        "every return loads the selectors again; a bad one goes to failsafe at the registered CS:EIP",
      bad_iret: "a bad IRET goes to failsafe",
      vm86: "VM86: answered with #GP as by 64-bit Xen",
    }),
  ],
};
