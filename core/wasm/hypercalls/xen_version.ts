// xen_version: what the guest is running on (public/version.h; xen/common/kernel.c). Numbers are
// those of Xen 4.17, names are our own.
import { current_domain } from "../domains/domain";
import { EFAULT, EINVAL, ENOSYS, EPERM } from "../errno";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";

const VERSION: i32 = 0x00040011;
const HOLE: u32 = 0xf5800000;
const PAGE_SIZE: i32 = 4096;
// mmu_pt_update_preserve_ad 5, highmem_assist 6, gnttab_map_avail_bits 7, memory_op_vnode_supported 13, direct_mapped 17
const FEATURES: u32 = 0x000220e0;
const PAE_PGDIR_ABOVE_4GB: u32 = 1 << 4;
const ASSIST_PAE_EXTENDED_CR3: u32 = 1 << 3;

const buffer = memory.data(1024);

/** Puts an ASCII string into a field of the answer, which `begin` cleared. */
function text(at: usize, s: string): void {
  for (let n = 0; n < s.length; n++) store<u8>(buffer + at + n, <u8> s.charCodeAt(n));
}

function begin(size: u32): void {
  memory.fill(buffer, 0, size);
}

function answer(to: u64, size: u32): i32 {
  return copy_to_guest(to, buffer, size) ? -EFAULT : 0;
}

function get_features(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 8)) return -EFAULT;
  if (load<u32>(buffer) != 0) return -EINVAL;
  let features = FEATURES;
  if (current_domain.vm_assist & ASSIST_PAE_EXTENDED_CR3) features |= PAE_PGDIR_ABOVE_4GB;
  store<u32>(buffer, features, 4);
  return answer(arg, 8);
}

/**
 * XENVER_*: answers about the hypervisor, each copied to the guest whole.
 *
 * @param cmd sub-operation
 * @param arg guest address of its structure
 * @returns 0 or the value asked for; -EFAULT, -EINVAL, -EPERM (build_id), -ENOSYS
 */
export function do_xen_version(cmd: u32, arg: u64): i32 {
  switch (cmd) {
    case 0:
      return VERSION;
    case 1:
      begin(16);
      text(0, ".7-paravane");
      return answer(arg, 16);
    case 2: // compiler[64], compile_by[16], compile_domain[32], compile_date[32]
      begin(144);
      text(0, "asc 0.28 and Binaryen");
      text(64, "paravane");
      text(80, "localdomain");
      text(112, "unknown");
      return answer(arg, 144);
    case 3:
      begin(1024);
      text(0, "xen-3.0-x86_64 xen-3.0-x86_32p ");
      return answer(arg, 1024);
    case 4:
      begin(64);
      text(0, "unavailable");
      return answer(arg, 64);
    case 5:
      store<u32>(buffer, HOLE);
      return answer(arg, 4);
    case 6:
      return get_features(arg);
    case 7:
      return arg ? -EINVAL : PAGE_SIZE;
    case 8:
      store<u64>(buffer, current_domain.handle0);
      store<u64>(buffer, current_domain.handle1, 8);
      return answer(arg, 16);
    case 9: // the hypervisor's command line is not for unprivileged domains
      begin(9);
      text(0, "<denied>");
      return answer(arg, 9);
    case 10:
      return -EPERM;
    default:
      return -ENOSYS;
  }
}
