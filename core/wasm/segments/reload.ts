// What the hypervisor does to DS, ES, FS and GS when it puts a vCPU back on: it loads them once more.
// Source: xen/arch/x86/domain.c (load_segments), pv-abi.md §4.8.
//
// Descriptor tables that are in use change only through hypercalls, which count each change in
// Domain.descriptor_changes. While that stands still, every register is what its descriptor says.
import { cpl, seg_selector, set_segment, update_mode } from "../cpu/state";
import { Domain, Vcpu } from "../domains/domain";
import { DS, ES, FS, GS } from "../layout";
import { reload_segment } from "./load";
import { clear_inner_segments } from "./return";

/** The selectors that the last reload found. */
export let intended_ds: u32 = 0;
export let intended_es: u32 = 0;
export let intended_fs: u32 = 0;
export let intended_gs: u32 = 0;

/** Notes the selectors of the data segment registers as what the guest means to have. */
export function take_intended(): void {
  intended_ds = seg_selector(DS);
  intended_es = seg_selector(ES);
  intended_fs = seg_selector(FS);
  intended_gs = seg_selector(GS);
}

/** Whether a descriptor table changed since the running vCPU's data segments were last loaded. */
// @ts-ignore: decorator
@inline export function reload_due(v: Vcpu): bool {
  return v.segments_checked != changetype<Domain>(v.domain).descriptor_changes;
}

/**
 * Loads the four data segment registers of the running vCPU again. One that does not load becomes
 * null, and intended_ds to intended_gs say what it was.
 *
 * @returns true when all of them loaded
 */
export function reload_data_segments(v: Vcpu): bool {
  take_intended();
  const ds = reload_segment(DS);
  const es = reload_segment(ES);
  const fs = reload_segment(FS);
  const gs = reload_segment(GS);
  v.segments_checked = changetype<Domain>(v.domain).descriptor_changes;
  if (cpl() != 1) clear_inner_segments(cpl());
  update_mode();
  return ds && es && fs && gs;
}

/** Makes the four data segments null. */
export function null_data_segments(): void {
  set_segment(DS, 0, 0, 0, 0);
  set_segment(ES, 0, 0, 0, 0);
  set_segment(FS, 0, 0, 0, 0);
  set_segment(GS, 0, 0, 0, 0);
  update_mode();
}
