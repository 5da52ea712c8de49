// The kernel's own GDT: flat segments for ring 1 and ring 3, and one for thread-local storage.

import { PTE } from "../abi/numbers.ts";
import { array, fn, if_, local, pages, ret, u32 } from "../asm/mod.ts";
import { set_gdt, update_descriptor } from "./hypercalls.ts";
import { mfn_of, set_rights } from "./memory.ts";
import { panic } from "./panic.ts";
import { FLAT_LOW, FLAT_SEGMENTS, load_segments } from "./selectors.ts";

const gdt = pages("gdt", 1);
const descriptors = array(array(u32, 2), 512).at(gdt);

/** Fills the GDT, gives its page up to the hypervisor and loads from it. */
export const segments_init = fn("segments_init", () => {
  for (const [selector, high] of FLAT_SEGMENTS) {
    descriptors.at(selector >> 3).at(0).set(FLAT_LOW);
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
