// physdev_op: virtual IOPL and I/O bitmap, and the answers of a domain without devices to all the
// rest (public/physdev.h; xen/arch/x86/physdev.c; numbers as seen on Xen 4.17.7).
import { current, current_domain } from "../domains/domain";
import { EBUSY, EFAULT, EINVAL, ENOSYS, EPERM } from "../errno";
import { PIRQS } from "../events/bind";
import { T_WRITABLE } from "../frames/page";
import { get_page_and_type } from "../frames/refs";
import { copy_from_guest, copy_to_guest } from "../pagetables/guest_copy";

const IRQ_UNMASK_NOTIFY: u32 = 4;
const IRQ_STATUS_QUERY: u32 = 5;
const SET_IOPL: u32 = 6;
const SET_IOBITMAP: u32 = 7;
const ALLOC_IRQ_VECTOR: u32 = 10;
const EOI: u32 = 12;
const PIRQ_EOI_GMFN_V1: u32 = 17;
const GET_FREE_PIRQ: u32 = 23;
const PIRQ_EOI_GMFN_V2: u32 = 28;

const HOLE: u64 = 0xf5800000;
const NEEDS_EOI: u32 = 1;
// Bit n set: command n exists, and is only for domains that own hardware.
const PRIVILEGED: u32 = 1 << 8 | 1 << 9 | 1 << 10 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 16 |
  1 << 19 | 1 << 20 |
  1 << 21 | 1 << 24 | 1 << 25 | 1 << 26 | 1 << 27 | 1 << 29 | 1 << 30 | 1 << 31;

const buffer = memory.data(40);

function set_iopl(): i32 {
  if (load<u32>(buffer) > 3) return -EINVAL;
  current.virtual_iopl = load<u32>(buffer);
  return 0;
}

/** {handle, nr_ports}: the bitmap itself is read anew at each access, where it may then be found unmapped. */
function set_iobitmap(): i32 {
  const bitmap = load<u32>(buffer);
  const ports = load<u32>(buffer, 4);
  if (ports > 65536 || <u64> bitmap + ((ports + 7) >> 3) > HOLE) return -EINVAL;
  current.iobitmap = bitmap;
  current.iobitmap_ports = ports;
  return 0;
}

/** No line belongs to the domain, so each "needs" an end-of-interrupt that it cannot give. */
function irq_status(arg: u64): i32 {
  if (load<u32>(buffer) >= PIRQS) return -EINVAL;
  store<u32>(buffer, NEEDS_EOI, 4);
  return copy_to_guest(arg, buffer, 8) ? -EFAULT : 0;
}

/** A page in which Xen marks lines that want an end-of-interrupt; there is none to mark. Once only. */
function pirq_eoi_page(): i32 {
  const mfn = load<u32>(buffer);
  if (current_domain.pirq_eoi_mfn) return -EBUSY;
  if (get_page_and_type(mfn, current_domain.id, T_WRITABLE)) return -EINVAL;
  current_domain.pirq_eoi_mfn = mfn;
  return 0;
}

function get_free_pirq(arg: u64): i32 {
  store<u32>(buffer, PIRQS - 1, 4);
  return copy_to_guest(arg, buffer, 8) ? -EFAULT : 0;
}

/** Bytes of a command's structure that decide its answer. */
function size_of(cmd: u32): u32 {
  if (cmd == SET_IOPL || cmd == EOI || cmd == PIRQ_EOI_GMFN_V1 || cmd == PIRQ_EOI_GMFN_V2) return 4;
  return 8;
}

/**
 * @param cmd PHYSDEVOP_*
 * @param arg guest address of its structure
 * @returns 0; -EFAULT; -EINVAL; -EPERM for what only owners of hardware may do; -ENOSYS
 */
export function do_physdev_op(cmd: u32, arg: u64): i32 {
  if (cmd == IRQ_UNMASK_NOTIFY) return 0;
  const privileged = cmd < 32 && (PRIVILEGED >> cmd) & 1;
  if (
    !privileged && cmd != IRQ_STATUS_QUERY && cmd != SET_IOPL && cmd != SET_IOBITMAP &&
    cmd != EOI &&
    cmd != PIRQ_EOI_GMFN_V1 && cmd != GET_FREE_PIRQ && cmd != PIRQ_EOI_GMFN_V2
  ) return -ENOSYS;
  if (copy_from_guest(buffer, arg, size_of(cmd))) return -EFAULT;
  if (privileged) return -EPERM;
  switch (cmd) {
    case SET_IOPL:
      return set_iopl();
    case SET_IOBITMAP:
      return set_iobitmap();
    case IRQ_STATUS_QUERY:
      return irq_status(arg);
    case GET_FREE_PIRQ:
      return get_free_pirq(arg);
    case EOI:
      return -EINVAL; // no line is bound
    default:
      return pirq_eoi_page();
  }
}

/** physdev_op_compat: a command word before the structure; only the oldest commands. */
export function do_physdev_op_compat(arg: u64): i32 {
  if (copy_from_guest(buffer, arg, 12)) return -EFAULT;
  const cmd = load<u32>(buffer);
  if (cmd < IRQ_UNMASK_NOTIFY || cmd > ALLOC_IRQ_VECTOR) return -ENOSYS;
  return do_physdev_op(cmd, arg + 4);
}
