// The kernel's own GDT: flat segments for ring 1 and ring 3, and one for thread-local storage.

import { PTE } from "../abi/numbers.ts";
import {
  array,
  asm,
  code,
  ds,
  eax,
  ecx,
  es,
  fn,
  fs,
  gs,
  if_,
  local,
  pages,
  ret,
  ss,
  u32,
} from "../asm/mod.ts";
import { set_gdt, update_descriptor } from "./hypercalls.ts";
import { mfn_of, set_rights } from "./memory.ts";
import { panic } from "./panic.ts";

export const KERNEL_CS = 0x09, KERNEL_DS = 0x11, USER_CS = 0x1b, USER_DS = 0x23;

/** High words of flat 4 GiB segments: code and data of ring 1, code and data of ring 3. */
const FLAT_SEGMENTS = [
  [KERNEL_CS, 0x00cfbb00],
  [KERNEL_DS, 0x00cfb300],
  [USER_CS, 0x00cffb00],
  [USER_DS, 0x00cff300],
] as const;

const gdt = pages("gdt", 1);
const descriptors = array(array(u32, 2), 512).at(gdt);

/** Loads the kernel's selectors; CS by a far return. */
const load_segments = code("load_segments", () => {
  asm.mov(eax, KERNEL_DS);
  for (const segment of [ds, es, fs, gs, ss]) asm.mov(segment, eax);
  asm.pop(ecx);
  asm.push(KERNEL_CS);
  asm.push(ecx);
  asm.retf();
});

/** Fills the GDT, gives its page up to the hypervisor and loads from it. */
export const segments_init = fn("segments_init", () => {
  for (const [selector, high] of FLAT_SEGMENTS) {
    descriptors.at(selector >> 3).at(0).set(0x0000ffff);
    descriptors.at(selector >> 3).at(1).set(high);
  }
  // A page of descriptors must not be writable.
  set_rights(gdt, PTE.readonly);
  const frames = local(mfn_of(gdt));
  if_(set_gdt(frames.address, 512).isNegative(), () => void panic("set_gdt fails"));
  load_segments();
});

/** (selector, low, high): changes an entry of the GDT; 0 or a negative errno. */
export const set_descriptor = fn("set_descriptor", (selector, low, high) => {
  const mfn = local(mfn_of(gdt));
  ret(update_descriptor(mfn.shl(12).or(selector.and(~7)), mfn.shr(20), low, high));
});
