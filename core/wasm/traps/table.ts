// The trap table: 256 handlers for each vCPU. Source: xen/arch/x86/pv/callback.c, pv-abi.md §4.1.
import { current } from "../domains/domain";
import { CX, DX, gpr } from "../cpu/state";
import { EFAULT } from "../errno";
import { charge } from "../events/clock";
import { call_again } from "../hypercalls/continuation";
import { copy_from_guest } from "../pagetables/guest_copy";

// An entry of Vcpu.trap_table: address u32, cs u16, flags u8.
const ENTRY = 8;
/** Entry flag: events are masked when the handler is entered. */
export const TRAP_MASKS_EVENTS: u32 = 4;
/** Entries read before the guest is given a chance to take events. */
const BATCH: u32 = 1024;
/** ns that an entry is taken to last. */
const COST: u32 = 20;

// @ts-ignore: decorator
@inline function entry(vector: u32): usize {
  return current.trap_table + <usize> (vector & 0xff) * ENTRY;
}

// @ts-ignore: decorator
@inline export function trap_eip(vector: u32): u32 {
  return load<u32>(entry(vector));
}
// @ts-ignore: decorator
@inline export function trap_cs(vector: u32): u32 {
  return load<u16>(entry(vector), 4);
}
// @ts-ignore: decorator
@inline export function trap_flags(vector: u32): u32 {
  return load<u8>(entry(vector), 6);
}

/** Whether a vector has a handler: its code selector is not null. */
// @ts-ignore: decorator
@inline export function trap_present(vector: u32): bool {
  return (trap_cs(vector) & 0xfffc) != 0;
}

export function trap_set(vector: u32, flags: u32, cs: u32, address: u32): void {
  const p = entry(vector);
  store<u32>(p, address);
  store<u16>(p, <u16> cs, 4);
  store<u8>(p, <u8> flags, 6);
}

/** A selector with its RPL raised to the kernel's ring; a higher one stays. */
export function kernel_rpl(selector: u32): u32 {
  return selector & 3 ? selector & 0xffff : (selector & 0xffff) | 1;
}

const item = memory.data(8);

/**
 * Hypercall set_trap_table.
 *
 * @param table guest address of {vector u8, flags u8, cs u16, address u32} entries, ended by one with
 *   address 0; 0 clears the whole table
 * @returns 0, or -EFAULT with the entries before the bad one in force
 */
export function do_set_trap_table(table: u64): i32 {
  if (table == 0) {
    memory.fill(current.trap_table, 0, 256 * ENTRY);
    return 0;
  }
  for (let n: u32 = 0; n < BATCH; n++) {
    charge(COST);
    if (copy_from_guest(item, table, ENTRY) != 0) return -EFAULT;
    const address = load<u32>(item, 4);
    if (address == 0) return 0;
    trap_set(load<u8>(item), load<u8>(item, 1), kernel_rpl(load<u16>(item, 2)), address);
    table += ENTRY;
  }
  return call_again(<u32> table, gpr(CX), gpr(DX)); // a list may be as long as memory
}
