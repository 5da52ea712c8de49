import { Vcpu } from "../domains/domain";
export function load_cr3(v: Vcpu, mfn: u32): i32 { return 0; }
