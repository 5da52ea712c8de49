export function get_page(mfn: u32, domid: u32): bool { return false; }
export function put_page(mfn: u32): void {}
export function get_page_type(mfn: u32, type: u32): i32 { return 0; }
export function put_page_type(mfn: u32): void {}
export function get_page_and_type(mfn: u32, domid: u32, type: u32): i32 { return 0; }
export function put_page_and_type(mfn: u32): void {}
