// What a domain and a vCPU are. Each room keeps its own part behind a pointer or in a section named
// after it, so that this file says only who belongs to whom.
import { CPU_STATE_SIZE, HEAP, HEAP_END } from "../layout";

export const DOMID_SELF: u32 = 0x7ff0;
export const DOMID_IO: u32 = 0x7ff1;
export const DOMID_XEN: u32 = 0x7ff2;
export const DOMID_COW: u32 = 0x7ff3;
export const DOMID_INVALID: u32 = 0x7ff4;
export const DOMID_NONE: u32 = 0xffff; // owner of a free frame
export const MAX_VCPUS: u32 = 32;
export const MAX_DOMAINS: u32 = 128;

// Domain.state
export const DOM_PAUSED: u32 = 0;
export const DOM_RUNNING: u32 = 1;
export const DOM_SHUTDOWN: u32 = 2;
export const DOM_DEAD: u32 = 3;

// Domain.options, set by the host at creation
export const OPT_CONSOLE_IO: u32 = 1; // console_io is allowed (debug Xen); else -EPERM
export const OPT_WRITABLE_L2: u32 = 2;
export const OPT_XEN32_LIMITS: u32 = 4;
export const OPT_GNTTAB_V2: u32 = 8;
export const OPT_DEBUG_AUDIT: u32 = 16;
export const OPT_CPUID_FAULTING: u32 = 32;
export const OPT_MSR_RELAXED: u32 = 64;

@unmanaged
export class Domain {
  id: u32;
  state: u32;
  options: u32;
  shutdown_code: i32; // -1 until one is given
  max_vcpus: u32;
  vcpus: usize; // array of max_vcpus pointers to Vcpu (0: never created)
  // memory
  max_pages: u32;
  tot_pages: u32;
  page_list: u32; // first mfn of the domain's frames (linked through PageInfo.next), 0 = none
  vm_assist: u32; // bit n = assist n enabled
  // events/
  shared_info_mfn: u32;
  events: usize;
  // hypercalls/grant.ts
  grants: usize;
  // console_io line buffer and others
  console: usize;
  // limits the host set: frames of grant entries, mappings of others' grants, event channels
  max_grant_frames: u32;
  max_maptrack: u32;
  max_ports: u32;
  // numbers the domains ever made, so that one is not taken for another that had its id before
  serial: u32;
  // crash report: address of a static string, 0 = none
  crash_reason: usize;
  crash_vcpu: u32;
  // privileged I/O latches (traps/)
  port70: u32;
  pci_cf8: u32;
  // XENMEM_memory_map: pages of RAM from 0, unless the guest set a map of its own (hypercalls/memory_map.ts)
  memory_map_pages: u32;
  own_map_set: u32;
  own_map_entries: u32;
  own_map: usize;
  handle0: u64; // UUID
  handle1: u64;
  // events/timers.ts: when each watchdog ends the domain (ns of system time, 0 = not running), and which are taken
  watchdog0: i64;
  watchdog1: i64;
  watchdogs: u32;
  // hypercalls/physdev_op.ts: frame of the pirq_eoi map, 0 = none
  pirq_eoi_mfn: u32;
  // memory, continued
  xen_page_list: u32; // first of the hypervisor's frames shared with the domain, 0 = none
  table_changes: u64; // stamp of the last change to a translation (pagetables/address_space.ts)
  going: u32; // frames/relinquish.ts: how far its memory has gone back, of a domain that is dead
  going_at: u32; // the frame that is next
  // segments/: counts the changes to descriptor tables of the domain that are in use
  descriptor_changes: u32;
  // traps/cpuid_policy.ts: features that CPUID does not show
  hidden_leaf1_ecx: u32;
  hidden_leaf1_edx: u32;
  hidden_extended_edx: u32;
}

// Vcpu.state
export const VCPU_DOWN: u32 = 0; // not initialised, or initialised and not up
export const VCPU_RUNNABLE: u32 = 1;
export const VCPU_BLOCKED: u32 = 2;
export const VCPU_POLLING: u32 = 3;

