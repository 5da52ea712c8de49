// AssemblyScript: the core's inner functions laid open for the tests of segments/ and traps/, and a
// machine of one domain with one vCPU that no builder made. Compiled in place of core/wasm/index.ts.
import { eflags, set_eflags } from "./cpu/flags";
import { clear_fault, cpl, fault, seg_attr, seg_base, seg_limit, seg_selector, set_segment, update_mode } from "./cpu/state";
import { Domain, Vcpu, heap_alloc, set_current, current, current_domain, domain_table_set, vcpu_alloc } from "./domains/domain";
import { C_CPL, C_FAULT, C_FAULT_ADDRESS, C_FAULT_ERROR, C_INSN_EIP, C_RECORD, C_STOP, CPU, MAILBOX, REC_IMM, REC_PREFIX, CS, DS, ES, FS, GS, MACHINE, NO_FAULT, SS } from "./layout";
import { task_switched } from "./traps/fpu";
import { machine_init } from "./frames/machine";
import { frame, set_machine_frames } from "./frames/page";
import { domain_populate } from "./frames/populate";
import { domain_create } from "./domains/create";
import { DOM_RUNNING, domain_by_id, OPT_XEN32_LIMITS, vcpu_of } from "./domains/domain";
import { time_init } from "./events/clock";
import { load_cr3 } from "./pagetables/cr3";
import { set_gdt } from "./segments/gdt";
import { set_ldt } from "./segments/ldt";
import { context_load, context_set } from "./traps/frame_context";
import { check_descriptor, checked_high, checked_low } from "./segments/check";
import { segment_address } from "./segments/address";
import { load_segment } from "./segments/load";
import { check_return_code } from "./segments/return";
import { insn_lar, insn_lsl, insn_verr, insn_verw } from "./segments/inspect";
import { cpuid_into_registers } from "./traps/cpuid";

export { segment_address, load_segment, insn_lar, insn_lsl, insn_verr, insn_verw, check_return_code };
export { cpuid_into_registers, clear_fault, eflags, set_eflags, fault };
export { insn_cpuid } from "./traps/cpuid";
export { domain_hide_features } from "./domains/create";
export { do_get_debugreg, do_set_debugreg } from "./traps/debug_registers";
export { deliver_fault, deliver_trap } from "./traps/deliver";
export { insn_int, insn_int3 } from "./traps/interrupt";
export { insn_iret } from "./traps/iret";
export { insn_privileged } from "./traps/privileged";
export { insn_io } from "./traps/io";
export { do_iret } from "./traps/iret_hypercall";
export { do_set_trap_table } from "./traps/table";
export { do_stack_switch } from "./traps/kernel_stack";
export { insn_far_call, insn_far_jmp, insn_far_ret } from "./segments/far";
export { do_set_callbacks, do_callback_op } from "./traps/callbacks";

/** A machine of `frames` frames; frame 1 is the GDT's first page. */
export function probe_init(frames: u32): void {
  set_machine_frames(frames);
  const pages = <i32>((<usize>MACHINE + (<usize>frames << 12)) >> 16) - memory.size();
  if (pages > 0) memory.grow(pages);
  const d = changetype<Domain>(heap_alloc(offsetof<Domain>()));
  d.id = 1;
  d.state = 1;
  d.max_vcpus = 1;
  d.vcpus = heap_alloc(4);
  domain_table_set(1, d);
  const v = vcpu_alloc(d, 0);
  v.vcpu_info = heap_alloc(64);
  store<u32>(v.gdt_frames, 1);
  set_current(v);
  store<u32>(CPU + C_FAULT, NO_FAULT);
  set_eflags(2);
}

export function probe_segment(seg: u32, selector: u32, attr: u32, base: u32, limit: u32): void {
  set_segment(seg, selector, attr, base, limit);
}
export function probe_set_cpl(ring: u32): void {
  store<u32>(CPU + C_CPL, ring);
  update_mode();
}
export function probe_cpl(): u32 { return cpl(); }
export function probe_ldt(base: u32, entries: u32): void { current.ldt_base = base; current.ldt_entries = entries; }
export function probe_cr4(bits: u32): void { current.cr4 = bits; }
export function probe_selector(seg: u32): u32 { return seg_selector(seg); }
export function probe_attr(seg: u32): u32 { return seg_attr(seg); }
export function probe_base(seg: u32): u32 { return <u32>seg_base(seg); }
export function probe_limit(seg: u32): u32 { return seg_limit(seg); }
export function probe_event_cs(): u32 { return current.event_cs; }

