import { Vcpu } from "../domains/domain";
export function load_cr3(v: Vcpu, mfn: u32): i32 { return 0; }
export function switch_address_space(v: Vcpu): void {}
