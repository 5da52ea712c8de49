// grant_table_op: copies each sub-operation's structure in and out; the table is in grants/.
//
// Most failures are told in the structure's status field (GNTST_*), while the call itself gives 0.
// Rules: pv-abi §11.4 and Xen 4.17's answers; structures: public/grant_table.h, 32-bit layout.
import {
  current_domain,
  DOM_DEAD,
  domain_by_id,
  DOMID_SELF,
  OPT_GNTTAB_V2,
} from "../domains/domain";
import { EBUSY, EFAULT, EINVAL, ENOMEM, ENOSYS, EPERM, ERANGE, ESRCH } from "../errno";
import {
  grant_frame,
  grant_table,
  grants_fit_version1,
  grants_grow,
  grants_set_version,
  grants_status_in_use,
  status_frame,
} from "../grants/table";
import { BAD_DOMAIN, BAD_VIRT_ADDR, GENERAL_ERROR, OKAY, PERMISSION_DENIED } from "../grants/status";
import { grants_in_use } from "../grants/use";
import { charge } from "../events/clock";
import { access_ok, copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";
import { call_again } from "./continuation";
import { grant_copy } from "./grant_copy";
import { grant_map, grant_unmap, grant_unmap_and_replace } from "./grant_map";
import { grant_swap, grant_transfer } from "./grant_transfer";

// GNTTABOP_*
const MAP: u32 = 0;
const UNMAP: u32 = 1;
const TRANSFER: u32 = 4;
const COPY: u32 = 5;
const UNMAP_AND_REPLACE: u32 = 7;
const SWAP_REF: u32 = 11;
const CACHE_FLUSH: u32 = 12;
const SETUP_TABLE: u32 = 2;
const QUERY_SIZE: u32 = 6;
const SET_VERSION: u32 = 8;
const GET_STATUS_FRAMES: u32 = 9;
const GET_VERSION: u32 = 10;

/** Elements carried out before the guest is given a chance to take events. */
const BATCH: u32 = 128;
/** ns that one element is taken to last. */
const COST: u32 = 200;

const buffer = memory.data(32);
const word = memory.data(8);

/** GNTST_ for naming a domain whose table is wanted: only the caller's own may be. */
function own_table(domid: u32): i32 {
  if (domid == DOMID_SELF || domid == current_domain.id) return OKAY;
  if (domid == 0) return PERMISSION_DENIED;
  const d = domain_by_id(domid);
  return changetype<usize>(d) && d.state != DOM_DEAD ? PERMISSION_DENIED : BAD_DOMAIN;
}

/** Writes a status (s16) into the guest's structure. */
function finish(arg: u64, offset: u32, status: i32): i32 {
  store<u16>(word, <u16> status);
  return copy_to_guest(arg + offset, word, 2) ? -EFAULT : 0;
}

/** Whether a list of results is outside the hypervisor's range, whoever's table and whatever else is asked for. */
function list_ok(list: u64, n: u32, size: u32): bool {
  return n < 0xffffffff / size && access_ok(list, n * size);
}

/**
 * {dom u16, nr_frames u32, status s16 @8, frame_list u32 @12}: the frames' mfns go to the list. Where it
 * cannot be written the status is bad_virt_addr.
 */
function setup_table(arg: u64, count: u32): i32 {
  if (!count) return 0;
  if (count != 1) return -EINVAL;
  if (copy_from_guest(buffer, arg, 16)) return -EFAULT;
  const frames = load<u32>(buffer, 4);
  const list = <u64> load<u32>(buffer, 12);
  if (!list_ok(list, frames, 4)) return -EFAULT;
  const refused = own_table(load<u16>(buffer));
  if (refused) return finish(arg, 8, refused);
  if (!grants_grow(current_domain, frames)) return finish(arg, 8, GENERAL_ERROR);
  const t = grant_table(current_domain);
  let status = OKAY;
  for (let n: u32 = 0; n < frames; n++) {
    store<u32>(word, grant_frame(t, n));
    if (copy_to_guest(list + (n << 2), word, 4)) status = BAD_VIRT_ADDR;
  }
  return finish(arg, 8, status);
}

/** {dom u16, nr_frames u32, max_nr_frames u32, status s16 @12} */
function query_size(arg: u64, count: u32): i32 {
  if (count != 1) return -EINVAL;
  if (copy_from_guest(buffer, arg, 16)) return -EFAULT;
  const status = own_table(load<u16>(buffer));
  if (!status) {
    store<u32>(buffer, grant_table(current_domain).frames, 4);
    store<u32>(buffer, current_domain.max_grant_frames, 8);
  }
  store<u16>(buffer, <u16> status, 12);
  return copy_to_guest(arg, buffer, 16) ? -EFAULT : 0;
}

/** {version u32}, written back as it then is, whatever the result. */
function set_version(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 4)) return -EFAULT;
  const result = change_version(load<u32>(buffer));
  store<u32>(buffer, grant_table(current_domain).version);
  return copy_to_guest(arg, buffer, 4) ? -EFAULT : result;
}

