export let desc_low: u32 = 0;
export let desc_high: u32 = 0;
export function read_descriptor(selector: u32): bool { return false; }
