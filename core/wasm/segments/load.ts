export function load_segment(seg: u32, selector: u32): bool { return false; }
