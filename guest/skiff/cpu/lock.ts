// The kernel lock: one processor at a time is in the kernel. It is taken with interrupts off, on the
// way in, and again for what interrupts the kernel itself; a task that switches hands it to the next.

import {
  asm,
  code,
  dword,
  eax,
  ecx,
  esp,
  fn,
  global,
  if_,
  local,
  raw,
  ret,
  u32,
  while_,
} from "../../asm/mod.ts";
import { pvIrq } from "../paravirt/ops.ts";
import { thisCpu } from "../process/task.ts";

/** The number of its owner plus 1; 0 while it is free. */
const owner = global("kernel_lock", u32);
/** How many processors wait for it. */
const waiting = global("kernel_lock_waiting", u32);
const LOCK = 0xf0;

/** (who): takes the lock for `who` if it is free; 0 if it was. */
const try_lock = code("try_lock", () => {
  asm.mov(ecx, dword(esp, 4));
  asm.xor(eax, eax);
  raw(LOCK);
  asm.cmpxchg(owner, ecx);
  asm.ret();
});

/** Waits for the lock, or notes that it is wanted once more. */
export const lock_kernel = fn("lock_kernel", () => {
  const me = local(thisCpu.index.plus(1));
  if_(owner.eq(me), () => {
    thisCpu.lock_depth.inc();
    ret();
  });
  raw(LOCK);
  waiting.inc();
  // Who has it may not be running: give it the processor.
  while_(() => try_lock(me).ne(0), () => void pvIrq.call.relax());
  raw(LOCK);
  waiting.dec();
  thisCpu.lock_depth.set(1);
});

/** Gives it back, if this is the outermost of the places that took it. */
export const unlock_kernel = fn("unlock_kernel", () => {
  thisCpu.lock_depth.dec();
  if_(thisCpu.lock_depth.ne(0), () => ret());
  owner.set(0);
  // Those who wait have their turn, or one processor would have the kernel to itself.
  if_(waiting.ne(0), () => void pvIrq.call.relax());
});
