// memory_op: how much memory a domain has, and the machine's tables of it (hypercall 12).
//
// Layouts are those of 32-bit guests. Rules: xen/common/memory.c, xen/arch/x86/mm.c and compat/mm.c;
// shared/pv-abi.md §7.9, §16; goldens mem.*.
import { EACCES, EFAULT, EINVAL, ENOSYS, EOPNOTSUPP, EPERM, ESRCH } from "../errno";
import { current_domain, DOMID_SELF } from "../domains/domain";
import { m2p_block, M2P_BLOCK_SHIFT } from "../frames/m2p";
import { machine_frames } from "../frames/page";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";
import { HOLE32 } from "../pagetables/pte";
import { memory_exchange } from "./memory_exchange";
import { memory_map, set_memory_map } from "./memory_map";
import { domain_exists } from "./page_owner";
import { DECREASE, INCREASE, memory_reservation, POPULATE } from "./memory_reservation";

const MAXIMUM_RAM_PAGE: u32 = 2;
const CURRENT_RESERVATION: u32 = 3;
const MAXIMUM_RESERVATION: u32 = 4;
const MACHPHYS_MFN_LIST: u32 = 5;
const ADD_TO_PHYSMAP: u32 = 7;
const MEMORY_MAP: u32 = 9;
const MACHINE_MEMORY_MAP: u32 = 10;
const EXCHANGE: u32 = 11;
const MACHPHYS_MAPPING: u32 = 12;
const SET_MEMORY_MAP: u32 = 13;
const MAXIMUM_GPFN: u32 = 14;
const REMOVE_FROM_PHYSMAP: u32 = 15;
const SET_POD_TARGET: u32 = 16;
const GET_POD_TARGET: u32 = 17;
const GET_SHARING_FREED: u32 = 18;
const GET_SHARING_SHARED: u32 = 19;
const ADD_TO_PHYSMAP_BATCH: u32 = 23;
const MACHPHYS_COMPAT_MFN_LIST: u32 = 25;
const GET_VNUMAINFO: u32 = 26;
const RESERVED_DEVICE_MAP: u32 = 27;
const ACQUIRE_RESOURCE: u32 = 28;

/** The command's number; above it lies the extent with which an interrupted call goes on. */
const COMMAND: u32 = 63;
export const START_SHIFT: u32 = 6;

const M2P_END: u64 = 0xffe00000;

const buffer: usize = memory.data(48, 8);

/**
 * @param arg linear address of the command's structure
 * @returns for reservations the number of extents done, however little; else 0, the value asked for,
 *   or -errno
 */
export function do_memory_op(cmd: u32, arg: u64): i32 {
  const command = cmd & COMMAND;
  switch (command) {
    case INCREASE:
    case DECREASE:
    case POPULATE:
      return memory_reservation(command, cmd >> START_SHIFT, arg);
    case EXCHANGE:
      return memory_exchange(command, arg);
    case MAXIMUM_RAM_PAGE:
      return machine_frames - 1;
    case CURRENT_RESERVATION:
    case MAXIMUM_RESERVATION:
    case MAXIMUM_GPFN:
      return how_many(command, arg);
    case MACHPHYS_MFN_LIST:
    case MACHPHYS_COMPAT_MFN_LIST: // for a 32-bit guest they are one
      return machphys_mfn_list(arg);
    case MACHPHYS_MAPPING:
      store<u32>(buffer, <u32> HOLE32);
      store<u32>(buffer, <u32> M2P_END, 4);
      store<u32>(buffer, <u32> ((M2P_END - HOLE32) / 4 - 1), 8);
      return copy_to_guest(arg, buffer, 12);
    case MEMORY_MAP:
      return memory_map(arg);
    case SET_MEMORY_MAP:
      return set_memory_map(arg);
    case MACHINE_MEMORY_MAP:
      return privileged(arg, 8);
    case ADD_TO_PHYSMAP:
      return translated_only(arg, 16);
    case REMOVE_FROM_PHYSMAP:
      return translated_only(arg, 8);
    case ADD_TO_PHYSMAP_BATCH:
      return translated_only(arg, 24);
    case SET_POD_TARGET:
    case GET_POD_TARGET:
      return privileged(arg, 24);
    case GET_VNUMAINFO:
      return get_vnumainfo(arg);
    case RESERVED_DEVICE_MAP:
      return reserved_device_map(arg);
    case ACQUIRE_RESOURCE:
      return acquire_resource(arg);
    case GET_SHARING_FREED:
    case GET_SHARING_SHARED:
      return 0; // no page is ever shared
  }
  return -ENOSYS;
}

/** The domain a 16-bit number in a structure names: 0 for the caller's own, or -errno. */
export function own_domain(domid: u32): i32 {
  if (domid == DOMID_SELF || domid == current_domain.id) return 0;
  return domain_exists(domid) ? -EPERM : -ESRCH;
}

function how_many(command: u32, arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 2) != 0) return -EFAULT;
  const result = own_domain(load<u16>(buffer));
  if (result != 0) return result;
  if (command == CURRENT_RESERVATION) return current_domain.tot_pages;
  return command == MAXIMUM_RESERVATION ? current_domain.max_pages : 0;
}

/** {max_extents, list, nr_extents}: the frame of each 2 MiB of the machine-to-phys table. */
function machphys_mfn_list(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 12) != 0) return -EFAULT;
  const list = load<u32>(buffer, 4);
  const blocks = (machine_frames - 1 >> M2P_BLOCK_SHIFT) + 1;
  const most = load<u32>(buffer);
  let n: u32 = 0;
  for (; n < most && n < blocks; n++) {
    store<u32>(buffer, m2p_block(n), 12);
    if (copy_to_guest(<u64> list + (<u64> n << 2), buffer + 12, 4) != 0) return -EFAULT;
  }
  store<u32>(buffer, n, 12);
  return copy_to_guest(arg + 8, buffer + 12, 4);
}

/** Commands for domains whose physmap the hypervisor keeps: -EACCES once the structure is read. */
function translated_only(arg: u64, size: u32): i32 {
  if (copy_from_guest(buffer, arg, size) != 0) return -EFAULT;
  const result = own_domain(load<u16>(buffer));
  return result != 0 ? result : -EACCES;
}

/** {domid u16, pad u16, …}: no domain here has virtual NUMA nodes. */
function get_vnumainfo(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 40) != 0) return -EFAULT;
  if (load<u16>(buffer, 2) != 0) return -EINVAL;
  const result = own_domain(load<u16>(buffer));
  return result != 0 ? result : -EOPNOTSUPP;
}

/** {flags, nr_entries, buffer, device}: no device has memory set aside for it, so there are 0 entries. */
function reserved_device_map(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 16) != 0) return -EFAULT;
  if (<u64> load<u32>(buffer, 8) + (<u64> load<u32>(buffer, 4) << 3) > HOLE32) return -EFAULT;
  if (load<u32>(buffer) > 1) return -EINVAL; // its only flag: all devices, not the one that is named
  store<u32>(buffer, 0, 4);
  return copy_to_guest(arg + 4, buffer + 4, 4);
}

/** {domid u16, type u16, id, nr_frames, pad, …}: another domain's pages, for those with privilege over it. */
function acquire_resource(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 28) != 0) return -EFAULT;
  if (load<u32>(buffer, 12) != 0) return -EINVAL;
  return domain_exists(load<u16>(buffer)) ? -EPERM : -ESRCH;
}

function privileged(arg: u64, size: u32): i32 {
  return copy_from_guest(buffer, arg, size) != 0 ? -EFAULT : -EPERM;
}
