// Pushing and popping several words, as far transfers do: through SS. A push writes from the top down,
// so that a fault names the word that a processor would have come to first.
import { alignment_checked, ATTR_D, cpl, gpr, seg_attr, set_gpr, SP } from "../cpu/state";
import { SS } from "../layout";
import { guest_read_linear, guest_write_linear } from "../pagetables/guest_copy";
import { segment_address } from "./address";

function stack_mask(): u32 {
  return seg_attr(SS) & ATTR_D ? 0xffffffff : 0xffff;
}

function read_words(bytes: usize, offset: u32, count: u32, size: u32): bool {
  const mask = stack_mask();
  const total = count * size;
  // One access, unless the words go over the end of the stack's offsets or are checked one by one.
  const whole = <u64> offset + total - 1 <= mask && !alignment_checked;
  const step = whole ? total : size;
  for (let done: u32 = 0; done < total; done += step) {
    const address = segment_address(SS, (offset + done) & mask, step, false);
    if (address == ~0) return false;
    if (!guest_read_linear(bytes + done, address, step, cpl() == 3)) return false;
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
  const mask = stack_mask();
  for (let n = count; n; n--) {
    const offset = (gpr(SP) - (count - n + 1) * size) & mask;
    const address = segment_address(SS, offset, size, true);
    if (address == ~0) return false;
    if (!guest_write_linear(address, words + (n - 1) * size, size, cpl() == 3)) return false;
  }
  stack_move(0 - count * size);
  return true;
}

/** Reads words from `skip` bytes above the stack's top without moving ESP. */
export function stack_peek(words: usize, skip: u32, count: u32, size: u32): bool {
  return read_words(words, (gpr(SP) + skip) & stack_mask(), count, size);
}
