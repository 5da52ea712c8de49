// The life of a domain as the host directs it (what domctl is to a toolstack).
import { in_mailbox } from "../abi";
import { request_stop } from "../cpu/state";
import { CPU_STATE_SIZE } from "../layout";
import { EFAULT, EINVAL, ENOMEM, ESRCH } from "../errno";
import { INFO_MASK, shared_info, VCPU_INFO_SIZE } from "../events/bits";
import { system_time, update_time, update_wallclock } from "../events/clock";
import { PORTS, ports_create } from "../events/ports";
import { OFFLINE, RUNNABLE, runstate_change } from "../events/runstate";
import { DEFAULT_PERIOD, timer_stopped, timers_resumed } from "../events/timers";
import { alloc_xen_frame } from "../frames/alloc";
import { GOING_NOT, relinquish } from "../frames/relinquish";
import { MAX_MAPTRACK } from "../grants/maptrack";
import { grants_create, MAX_GRANT_FRAMES } from "../grants/table";
import { CONSOLE_SIZE } from "../hypercalls/console_io";
import { hide_features } from "../traps/cpuid_policy";
import { CONTEXT_SIZE, context_apply } from "./context";
import { credit_enter } from "./credit";
import { live_update } from "./live";
import {
  current,
  current_domain,
  DOM_DEAD,
  DOM_PAUSED,
  DOM_RUNNING,
  Domain,
  domain_by_id,
  domain_table_set,
  heap_alloc,
  MAX_DOMAINS,
  MAX_VCPUS,
  Vcpu,
  vcpu_alloc,
  vcpu_of,
  VCPU_RUNNABLE,
} from "./domain";

let last_id: u32 = 0;
let last_serial: u32 = 0;

/** Destroyed, and all its memory has gone back. */
function gone(d: Domain): bool {
  return d.state == DOM_DEAD && d.going == GOING_NOT;
}

/** The next domain number after the last one given, going round; 0 = all are taken. */
function free_id(): u32 {
  for (let n: u32 = 1; n < MAX_DOMAINS; n++) {
    const id = ((last_id + n - 1) % (MAX_DOMAINS - 1)) + 1;
    const d = domain_by_id(id);
    if (!changetype<usize>(d) || gone(d)) return id;
  }
  return 0;
}

/** A destroyed domain, taken out of the table to be used again with all it owns; or null. */
function reusable(): Domain {
  for (let id: u32 = 1; id < MAX_DOMAINS; id++) {
    const d = domain_by_id(id);
    if (changetype<usize>(d) && gone(d)) {
      domain_table_set(id, changetype<Domain>(0));
      return d;
    }
  }
  return changetype<Domain>(0);
}

/** Empties a domain to what heap_alloc would give, but for the areas it owns. */
function clear_domain(d: Domain): void {
  const vcpus = d.vcpus;
  const events = d.events;
  const grants = d.grants;
  const console = d.console;
  const own_map = d.own_map;
  memory.fill(changetype<usize>(d), 0, offsetof<Domain>());
  d.vcpus = vcpus;
  d.events = events;
  d.grants = grants;
  d.console = console;
  store<u32>(console, 0); // the line that the last one left unfinished is not this one's
  d.own_map = own_map;
}

function clear_vcpu(v: Vcpu): void {
  const cpu = v.cpu;
  const traps = v.trap_table;
  const gdt = v.gdt_frames;
  const ldt = v.ldt_frames;
  const virqs = v.virq_ports;
  memory.fill(changetype<usize>(v), 0, offsetof<Vcpu>());
  memory.fill(cpu, 0, CPU_STATE_SIZE);
  memory.fill(traps, 0, 256 * 8);
  memory.fill(gdt, 0, 16 * 4);
  memory.fill(ldt, 0, 16 * 4);
  memory.fill(virqs, 0, 24 * 4);
  v.cpu = cpu;
  v.trap_table = traps;
  v.gdt_frames = gdt;
  v.ldt_frames = ldt;
  v.virq_ports = virqs;
}

