// The start of a vCPU: struct vcpu_guest_context (public/arch-x86/xen.h, 32-bit layout, 2800 bytes),
// as the domain builder gives it for vCPU 0 and VCPUOP_initialise for the others. What is checked and
// in which order: arch_set_info_guest in xen/arch/x86/domain.c; shared/pv-abi.md §9.7.
import {
  C_DR,
  C_EIP,
  C_FAULT,
  C_FX,
  C_SEG,
  C_TS,
  CPU,
  CPU_STATE_SIZE,
  CS,
  DS,
  ES,
  FS,
  GS,
  NO_FAULT,
  R_AX,
  R_BP,
  R_BX,
  R_CX,
  R_DI,
  R_DX,
  R_SI,
  R_SP,
  SEG_SEL,
  SEG_SIZE,
  SS,
} from "../layout";
import { fx_load } from "../cpu/fpu";
import { set_eflags } from "../cpu/flags";
import { EINVAL } from "../errno";
import { load_cr3 } from "../pagetables/cr3";
import { set_gdt } from "../segments/gdt";
import { Domain, heap_alloc, Vcpu } from "./domain";
import { vcpu_up } from "./schedule";

export const CONTEXT_SIZE: u32 = 0xaf0;
const FLAGS: usize = 0x200;
const REGS: usize = 0x204; // struct cpu_user_regs
const EIP: usize = REGS + 0x20;
const CS_: usize = REGS + 0x24;
const EFLAGS: usize = REGS + 0x28;
const ESP: usize = REGS + 0x2c;
const SS_: usize = REGS + 0x30;
const TRAPS: usize = 0x248;
const LDT_BASE: usize = 0xa48;
const LDT_ENTRIES: usize = 0xa4c;
const GDT_FRAMES: usize = 0xa50;
const GDT_ENTRIES: usize = 0xa90;
const KERNEL_SS: usize = 0xa94;
const KERNEL_SP: usize = 0xa98;
const CTRLREG: usize = 0xa9c;
const DEBUGREG: usize = 0xabc;
const EVENT_CS: usize = 0xadc;
const EVENT_EIP: usize = 0xae0;
const FAILSAFE_CS: usize = 0xae4;
const FAILSAFE_EIP: usize = 0xae8;
const VM_ASSIST: usize = 0xaec;

const VGCF_I387_VALID: u32 = 1;
const VGCF_ONLINE: u32 = 1 << 5;
const VGCF_FAILSAFE_DISABLES_EVENTS: u32 = 1 << 3;
const VM_ASSIST_VALID: u32 = 0x3f;
const CR0_TS: u32 = 8;
const HOLE: u64 = 0xf5800000;
const PAGE: u32 = 4096;

/** A selector's RPL is raised to ring 1, never lowered. */
function at_least_ring1(selector: u32): u32 {
  return selector & 3 ? selector : selector | 1;
}

let saved: usize = 0;

/** Builds the saved CPU state from a context's registers, with the running vCPU's state set aside. */
function build_cpu_state(v: Vcpu, c: usize): void {
  if (!saved) saved = heap_alloc(CPU_STATE_SIZE);
  memory.copy(saved, CPU, CPU_STATE_SIZE);
  memory.fill(CPU, 0, CPU_STATE_SIZE);
  store<u64>(CPU + R_BX, load<u32>(c + REGS));
  store<u64>(CPU + R_CX, load<u32>(c + REGS, 4));
  store<u64>(CPU + R_DX, load<u32>(c + REGS, 8));
  store<u64>(CPU + R_SI, load<u32>(c + REGS, 12));
  store<u64>(CPU + R_DI, load<u32>(c + REGS, 16));
  store<u64>(CPU + R_BP, load<u32>(c + REGS, 20));
  store<u64>(CPU + R_AX, load<u32>(c + REGS, 24));
  store<u64>(CPU + R_SP, load<u32>(c + ESP));
  store<u64>(CPU + C_EIP, load<u32>(c + EIP));
  set_eflags(load<u32>(c + EFLAGS));
  store<u32>(CPU + C_FAULT, NO_FAULT);
  set_selector(CS, at_least_ring1(load<u16>(c + CS_)));
  set_selector(SS, at_least_ring1(load<u16>(c + SS_)));
  set_selector(ES, load<u16>(c + SS_, 4));
  set_selector(DS, load<u16>(c + SS_, 8));
  set_selector(FS, load<u16>(c + SS_, 12));
  set_selector(GS, load<u16>(c + SS_, 16));
  if (load<u32>(c + FLAGS) & VGCF_I387_VALID) {
    fx_load(c);
    store<u32>(CPU + C_FX, load<u32>(CPU + C_FX, 24) & 0xffff, 24); // no reserved bit of MXCSR
  } else {
    store<u16>(CPU + C_FX, 0x37f);
    store<u32>(CPU + C_FX, 0x1f80, 24);
  }
  for (let n: usize = 0; n < 4; n++) {
    store<u64>(CPU + C_DR + n * 8, load<u32>(c + DEBUGREG + n * 4));
  }
  store<u64>(CPU + C_DR + 48, (load<u32>(c + DEBUGREG + 24) & 0xe00f) | 0xffff0ff0);
  store<u64>(CPU + C_DR + 56, (load<u32>(c + DEBUGREG + 28) & 0xffff03ff) | 0x400);
  memory.copy(v.cpu, CPU, CPU_STATE_SIZE);
  memory.copy(CPU, saved, CPU_STATE_SIZE);
  v.fresh = 1;
}

