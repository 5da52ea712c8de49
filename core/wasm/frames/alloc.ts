export function alloc_frame(domid: u32): u32 { return 0; }
export function free_frame(mfn: u32): void {}
export function alloc_xen_frame(domid: u32): u32 { return 0; }
export function m2p_set(mfn: u32, pfn: u32): void {}
export function m2p_get(mfn: u32): u32 { return 0xffffffff; }
