// What the host may look at of a domain's event channels, callbacks and descriptor tables, without
// changing anything. Results go to the mailbox, as words of 32 bits.
import { in_mailbox } from "./abi";
import { DOM_DEAD, Domain, domain_by_id, Vcpu, vcpu_of } from "./domains/domain";
import { EFAULT, EINVAL, ESRCH } from "./errno";
import { INFO_MASK, INFO_PENDING, INFO_SEL, is_masked, is_pending } from "./events/bits";
import { fifo_is_masked, fifo_is_pending, uses_fifo } from "./events/fifo";
import { port_at, port_valid } from "./events/ports";

const GDT_FRAMES: u32 = 14;
const TRAPS: u32 = 256 * 8;

function live(domid: u32): Domain {
  const d = domain_by_id(domid);
  return changetype<usize>(d) && d.state != DOM_DEAD ? d : changetype<Domain>(0);
}

function vcpu(domid: u32, n: u32): Vcpu {
  const d = live(domid);
  return changetype<usize>(d) ? vcpu_of(d, n) : changetype<Vcpu>(0);
}

// @ts-ignore: decorator
@inline function put(out: usize, n: u32, value: u32): void {
  store<u32>(out + (<usize> n << 2), value);
}

/**
 * One event channel: state (0 free, 1 reserved, 2 unbound, 3 interdomain, 5 VIRQ, 6 IPI), the vCPU it
 * notifies, the domain and port at the other end, the VIRQ's number, and as 0 or 1 whether the other end
 * is the host's, whether it is pending and whether it is masked; then its priority, which the FIFO ABI uses.
 *
 * @param out nine words in the mailbox
 * @returns 0, -ESRCH, -EINVAL for a port that does not exist, -EFAULT
 */
export function inspect_port(domid: u32, port: u32, out: usize): i32 {
  const d = live(domid);
  if (!changetype<usize>(d)) return -ESRCH;
  if (!port_valid(d, port)) return -EINVAL;
  if (!in_mailbox(out, 36)) return -EFAULT;
  const p = port_at(d, port);
  const fifo = uses_fifo(d);
  put(out, 0, p.state);
  put(out, 1, p.vcpu);
  put(out, 2, p.remote);
  put(out, 3, p.remote_port);
  put(out, 4, p.virq);
  put(out, 5, p.host);
  put(out, 6, <u32> (fifo ? fifo_is_pending(d, port) : is_pending(d, port)));
  put(out, 7, <u32> (fifo ? fifo_is_masked(d, port) : is_masked(d, port)));
  put(out, 8, p.priority);
  return 0;
}

/**
 * How a vCPU is told of events: its upcall_pending, upcall_mask and pending_sel, then CS and EIP of its
 * event callback and of its failsafe callback, and whether the domain chose the FIFO ABI.
 *
 * @param out eight words in the mailbox
 * @returns 0, -ESRCH, -EFAULT
 */
export function inspect_upcall(domid: u32, n: u32, out: usize): i32 {
  const v = vcpu(domid, n);
  if (!changetype<usize>(v) || !v.vcpu_info) return -ESRCH;
  if (!in_mailbox(out, 32)) return -EFAULT;
  put(out, 0, load<u8>(v.vcpu_info + INFO_PENDING));
  put(out, 1, load<u8>(v.vcpu_info + INFO_MASK));
  put(out, 2, load<u32>(v.vcpu_info + INFO_SEL));
  put(out, 3, v.event_cs);
  put(out, 4, <u32> v.event_eip);
  put(out, 5, v.failsafe_cs);
  put(out, 6, <u32> v.failsafe_eip);
  put(out, 7, <u32> uses_fifo(changetype<Domain>(v.domain)));
  return 0;
}

/**
 * Where a vCPU's descriptor tables are: entries of its GDT and the GDT's 14 frames (0 = none); base and
 * entries of its LDT; then its trap table, 256 entries of { u32 EIP, u16 CS, u8 flags, u8 0 }.
 *
 * @param out 17 words and 2048 bytes in the mailbox
 * @returns 0, -ESRCH, -EFAULT
 */
export function inspect_descriptors(domid: u32, n: u32, out: usize): i32 {
  const v = vcpu(domid, n);
  if (!changetype<usize>(v)) return -ESRCH;
  if (!in_mailbox(out, 68 + TRAPS)) return -EFAULT;
  put(out, 0, v.gdt_entries);
  memory.copy(out + 4, v.gdt_frames, <usize> GDT_FRAMES << 2);
  put(out, 15, <u32> v.ldt_base);
  put(out, 16, v.ldt_entries);
  memory.copy(out + 68, v.trap_table, TRAPS);
  return 0;
}
