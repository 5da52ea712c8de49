export function do_memory_op(cmd: u32, arg: u64): i32 {
  return -38;
}
