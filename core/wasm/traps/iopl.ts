// Virtual IOPL and the I/O permission bitmap. Source: xen/arch/x86/pv/emul-priv-op.c, pv-abi.md §5.3.
import { clear_fault, cpl } from "../cpu/state";
import { current, current_domain } from "../domains/domain";
import { copy_from_guest } from "../pagetables/guest_copy";

const VMASST_ARCHITECTURAL_IOPL: u32 = 1 << 4;
const pair = memory.data(2);

/** Whether the domain's kernel takes itself for ring 0 where IOPL counts (vm_assist architectural_iopl). */
// @ts-ignore: decorator
@inline export function architectural_iopl(): bool {
  return (current_domain.vm_assist & VMASST_ARCHITECTURAL_IOPL) != 0;
}

/**
 * Whether the virtual IOPL lets the running code use CLI, STI and every port. The kernel counts as
 * ring 1, or as ring 0 with the architectural_iopl assist.
 */
export function io_level_allows(): bool {
  const kernel: u32 = architectural_iopl() ? 0 : 1;
  return (cpl() == 1 ? kernel : 3) <= current.virtual_iopl;
}

/**
 * Whether the guest's kernel lets the running code use `bytes` ports from `port`. A set bit denies,
 * and so does a byte of the bitmap that cannot be read.
 */
export function port_allowed(port: u32, bytes: u32): bool {
  if (io_level_allows()) return true;
  const v = current;
  if (!v.iobitmap || port + bytes > v.iobitmap_ports) return false;
  const address = v.iobitmap + (port >> 3);
  let mask: u32 = 0xffff;
  if (copy_from_guest(pair, address, 2) == 0) mask = load<u16>(pair);
  else if (copy_from_guest(pair, address, 1) == 0) mask = 0xff00 | load<u8>(pair);
  clear_fault();
  return (mask & (((1 << bytes) - 1) << (port & 7))) == 0;
}