/** The fault pending, as vector << 16 | error, or -1; clears it. */
export function probe_fault(): i32 {
  const vector = load<u32>(CPU + C_FAULT);
  if (vector == NO_FAULT) return -1;
  clear_fault();
  return (vector << 16) | load<u32>(CPU + C_FAULT_ERROR);
}
export function probe_fault_address(): u32 { return load<u32>(CPU + C_FAULT_ADDRESS); }

/** The descriptor as accepted, low word in the low half, or ~0 when refused. */
export function probe_check(low: u32, high: u32): u64 {
  return check_descriptor(low, high, (current_domain.options & OPT_XEN32_LIMITS) != 0) ? <u64>checked_low | (<u64>checked_high << 32) : ~0;
}

/** Pages of the hand-made domain, by pfn: what stands at 0xC0000000 + pfn * 4096. */
const PLAIN: u32 = 4; // pfns 0 to 3: the kernel's, writable
const READ_ONLY: u32 = 4;
const USER_PAGES: u32 = 7; // pfns 5 and 6: the user's, writable
const UNMAPPED: u32 = 7;
const GDT_PFN: u32 = 8;
const L1_PFN: u32 = 10;
const PAGES: u32 = 16;

function page_flags(pfn: u32): u64 {
  if (pfn == UNMAPPED) return 0;
  if (pfn == READ_ONLY || (pfn >= GDT_PFN && pfn < L1_PFN + 3)) return 1;
  return pfn > READ_ONLY && pfn < USER_PAGES ? 7 : 3;
}

/** A machine with one running domain of 16 pages behind real page tables. The mfns go to MAILBOX. */
export function probe_machine(): i32 {
  machine_init(64);
  time_init(1, 0);
  const id = domain_create(1, PAGES + 8, 0);
  if (id < 0 || domain_populate(id, 0, PAGES, MAILBOX) != 0) return -1;
  const d = domain_by_id(id);
  const l1 = load<u32>(MAILBOX + L1_PFN * 4);
  const l2 = load<u32>(MAILBOX + L1_PFN * 4 + 4);
  const l3 = load<u32>(MAILBOX + L1_PFN * 4 + 8);
  for (let pfn: u32 = 0; pfn < PAGES; pfn++) {
    const flags = page_flags(pfn);
    if (flags) store<u64>(frame(l1) + (pfn << 3), <u64>load<u32>(MAILBOX + (pfn << 2)) << 12 | flags);
  }
  store<u64>(frame(l2), <u64>l1 << 12 | 7);
  store<u64>(frame(l3) + 24, <u64>l2 << 12 | 1);
  d.state = DOM_RUNNING;
  set_current(vcpu_of(d, 0));
  store<u32>(CPU + C_FAULT, NO_FAULT);
  return load_cr3(current, l3);
}

/** Runs the domain again after a crash, at a context whose segments must load; 1 if they did. */
export function probe_enter(cs: u32, eip: u32, flags: u32, ss: u32, esp: u32): bool {
  current_domain.state = DOM_RUNNING;
  current_domain.shutdown_code = -1;
  store<u32>(CPU + C_STOP, 0);
  store<u32>(CPU + C_FAULT, NO_FAULT);
  store<u64>(CPU + C_INSN_EIP, eip);
  set_segment(CS, 0, 0, 0, 0);
  set_segment(SS, 0, 0, 0, 0);
  context_set(cs, eip, flags, ss, esp);
  return context_load();
}

export function probe_crashed(): bool { return current_domain.state != DOM_RUNNING; }
export function probe_set_gdt(frames: usize, entries: u32): i32 { return set_gdt(current, frames, entries); }
export function probe_set_ldt(base: u32, entries: u32): i32 { return set_ldt(current, base, entries); }
export function probe_vm_assist(bits: u32): void { current_domain.vm_assist = bits; }
export function probe_options(bits: u32): void { current_domain.options = bits; }
export function probe_iopl(level: u32): void { current.virtual_iopl = level; }
export function probe_vcpu_info(): usize { return current.vcpu_info; }
export function probe_ts(): u32 { return task_switched() ? 1 : 0; }
export function probe_fault_set(vector: u32, error: u32): void { fault(vector, error); }

const record = memory.data(32);
/** A record with an immediate and prefixes, for the instruction at work. */
export function probe_record(immediate: u32, prefix: u32): void {
  store<i64>(record + REC_IMM, immediate);
  store<u16>(record + REC_PREFIX, <u16>prefix);
  store<u32>(CPU + C_RECORD, <u32>record);
}
