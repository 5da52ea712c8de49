export function do_update_va_mapping(va: u64, pte: u64, flags: u64): i32 {
  return -38;
}
