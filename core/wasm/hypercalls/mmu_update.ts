export function do_mmu_update(requests: u64, count: u32, done: u64, foreigndom: u32): i32 {
  return -38;
}
