// AssemblyScript: the core's inner functions laid open for the tests of segments/ and traps/, and a
// machine of one domain with one vCPU that no builder made. Compiled in place of core/wasm/index.ts.
import { eflags, set_eflags } from "./cpu/flags";
import { clear_fault, cpl, fault, seg_attr, seg_base, seg_limit, seg_selector, set_segment, update_mode } from "./cpu/state";
import { Domain, Vcpu, heap_alloc, set_current, current, current_domain, domain_table_set, vcpu_alloc } from "./domains/domain";
import { C_CPL, C_FAULT, C_FAULT_ADDRESS, C_FAULT_ERROR, CPU, CS, DS, ES, FS, GS, MACHINE, NO_FAULT, SS } from "./layout";
import { set_machine_frames } from "./frames/page";
import { check_descriptor, checked_high, checked_low } from "./segments/check";
import { segment_address } from "./segments/address";
import { load_segment } from "./segments/load";
import { check_return_code } from "./segments/return";
import { insn_lar, insn_lsl, insn_verr, insn_verw } from "./segments/inspect";
import { cpuid_into_registers } from "./traps/cpuid";

export { segment_address, load_segment, insn_lar, insn_lsl, insn_verr, insn_verw, check_return_code };
export { cpuid_into_registers, clear_fault, eflags, set_eflags, fault };
export { do_get_debugreg, do_set_debugreg } from "./traps/debug_registers";
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
  return check_descriptor(low, high) ? <u64>checked_low | (<u64>checked_high << 32) : ~0;
}
