export function do_mmuext_op(ops: u64, count: u32, done: u64, foreigndom: u32): i32 {
  return -38;
}
