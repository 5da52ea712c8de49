export function hypercall(nr: u32, a1: u32, a2: u32, a3: u32, a4: u32, a5: u32): i32 { return -38; }
