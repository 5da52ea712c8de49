// What the host may look at without changing anything: for crash reports, traces and debuggers.
import { eflags } from "./cpu/flags";
import { C_EFLAGS, C_FLAG_AUX, C_FLAG_RES, CPU } from "./layout";
import { current, Domain, domain_by_id, Vcpu, vcpu_of } from "./domains/domain";

function vcpu_by_id(domid: u32, n: u32): Vcpu {
  const d = domain_by_id(domid);
  return changetype<usize>(d) ? vcpu_of(d, n) : changetype<Vcpu>(0);
}

/** Address of a vCPU's registers in the layout of CPU, wherever they are now; 0 = no such vCPU. */
export function inspect_cpu(domid: u32, n: u32): usize {
  const v = vcpu_by_id(domid, n);
  if (!changetype<usize>(v)) return 0;
  return changetype<usize>(current) == changetype<usize>(v) ? <usize>CPU : v.cpu;
}

/** A vCPU's EFLAGS; 0 = no such vCPU. */
export function inspect_eflags(domid: u32, n: u32): u32 {
  const from = inspect_cpu(domid, n);
  if (from == 0) return 0;
  const result = load<i64>(CPU + C_FLAG_RES);
  const aux = load<u32>(CPU + C_FLAG_AUX);
  const others = load<u32>(CPU + C_EFLAGS);
  store<i64>(CPU + C_FLAG_RES, load<i64>(from + C_FLAG_RES));
  store<u32>(CPU + C_FLAG_AUX, load<u32>(from + C_FLAG_AUX));
  store<u32>(CPU + C_EFLAGS, load<u32>(from + C_EFLAGS));
  const flags = eflags();
  store<i64>(CPU + C_FLAG_RES, result);
  store<u32>(CPU + C_FLAG_AUX, aux);
  store<u32>(CPU + C_EFLAGS, others);
  return flags;
}

/** Frame of a vCPU's top-level page table; 0 = none. */
export function inspect_cr3(domid: u32, n: u32): u32 {
  const v = vcpu_by_id(domid, n);
  return changetype<usize>(v) ? v.cr3_mfn : 0;
}

/** A vCPU's state, VCPU_*; 0 also for no such vCPU. */
export function inspect_vcpu_state(domid: u32, n: u32): u32 {
  const v = vcpu_by_id(domid, n);
  return changetype<usize>(v) ? v.state : 0;
}

/** The address that CR2 shows a vCPU; 0 = no such vCPU. */
export function inspect_cr2(domid: u32, n: u32): u64 {
  const v = vcpu_by_id(domid, n);
  return changetype<usize>(v) ? v.cr2 : 0;
}

/** The vCPU that runs now, as domain << 16 | vCPU; -1 = none. */
export function inspect_current(): i32 {
  if (!changetype<usize>(current)) return -1;
  return <i32>((changetype<Domain>(current.domain).id << 16) | current.id);
}

/** The vCPU on which a domain crashed. */
export function inspect_crash_vcpu(domid: u32): u32 {
  const d = domain_by_id(domid);
  return changetype<usize>(d) ? d.crash_vcpu : 0;
}