function set_selector(seg: usize, selector: u32): void {
  store<u32>(CPU + C_SEG + seg * SEG_SIZE + SEG_SEL, selector);
}

/** The trap table, with every handler's CS raised to ring 1 (entries here are address, cs, flags). */
function take_trap_table(v: Vcpu, from: usize): void {
  for (let n: usize = 0; n < 256; n++) {
    const guest = from + n * 8; // vector u8, flags u8, cs u16, address u32
    const entry = v.trap_table + n * 8;
    store<u32>(entry, load<u32>(guest, 4));
    const cs = load<u16>(guest, 2);
    store<u16>(entry, cs & 3 ? cs : <u16> (cs | 1), 4);
    store<u16>(entry, load<u8>(guest, 1), 6);
  }
}

/**
 * Gives a vCPU its context. It starts when it is brought up, at once with the flag VGCF_online.
 *
 * @param c host address of a copy of the structure
 * @returns 0, or -EINVAL (LDT not page-aligned or too long, GDT that set_gdt refuses, CR3 that is no
 *   L3 table of this domain), having changed nothing that counts
 */
export function context_apply(v: Vcpu, c: usize): i32 {
  const d = changetype<Domain>(v.domain);
  const ldt_base = load<u32>(c + LDT_BASE);
  const ldt_entries = load<u32>(c + LDT_ENTRIES);
  if (ldt_entries > 8192 || ldt_base & (PAGE - 1)) return -EINVAL;
  if (<u64> ldt_base + max<u32>(ldt_entries * 8, 1) > HOLE) return -EINVAL;
  if (set_gdt(v, c + GDT_FRAMES, load<u32>(c + GDT_ENTRIES))) return -EINVAL;
  const cr3 = load<u32>(c + CTRLREG, 12);
  const table = (cr3 >> 12) | (cr3 << 20);
  if (table == 0 || load_cr3(v, table)) {
    set_gdt(v, c + GDT_FRAMES, 0);
    return -EINVAL;
  }
  take_trap_table(v, c + TRAPS);
  v.ldt_base = ldt_entries ? ldt_base : 0;
  v.ldt_entries = ldt_entries;
  v.kernel_ss = at_least_ring1(load<u16>(c + KERNEL_SS));
  v.kernel_sp = load<u32>(c + KERNEL_SP);
  v.event_cs = at_least_ring1(load<u16>(c + EVENT_CS));
  v.event_eip = load<u32>(c + EVENT_EIP);
  v.failsafe_cs = at_least_ring1(load<u16>(c + FAILSAFE_CS));
  v.failsafe_eip = load<u32>(c + FAILSAFE_EIP);
  v.failsafe_flags = load<u32>(c + FLAGS) & VGCF_FAILSAFE_DISABLES_EVENTS ? 1 : 0;
  v.virtual_iopl = (load<u32>(c + EFLAGS) >> 12) & 3;
  build_cpu_state(v, c);
  store<u32>(v.cpu + C_TS, load<u32>(c + CTRLREG) & CR0_TS ? 1 : 0);
  if (v.id == 0) d.vm_assist |= load<u32>(c + VM_ASSIST) & VM_ASSIST_VALID;
  v.initialised = 1;
  if (load<u32>(c + FLAGS) & VGCF_ONLINE) vcpu_up(v);
  return 0;
}
