// Structures of the 32-bit PV interface, laid out as the public headers lay them out for i386.

import { array, padding, struct, u16, u32, u64, u8 } from "../asm/mod.ts";

/** public/xen.h; address in ESI at entry. */
export const StartInfo = struct("start_info", {
  magic: array(u8, 32),
  nr_pages: u32,
  shared_info: u32,
  flags: u32,
  store_mfn: u32,
  store_evtchn: u32,
  console_mfn: u32,
  console_evtchn: u32,
  pt_base: u32,
  nr_pt_frames: u32,
  mfn_list: u32,
  mod_start: u32,
  mod_len: u32,
  cmd_line: array(u8, 1024),
  first_p2m_pfn: u32,
  nr_p2m_frames: u32,
});

export const VcpuTimeInfo = struct("vcpu_time_info", {
  version: u32,
  pad: u32,
  tsc_timestamp: u64,
  system_time: u64,
  tsc_to_system_mul: u32,
  tsc_shift: u8,
  flags: u8,
  pad1: padding(2),
});

export const VcpuInfo = struct("vcpu_info", {
  evtchn_upcall_pending: u8,
  evtchn_upcall_mask: u8,
  evtchn_pending_sel: u32,
  cr2: u32,
  arch_pad: padding(20),
  time: VcpuTimeInfo,
});

export const SharedInfo = struct("shared_info", {
  vcpu_info: array(VcpuInfo, 32),
  evtchn_pending: array(u32, 32),
  evtchn_mask: array(u32, 32),
  wc_version: u32,
  wc_sec: u32,
  wc_nsec: u32,
  max_pfn: u32,
  pfn_to_mfn_frame_list_list: u32,
  nmi_reason: u32,
});

export const MulticallEntry = struct("multicall_entry", {
  op: u32,
  result: u32,
  args: array(u32, 6),
});
export const MmuUpdate = struct("mmu_update", { ptr: u64, val: u64 });
export const MmuextOp = struct("mmuext_op", { cmd: u32, arg1: u32, arg2: u32 });
export const TrapInfo = struct("trap_info", { vector: u8, flags: u8, cs: u16, eip: u32 });
export const FeatureInfo = struct("xen_feature_info", { submap_idx: u32, submap: u32 });
export const CallbackRegister = struct("callback_register", {
  type: u16,
  flags: u16,
  cs: u32,
  eip: u32,
});
export const BindVirq = struct("evtchn_bind_virq", { virq: u32, vcpu: u32, port: u32 });
export const AllocUnbound = struct("evtchn_alloc_unbound", {
  dom: u16,
  remote_dom: u16,
  port: u32,
});
export const BindInterdomain = struct("evtchn_bind_interdomain", {
  remote_dom: u32,
  remote_port: u32,
  local_port: u32,
});
export const RunstateInfo = struct("vcpu_runstate_info", {
  state: u32,
  state_entry_time: u64,
  time: array(u64, 4),
});
export const SchedPoll = struct("sched_poll", { ports: u32, nr_ports: u32, timeout: u64 });

/** public/grant_table.h */
export const GrantEntry = struct("grant_entry_v1", { flags: u16, domid: u16, frame: u32 });
export const GrantSetup = struct("gnttab_setup_table", {
  dom: u16,
  nr_frames: u32,
  status: u16,
  frame_list: u32,
});
export const GrantMap = struct("gnttab_map_grant_ref", {
  host_addr: u64,
  flags: u32,
  ref: u32,
  dom: u16,
  status: u16,
  handle: u32,
  dev_bus_addr: u64,
});
export const GrantUnmap = struct("gnttab_unmap_grant_ref", {
  host_addr: u64,
  dev_bus_addr: u64,
  handle: u32,
  status: u16,
});
export const GrantCopyEnd = struct("gnttab_copy_end", { ref: u32, domid: u16, offset: u16 });
export const GrantCopy = struct("gnttab_copy", {
  source: GrantCopyEnd,
  dest: GrantCopyEnd,
  len: u16,
  flags: u16,
  status: u16,
});

export const BindIpi = struct("evtchn_bind_ipi", { vcpu: u32, port: u32 });

/** A register slot that holds a selector and 16 bits beside it. */
const selector = u32;
/** public/arch-x86/xen-x86_32.h */
export const CpuUserRegs = struct("cpu_user_regs", {
  ebx: u32,
  ecx: u32,
  edx: u32,
  esi: u32,
  edi: u32,
  ebp: u32,
  eax: u32,
  entry: u32,
  eip: u32,
  cs: selector,
  eflags: u32,
  esp: u32,
  ss: selector,
  es: selector,
  ds: selector,
  fs: selector,
  gs: selector,
});
/** How a vCPU starts (public/arch-x86/xen.h). */
export const VcpuGuestContext = struct("vcpu_guest_context", {
  fpu_ctxt: padding(512),
  flags: u32,
  user_regs: CpuUserRegs,
  trap_ctxt: array(TrapInfo, 256),
  ldt_base: u32,
  ldt_ents: u32,
  gdt_frames: array(u32, 16),
  gdt_ents: u32,
  kernel_ss: u32,
  kernel_sp: u32,
  ctrlreg: array(u32, 8),
  debugreg: array(u32, 8),
  event_callback_cs: u32,
  event_callback_eip: u32,
  failsafe_callback_cs: u32,
  failsafe_callback_eip: u32,
  vm_assist: u32,
});

/** public/io/console.h */
export const ConsoleRing = struct("xencons_interface", {
  in: array(u8, 1024),
  out: array(u8, 2048),
  in_cons: u32,
  in_prod: u32,
  out_cons: u32,
  out_prod: u32,
});

/** public/io/xs_wire.h */
export const StoreRing = struct("xenstore_domain_interface", {
  req: array(u8, 1024),
  rsp: array(u8, 1024),
  req_cons: u32,
  req_prod: u32,
  rsp_cons: u32,
  rsp_prod: u32,
});
export const StoreMessage = struct("xsd_sockmsg", { type: u32, req_id: u32, tx_id: u32, len: u32 });

/** What the trap entries of this kernel leave on the stack, above what Xen pushed (§4.3). */
export const TrapFrame = struct("trap_frame", {
  gs: u32,
  fs: u32,
  es: u32,
  ds: u32,
  edi: u32,
  esi: u32,
  ebp: u32,
  esp_at_pushad: u32,
  ebx: u32,
  edx: u32,
  ecx: u32,
  eax: u32,
  vector: u32,
  error: u32,
  eip: u32,
  cs: u32,
  eflags: u32,
  esp: u32,
  ss: u32,
});
