export function do_update_va_mapping_otherdomain(va: u64, pte: u64, flags: u64, domid: u32): i32 {
  return -38;
}