function init_vcpu(d: Domain, n: u32): bool {
  let v = vcpu_of(d, n);
  if (changetype<usize>(v)) {
    clear_vcpu(v);
    v.id = n;
    v.domain = changetype<usize>(d);
  } else v = vcpu_alloc(d, n);
  if (!changetype<usize>(v)) return false;
  v.vcpu_info = shared_info(d) + n * VCPU_INFO_SIZE;
  v.singleshot_deadline = -1;
  v.periodic_period = DEFAULT_PERIOD;
  v.resume_state = VCPU_RUNNABLE;
  v.runstate = OFFLINE;
  v.runstate_since = system_time();
  update_time(v);
  return true;
}

/**
 * Makes a domain without memory: its shared_info page, port table and vCPUs, all of them down.
 * Event upcalls start masked on every legacy vCPU, and the time fields are valid from here on.
 *
 * @param max_vcpus 1 to 32
 * @param max_pages most frames the domain may own
 * @param options sum of OPT_ bits (domain.ts)
 * @returns the new domain's number, -EINVAL, or -ENOMEM
 */
export function domain_create(max_vcpus: u32, max_pages: u32, options: u32): i32 {
  if (max_vcpus < 1 || max_vcpus > MAX_VCPUS) return -EINVAL;
  const id = free_id();
  if (!id) return -ENOMEM;
  let d = reusable();
  if (changetype<usize>(d)) clear_domain(d);
  else {
    const own: usize = (offsetof<Domain>() + 15) & ~15;
    const p = heap_alloc(own + MAX_VCPUS * sizeof<usize>() + CONSOLE_SIZE);
    if (!p) return -ENOMEM;
    d = changetype<Domain>(p);
    d.vcpus = p + own;
    d.console = d.vcpus + MAX_VCPUS * sizeof<usize>();
  }
  d.id = id;
  d.state = DOM_PAUSED;
  d.options = options;
  d.shutdown_code = -1;
  d.max_vcpus = max_vcpus;
  d.max_pages = max_pages;
  d.max_grant_frames = MAX_GRANT_FRAMES;
  d.max_maptrack = MAX_MAPTRACK;
  d.max_ports = PORTS;
  d.serial = ++last_serial;
  domain_table_set(id, d);
  last_id = id;
  d.shared_info_mfn = alloc_xen_frame(id);
  if (!d.shared_info_mfn || !ports_create(d) || !grants_create(d)) return abandon(d);
  for (let n: u32 = 0; n < MAX_VCPUS; n++) {
    store<u8>(shared_info(d) + n * VCPU_INFO_SIZE + INFO_MASK, 1);
  }
  for (let n: u32 = 0; n < max_vcpus; n++) if (!init_vcpu(d, n)) return abandon(d);
  update_wallclock(d);
  live_update();
  return id;
}

/** Takes a domain back that could not be made. */
function abandon(d: Domain): i32 {
  relinquish(d);
  d.state = DOM_DEAD;
  live_update();
  return -ENOMEM;
}

function live(domid: u32): Domain {
  const d = domain_by_id(domid);
  return changetype<usize>(d) && d.state != DOM_DEAD ? d : changetype<Domain>(0);
}

/** Lets a new or paused domain run. @returns 0 or -ESRCH */
export function domain_unpause(domid: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (d.state != DOM_PAUSED) return 0;
  d.state = DOM_RUNNING;
  timers_resumed();
  for (let n: u32 = 0; n < d.max_vcpus; n++) {
    const v = vcpu_of(d, n);
    if (v.state != VCPU_RUNNABLE) continue;
    credit_enter(v);
    runstate_change(v, RUNNABLE);
  }
  return 0;
}

