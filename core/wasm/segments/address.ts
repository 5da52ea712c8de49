export function segment_address(seg: u32, offset: u32, size: u32, write: bool): u64 { return ~0; }
export function fetch_limit_ok(eip: u64, length: u32): bool { return true; }
