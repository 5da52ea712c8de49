// Hypercalls for toolstacks and the hardware domain. No domain here is either, so each ends in the
// error that Xen 4.17.7 gives an unprivileged one; what it checks before is checked here too.
import { current_domain, DOM_DEAD, domain_by_id } from "../domains/domain";
import { E2BIG, EACCES, EFAULT, ENODATA, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from "../errno";
import { copy_from_guest } from "../pagetables/guest_copy";

// Each structure begins with the command and the interface version the caller was built for.
const PLATFORM_VERSION: u32 = 0x03000001;
const SYSCTL_VERSION: u32 = 0x15;
const DOMCTL_VERSION: u32 = 0x15;
const PLATFORM_SIZE: u32 = 136;
const SYSCTL_SIZE: u32 = 136;
const DOMCTL_SIZE: u32 = 144;
const DOMCTL_CREATE: u32 = 1;
const DOMCTL_GETINFO: u32 = 5;
const DM_BUFFERS: u32 = 2;

const buffer = memory.data(144);

/** 0, -EFAULT, or -EACCES for another interface version. */
function header(arg: u64, size: u32, version: u32): i32 {
  if (copy_from_guest(buffer, arg, size)) return -EFAULT;
  return load<u32>(buffer, 4) == version ? 0 : -EACCES;
}

export function do_platform_op(arg: u64): i32 {
  const r = header(arg, PLATFORM_SIZE, PLATFORM_VERSION);
  return r ? r : -EPERM;
}

export function do_sysctl(arg: u64): i32 {
  const r = header(arg, SYSCTL_SIZE, SYSCTL_VERSION);
  return r ? r : -EPERM;
}

/** Most commands look their domain up before they ask who is calling. */
export function do_domctl(arg: u64): i32 {
  const r = header(arg, DOMCTL_SIZE, DOMCTL_VERSION);
  if (r) return r;
  const cmd = load<u32>(buffer);
  const domid = load<u16>(buffer, 8);
  if (cmd == DOMCTL_CREATE || cmd == DOMCTL_GETINFO || domid == 0) return -EPERM;
  const d = domain_by_id(domid);
  return changetype<usize>(d) && d.state != DOM_DEAD ? -EPERM : -ESRCH;
}

export function do_kexec_op(): i32 {
  return -EPERM;
}
/** Built without Argo. */
export function do_argo_op(): i32 {
  return -ENOSYS;
}
/** The virtual performance counters are off. */
export function do_xenpmu_op(): i32 {
  return -EOPNOTSUPP;
}

/**
 * dm_op(domid, nr_bufs, bufs): for device models of other domains.
 *
 * @returns -E2BIG, -EFAULT, -ENODATA without a first buffer, -ESRCH, -EPERM
 */
export function do_dm_op(domid: u32, count: u32, buffers: u64): i32 {
  if (count > DM_BUFFERS) return -E2BIG;
  if (count == 0) return -ENODATA;
  if (copy_from_guest(buffer, buffers, count * 8)) return -EFAULT;
  const d = domain_by_id(domid);
  const known = domid == 0 || domid == current_domain.id ||
    (changetype<usize>(d) && d.state != DOM_DEAD);
  return known ? -EPERM : -ESRCH;
}

export function do_hypfs_op(): i32 {
  return -EPERM;
}
export function do_mca(): i32 {
  return -EPERM;
}
/** For domains with shadow page tables. */
export function do_paging_domctl_cont(): i32 {
  return -EOPNOTSUPP;
}
