import { Vcpu } from "../domains/domain";
/** frames: host address of u32 mfns. */
export function set_gdt(v: Vcpu, frames: usize, entries: u32): i32 { return 0; }
export function do_set_gdt(frames: u64, entries: u32): i32 { return -38; }
export function do_update_descriptor(address: u64, low: u32, high: u32): i32 { return -38; }
