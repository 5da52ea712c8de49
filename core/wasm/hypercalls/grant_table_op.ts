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
import { EFAULT, EINVAL, ENOMEM, ENOSYS, EPERM, ESRCH } from "../errno";
import {
  grant_frame,
  grant_table,
  grants_grow,
  grants_set_version,
  MAX_GRANT_FRAMES,
  status_frame,
} from "../grants/table";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";

// GNTTABOP_*
const SETUP_TABLE: u32 = 2;
const QUERY_SIZE: u32 = 6;
const SET_VERSION: u32 = 8;
const GET_STATUS_FRAMES: u32 = 9;
const GET_VERSION: u32 = 10;

// GNTST_*
export const OKAY: i32 = 0;
export const GENERAL_ERROR: i32 = -1;
export const BAD_DOMAIN: i32 = -2;
export const PERMISSION_DENIED: i32 = -8;

const HOLE: u64 = 0xf5800000;
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

/** {dom u16, nr_frames u32, status s16 @8, frame_list u32 @12}: the frames' mfns go to the list. */
function setup_table(arg: u64, count: u32): i32 {
  if (count != 1) return -EINVAL;
  if (copy_from_guest(buffer, arg, 16)) return -EFAULT;
  const frames = load<u32>(buffer, 4);
  const list = <u64> load<u32>(buffer, 12);
  const status = own_table(load<u16>(buffer));
  if (status) return finish(arg, 8, status);
  if (frames > MAX_GRANT_FRAMES || !grants_grow(current_domain, frames)) {
    return finish(arg, 8, GENERAL_ERROR);
  }
  if (list + (frames << 2) > HOLE) return -EFAULT;
  const t = grant_table(current_domain);
  for (let n: u32 = 0; n < frames; n++) {
    store<u32>(word, grant_frame(t, n));
    if (copy_to_guest(list + (n << 2), word, 4)) return -EFAULT;
  }
  return finish(arg, 8, OKAY);
}

/** {dom u16, nr_frames u32, max_nr_frames u32, status s16 @12} */
function query_size(arg: u64, count: u32): i32 {
  if (count != 1) return -EINVAL;
  if (copy_from_guest(buffer, arg, 16)) return -EFAULT;
  const status = own_table(load<u16>(buffer));
  if (!status) {
    store<u32>(buffer, grant_table(current_domain).frames, 4);
    store<u32>(buffer, MAX_GRANT_FRAMES, 8);
  }
  store<u16>(buffer, <u16> status, 12);
  return copy_to_guest(arg, buffer, 16) ? -EFAULT : 0;
}

/** {version u32}, written back as it then is. */
function set_version(arg: u64, count: u32): i32 {
  if (count != 1) return -EINVAL;
  if (copy_from_guest(buffer, arg, 4)) return -EFAULT;
  const version = load<u32>(buffer);
  if (version != 1 && version != 2) return -EINVAL;
  if (version == 2 && !(current_domain.options & OPT_GNTTAB_V2)) return -ENOSYS;
  if (!grants_set_version(current_domain, version)) return -ENOMEM;
  store<u32>(buffer, version);
  return copy_to_guest(arg, buffer, 4) ? -EFAULT : 0;
}

/** {nr_frames u32, dom u16, status s16 @6, frame_list u64 @8} */
function get_status_frames(arg: u64, count: u32): i32 {
  if (count != 1) return -EINVAL;
  if (copy_from_guest(buffer, arg, 16)) return -EFAULT;
  const frames = load<u32>(buffer);
  const list = load<u64>(buffer, 8);
  const status = own_table(load<u16>(buffer, 4));
  if (status) return finish(arg, 6, status);
  const t = grant_table(current_domain);
  if (frames > t.status_frames) return finish(arg, 6, GENERAL_ERROR);
  for (let n: u32 = 0; n < frames; n++) {
    store<u64>(word, <u64> status_frame(t, n));
    if (copy_to_guest(list + (n << 3), word, 8)) return -EFAULT;
  }
  return finish(arg, 6, OKAY);
}

/** {dom u16, version u32} */
function get_version(arg: u64, count: u32): i32 {
  if (count != 1) return -EINVAL;
  if (copy_from_guest(buffer, arg, 8)) return -EFAULT;
  const status = own_table(load<u16>(buffer));
  if (status == BAD_DOMAIN) return -ESRCH;
  if (status) return -EPERM;
  store<u32>(buffer, grant_table(current_domain).version, 4);
  return copy_to_guest(arg, buffer, 8) ? -EFAULT : 0;
}

/**
 * @param cmd GNTTABOP_*
 * @param arg guest address of `count` structures
 * @returns 0 when every structure has its status; -EINVAL, -EFAULT, -ENOSYS
 */
export function do_grant_table_op(cmd: u32, arg: u64, count: u32): i32 {
  if (<i32> count < 0) return -EINVAL;
  switch (cmd) {
    case SETUP_TABLE:
      return setup_table(arg, count);
    case QUERY_SIZE:
      return query_size(arg, count);
    case SET_VERSION:
      return set_version(arg, count);
    case GET_STATUS_FRAMES:
      return get_status_frames(arg, count);
    case GET_VERSION:
      return get_version(arg, count);
    default:
      return -ENOSYS;
  }
}