function change_version(version: u32): i32 {
  const d = current_domain;
  if (version != 1 && version != 2) return -EINVAL;
  if (version == 2 && !(d.options & OPT_GNTTAB_V2)) return -ENOSYS;
  if (grant_table(d).version == version) return 0;
  if (grants_in_use(d)) return -EBUSY;
  if (version == 1) {
    if (!grants_fit_version1(d)) return -ERANGE;
    if (grants_status_in_use(d)) return -EBUSY;
  }
  return grants_set_version(d, version) ? 0 : -ENOMEM;
}

/** {nr_frames u32, dom u16, status s16 @6, frame_list u32 @8}: as setup_table, but the list is of u64. */
function get_status_frames(arg: u64, count: u32): i32 {
  if (!count) return 0;
  if (count != 1) return -EINVAL;
  if (copy_from_guest(buffer, arg, 12)) return -EFAULT;
  const frames = load<u32>(buffer);
  const list = <u64> load<u32>(buffer, 8);
  if (!list_ok(list, frames, 8)) return -EFAULT;
  const refused = own_table(load<u16>(buffer, 4));
  if (refused) return finish(arg, 6, refused);
  const t = grant_table(current_domain);
  if (frames > t.status_frames) return finish(arg, 6, GENERAL_ERROR);
  let status = OKAY;
  for (let n: u32 = 0; n < frames; n++) {
    store<u64>(word, <u64> status_frame(t, n));
    if (copy_to_guest(list + (n << 3), word, 8)) status = BAD_VIRT_ADDR;
  }
  return finish(arg, 6, status);
}

/** {dom u16, version u32} */
function get_version(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 8)) return -EFAULT;
  const status = own_table(load<u16>(buffer));
  if (status == BAD_DOMAIN) return -ESRCH;
  if (status) return -EPERM;
  store<u32>(buffer, grant_table(current_domain).version, 4);
  return copy_to_guest(arg, buffer, 8) ? -EFAULT : 0;
}

/** Bytes of one element of a command that takes a list, else 0. */
function element_size(cmd: u32): u32 {
  if (cmd == MAP) return 32;
  if (cmd == UNMAP || cmd == UNMAP_AND_REPLACE || cmd == COPY) return 24;
  if (cmd == TRANSFER || cmd == CACHE_FLUSH) return 16;
  return cmd == SWAP_REF ? 12 : 0;
}

/** Where an element's status is. */
function status_offset(cmd: u32): u32 {
  if (cmd == MAP) return 18;
  if (cmd == UNMAP || cmd == UNMAP_AND_REPLACE || cmd == COPY) return 20;
  return cmd == TRANSFER ? 12 : 8;
}

/** Carries out one element, whose copy is in `buffer`. @returns its GNTST_ status */
function element(cmd: u32): i32 {
  if (cmd == MAP) return grant_map(buffer);
  if (cmd == UNMAP) return grant_unmap(buffer);
  if (cmd == COPY) return grant_copy(buffer);
  if (cmd == SWAP_REF) return grant_swap(buffer);
  if (cmd == TRANSFER) return grant_transfer(buffer);
  return grant_unmap_and_replace(buffer);
}

/** {machine address or ref u64, offset u16, length u16, op u32}: memory here is always coherent. */
function cache_flush(): i32 {
  const offset = <u32> load<u16>(buffer, 8);
  const length = <u32> load<u16>(buffer, 10);
  if (offset >= 4096 || length > 4096 - offset) return -EINVAL;
  return length == 0 || load<u32>(buffer, 12) == 0 ? 0 : -EPERM;
}

/** Goes through a list. The result is that of the list itself; each element has its own. */
function list(cmd: u32, arg: u64, count: u32): i32 {
  const size = element_size(cmd);
  for (let n: u32 = 0; n < count; n++) {
    if (n == BATCH) return call_again(cmd, <u32> arg, count - n);
    if (copy_from_guest(buffer, arg, size)) return -EFAULT;
    charge(COST);
    if (cmd == CACHE_FLUSH) {
      const r = cache_flush();
      if (r) return r;
    } else {
      store<u16>(buffer + status_offset(cmd), <u16> element(cmd));
      if (copy_to_guest(arg, buffer, size)) return -EFAULT;
    }
    arg += size;
  }
  return 0;
}

/**
 * @param cmd GNTTABOP_*
 * @param arg guest address of `count` structures
 * @returns 0 when every structure has its status; -EINVAL, -EFAULT, -ENOSYS
 */
export function do_grant_table_op(cmd: u32, arg: u64, count: u32): i32 {
  if (<i32> count < 0) return -EINVAL;
  if (element_size(cmd)) return list(cmd, arg, count);
  switch (cmd) {
    case SETUP_TABLE:
      return setup_table(arg, count);
    case QUERY_SIZE:
      return query_size(arg, count);
    case SET_VERSION:
      return set_version(arg);
    case GET_STATUS_FRAMES:
      return get_status_frames(arg, count);
    case GET_VERSION:
      return get_version(arg);
    default:
      return -ENOSYS;
  }
}
