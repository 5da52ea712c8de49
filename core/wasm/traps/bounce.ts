export function create_bounce(cs: u32, eip: u64, has_error: bool, error: u32, mask_events: bool): bool { return false; }