@unmanaged
export class Vcpu {
  id: u32;
  domain: usize; // Domain
  state: u32;
  initialised: u32;
  cpu: usize; // saved CPU state, CPU_STATE_SIZE bytes, valid while the vCPU is not current
  // pagetables/
  cr3_mfn: u32; // top-level table (holds a type reference), 0 = none
  address_space: u32;
  // traps/
  trap_table: usize; // 256 entries of 8 bytes: address u32, cs u16, flags u8, pad
  event_cs: u32;
  event_eip: u64;
  failsafe_cs: u32;
  failsafe_eip: u64;
  failsafe_flags: u32;
  nmi_pending: u32;
  nmi_in_progress: u32;
  kernel_ss: u32;
  kernel_sp: u64;
  virtual_iopl: u32;
  iobitmap: u64; // guest address, 0 = none
  iobitmap_ports: u32;
  cr2: u64;
  cr4: u32; // guest-chosen bits
  dr7_io: u32;
  cpuid_faulting: u32; // MSR_MISC_FEATURES_ENABLES bit 0
  // segments/
  gdt_frames: usize; // 14 u32 mfns
  gdt_entries: u32;
  ldt_base: u64;
  ldt_entries: u32;
  ldt_frames: usize; // 16 u32 mfns, 0 = not (yet) taken
  // events/
  vcpu_info: usize; // host address of the vcpu_info in force
  vcpu_info_mfn: u32; // registered frame, 0 = in shared_info
  poll_port: u32; // while polling: 0 = several, else the port
  poll_deadline: i64;
  singleshot_deadline: i64; // ns of system time, -1 = off
  periodic_period: i64; // ns, 0 = off
  periodic_next: i64;
  virq_ports: usize; // 24 u16... owned by events/
  runstate: u32;
  runstate_since: i64;
  runstate_time0: i64;
  runstate_time1: i64;
  runstate_time2: i64;
  runstate_time3: i64;
  runstate_area: u64; // guest address, 0 = none
  // domains/credit.ts: what it had of the processor, in instructions
  used: u64;
  // run loop
  virq_timer_pending: u32;
  pause_count: u32;
  // domains/schedule.ts
  resume_state: u32; // VCPU_* to go back to when a vCPU that is down comes up
  fresh: u32; // selectors of a new context are not loaded yet: done before its first instruction
  // events/clock.ts
  time_area: u64; // guest address of a second vcpu_time_info, 0 = none
  time_updated: i64; // system time of the last pvclock update
  // segments/reload.ts: Domain.descriptor_changes when DS, ES, FS and GS were last known to load
  segments_checked: u32;
  code_checked: u32; // the same of CS and SS (traps/frame_context.ts)
  off_cpu: u32; // domains/schedule.ts: it gave the processor up, whoever ran meanwhile
}

let heap_next: usize = HEAP;

/** Zeroed bytes from the core's heap, 16-aligned; 0 when it is used up. Never freed; create.ts uses a destroyed domain's again. */
export function heap_alloc(size: usize): usize {
  const p = heap_next;
  const end = (p + size + 15) & ~15;
  if (end > <usize> HEAP_END) return 0;
  heap_next = end;
  memory.fill(p, 0, end - p);
  return p;
}

/** Bytes taken from the heap up to now. */
export function heap_used(): usize {
  return heap_next - HEAP;
}

/** The running vCPU and its domain. Valid only between slice_begin and slice_end. */
export let current: Vcpu = changetype<Vcpu>(0);
export let current_domain: Domain = changetype<Domain>(0);
export function set_current(v: Vcpu): void {
  current = v;
  if (changetype<usize>(v)) current_domain = changetype<Domain>(v.domain);
}

let domain_table: usize = 0;

/** The domain with this number, or null (changetype<usize>(d) == 0). */
export function domain_by_id(id: u32): Domain {
  if (id >= MAX_DOMAINS || !domain_table) return changetype<Domain>(0);
  return changetype<Domain>(load<usize>(domain_table + id * sizeof<usize>()));
}

export function domain_table_set(id: u32, d: Domain): void {
  if (!domain_table) domain_table = heap_alloc(MAX_DOMAINS * sizeof<usize>());
  store<usize>(domain_table + id * sizeof<usize>(), changetype<usize>(d));
}

/** vCPU n of a domain, or null. */
export function vcpu_of(d: Domain, n: u32): Vcpu {
  if (n >= d.max_vcpus) return changetype<Vcpu>(0);
  return changetype<Vcpu>(load<usize>(d.vcpus + n * sizeof<usize>()));
}

const TRAP_TABLE_SIZE: usize = 256 * 8;
const GDT_SIZE: usize = 16 * 4;
const LDT_SIZE: usize = 16 * 4;
const VIRQS_SIZE: usize = 24 * 4;

/** Allocates an empty vCPU with its own state areas, all or none; null when the heap is used up. */
export function vcpu_alloc(d: Domain, n: u32): Vcpu {
  const own: usize = (offsetof<Vcpu>() + 15) & ~15;
  const p = heap_alloc(own + CPU_STATE_SIZE + TRAP_TABLE_SIZE + GDT_SIZE + LDT_SIZE + VIRQS_SIZE);
  const v = changetype<Vcpu>(p);
  if (!p) return v;
  v.id = n;
  v.domain = changetype<usize>(d);
  v.cpu = p + own;
  v.trap_table = v.cpu + CPU_STATE_SIZE;
  v.gdt_frames = v.trap_table + TRAP_TABLE_SIZE;
  v.ldt_frames = v.gdt_frames + GDT_SIZE;
  v.virq_ports = v.ldt_frames + LDT_SIZE;
  v.singleshot_deadline = -1;
  store<usize>(d.vcpus + n * sizeof<usize>(), changetype<usize>(v));
  return v;
}