/** Keeps a running domain from running; its slice, if it has one, ends. @returns 0 or -ESRCH */
export function domain_pause(domid: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (d.state == DOM_RUNNING) {
    d.state = DOM_PAUSED;
    timer_stopped();
    if (changetype<usize>(current) && current_domain == d) request_stop();
    for (let n: u32 = 0; n < d.max_vcpus; n++) {
      const v = vcpu_of(d, n);
      if (v.state == VCPU_RUNNABLE) runstate_change(v, OFFLINE);
    }
  }
  return 0;
}

/**
 * Limits what a domain may take of the hypervisor, before it runs. Each is cut to what there is room
 * for: 64 frames of grant entries, 1024 mappings, ports 1 to 1023.
 *
 * @param grant_frames frames of entries its grant table may have, at least 1
 * @param maptrack mappings of others' grants it may have at a time
 * @param ports event channels, the console's and the store's included
 * @returns 0, -ESRCH, or -EINVAL for no grant frame at all
 */
export function domain_set_limits(domid: u32, grant_frames: u32, maptrack: u32, ports: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (!grant_frames) return -EINVAL;
  d.max_grant_frames = min<u32>(grant_frames, MAX_GRANT_FRAMES);
  d.max_maptrack = min<u32>(maptrack, MAX_MAPTRACK);
  d.max_ports = ports < PORTS ? ports + 1 : PORTS;
  return 0;
}

/** Makes a domain's memory map (XENMEM_memory_map) reach to `pages`, if it ended before. @returns 0 or -ESRCH */
export function domain_set_memory_map(domid: u32, pages: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (pages > d.memory_map_pages) d.memory_map_pages = pages;
  return 0;
}

/** Machine frame of the domain's shared_info; 0 if there is no such domain. */
export function domain_shared_info(domid: u32): u32 {
  const d = live(domid);
  return changetype<usize>(d) ? d.shared_info_mfn : 0;
}

/** DOM_*; DOM_DEAD for a number without a domain. */
export function domain_state(domid: u32): u32 {
  const d = live(domid);
  return changetype<usize>(d) ? d.state : DOM_DEAD;
}

/** The domain's SHUTDOWN_ code, -1 while it has none, -ESRCH. */
export function domain_shutdown_code(domid: u32): i32 {
  const d = live(domid);
  return changetype<usize>(d) ? d.shutdown_code : -ESRCH;
}

/** Why the domain crashed: address of an AssemblyScript string, 0 if it did not. */
export function domain_crash_reason(domid: u32): usize {
  const d = live(domid);
  return changetype<usize>(d) ? d.crash_reason : 0;
}

/**
 * Narrows what CPUID shows the domain: bits of leaf 1's ECX and EDX and of leaf 0x80000001's EDX that
 * are taken away, and with them whatever needs them. @returns 0 or -ESRCH
 */
export function domain_hide_features(domid: u32, ecx: u32, edx: u32, extended: u32): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  hide_features(d, ecx, edx, extended);
  return 0;
}

/** Sets the handle (UUID) that XENVER_guest_handle shows, 16 bytes in the mailbox. @returns 0, -ESRCH or -EFAULT */
export function domain_set_handle(domid: u32, at: usize): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (!in_mailbox(at, 16)) return -EFAULT;
  d.handle0 = load<u64>(at);
  d.handle1 = load<u64>(at, 8);
  return 0;
}

/**
 * Gives a vCPU its registers and tables (struct vcpu_guest_context, in the mailbox).
 *
 * @returns 0, -ESRCH, -EFAULT, or -EINVAL as VCPUOP_initialise would
 */
export function vcpu_set_context(domid: u32, vcpu: u32, context: usize): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  const v = vcpu_of(d, vcpu);
  if (!changetype<usize>(v)) return -EINVAL;
  if (!in_mailbox(context, CONTEXT_SIZE)) return -EFAULT;
  const r = context_apply(v, context);
  if (r) return r;
  update_time(v);
  update_wallclock(d);
  return 0;
}
