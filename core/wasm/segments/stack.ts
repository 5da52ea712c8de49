// Pushing and popping several words at once, as far transfers do: through SS, all or nothing.
import { ATTR_D, cpl, gpr, seg_attr, set_gpr, SP } from "../cpu/state";
import { SS } from "../layout";
import { guest_read_linear, guest_write_linear } from "../pagetables/guest_copy";
import { segment_address } from "./address";

function stack_mask(): u32 {
  return seg_attr(SS) & ATTR_D ? 0xffffffff : 0xffff;
}

function transfer(bytes: usize, offset: u32, count: u32, size: u32, write: bool): bool {
  const mask = stack_mask();
  const total = count * size;
  // One access, unless the words go over the end of the stack's offsets.
  const whole = <u64> offset + total - 1 <= mask;
  const step = whole ? total : size;
  for (let done: u32 = 0; done < total; done += step) {
    const address = segment_address(SS, (offset + done) & mask, step, write);
    if (address == ~0) return false;
    const user = cpl() == 3;
    const ok = write
      ? guest_write_linear(address, bytes + done, step, user)
      : guest_read_linear(bytes + done, address, step, user);
    if (!ok) return false;
  }
  return true;
}

/** Adds to ESP, or to SP alone on a 16-bit stack. */
export function stack_move(bytes: u32): void {
  const mask = stack_mask();
  const sp = gpr(SP);
  set_gpr(SP, (sp & ~mask) | ((sp + bytes) & mask));
}

/**
 * Pushes words and moves ESP.
 *
 * @param words host address of the words, the one that ends up lowest first
 * @param size bytes of a word, 2 or 4
 * @returns false with #SS or #PF pending, ESP unchanged
 */
export function stack_push(words: usize, count: u32, size: u32): bool {
  const offset = (gpr(SP) - count * size) & stack_mask();
  if (!transfer(words, offset, count, size, true)) return false;
  stack_move(0 - count * size);
  return true;
}

/** Reads words from `skip` bytes above the stack's top without moving ESP. */
export function stack_peek(words: usize, skip: u32, count: u32, size: u32): bool {
  return transfer(words, (gpr(SP) + skip) & stack_mask(), count, size, false);
}
