export function copy_from_guest(to: usize, from: u64, n: u32): i32 { return 0; }
export function copy_to_guest(to: u64, from: usize, n: u32): i32 { return 0; }
export function guest_read_linear(to: usize, from: u64, n: u32, user: bool): bool { return false; }
export function guest_write_linear(to: u64, from: usize, n: u32, user: bool): bool { return false; }
