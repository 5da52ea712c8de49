export function do_vm_assist(cmd: u32, type: u32): i32 {
  return -38;
}
