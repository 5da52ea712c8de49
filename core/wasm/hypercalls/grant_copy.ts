// GNTTABOP_copy: bytes from one frame to another, each named by a grant reference or, if it is the
// caller's own, by its number.
import { frame_written } from "../cpu/code";
import { current_domain, Domain, domain_by_id, DOM_DEAD, DOMID_SELF } from "../domains/domain";
import {
  BAD_COPY_ARG,
  BAD_DOMAIN,
  BAD_PAGE,
  GENERAL_ERROR,
  OKAY,
  PERMISSION_DENIED,
} from "../grants/status";
import {
  grant_acquire_copy,
  grant_release,
  granted_by,
  granted_length,
  granted_mfn,
  granted_offset,
  granted_ref,
} from "../grants/use";
import { frame, T_WRITABLE } from "../frames/page";
import { get_page, get_page_type, put_page, put_page_and_type } from "../frames/refs";

const SOURCE_GREF: u32 = 1;
const DEST_GREF: u32 = 2;
const PAGE: u32 = 4096;

/** One end of a copy, with the references it holds while `held`. */
@unmanaged
class End {
  domain: usize;
  ref: u32;
  is_ref: u32;
  write: u32;
  mfn: u32;
  // which bytes of the frame may be copied
  offset: u32;
  length: u32;
}

const source_end = memory.data(32);
const dest_end = memory.data(32);

/** Takes one end {ref or mfn u32, domid u16, offset u16} into use. @returns a GNTST_ status */
function open(e: End, at: usize, is_ref: bool, write: bool): i32 {
  const domid = <u32> load<u16>(at, 4);
  if (!is_ref && domid != DOMID_SELF) return PERMISSION_DENIED;
  let d: Domain = domid == DOMID_SELF ? current_domain : domain_by_id(domid);
  if (!changetype<usize>(d) || d.state == DOM_DEAD) return BAD_DOMAIN;
  e.domain = changetype<usize>(d);
  e.ref = load<u32>(at);
  e.is_ref = is_ref ? 1 : 0;
  e.write = write ? 1 : 0;
  e.mfn = e.ref;
  e.offset = 0;
  e.length = PAGE;
  if (is_ref) {
    const status = grant_acquire_copy(d, e.ref, current_domain.id, write);
    if (status) return status;
    e.mfn = granted_mfn;
    e.offset = granted_offset;
    e.length = granted_length;
    d = changetype<Domain>(granted_by);
    e.domain = granted_by;
    e.ref = granted_ref;
  }
  let status = BAD_PAGE;
  if (get_page(e.mfn, d.id)) {
    if (!write || get_page_type(e.mfn, T_WRITABLE) == 0) return OKAY;
    put_page(e.mfn);
    status = GENERAL_ERROR;
  }
  if (is_ref) grant_release(d, e.ref, write);
  return status;
}

/** Whether bytes of a frame are among those that are granted. */
function within(e: End, offset: u32, length: u32): bool {
  return offset >= e.offset && offset + length <= e.offset + e.length;
}

function close(e: End): void {
  if (e.write) put_page_and_type(e.mfn);
  else put_page(e.mfn);
  if (e.is_ref) grant_release(changetype<Domain>(e.domain), e.ref, e.write != 0);
}

/**
 * Carries out one struct gnttab_copy: source and dest {ref or mfn u32, domid u16, offset u16}, len
 * u16, flags u16.
 *
 * @returns its GNTST_ status
 */
export function grant_copy(op: usize): i32 {
  const from_offset = <u32> load<u16>(op, 6);
  const to_offset = <u32> load<u16>(op, 14);
  const length = <u32> load<u16>(op, 16);
  const flags = <u32> load<u16>(op, 18);
  if (from_offset + length > PAGE || to_offset + length > PAGE) return BAD_COPY_ARG;
  const source = changetype<End>(source_end);
  const dest = changetype<End>(dest_end);
  let status = open(source, op, (flags & SOURCE_GREF) != 0, false);
  if (status) return status;
  status = open(dest, op + 8, (flags & DEST_GREF) != 0, true);
  if (status == OKAY) {
    if (!within(source, from_offset, length) || !within(dest, to_offset, length)) {
      close(dest);
      close(source);
      return GENERAL_ERROR;
    }
    memory.copy(frame(dest.mfn) + to_offset, frame(source.mfn) + from_offset, length);
    if (length) frame_written(dest.mfn, to_offset, length);
    close(dest);
  }
  close(source);
  return status;
}
