// Copies to and from a program's memory. Its pages may not be there yet, or not be there at all: the
// copy faults, and either the fault is settled or the copy ends with -EFAULT.

import { EFAULT } from "../../abi/errors.ts";
import { fn, for_, if_, ret, u8 } from "../../asm/mod.ts";
import { careful_copy } from "../../kernel/careful_copy.ts";
import { USER_END } from "../memory/layout.ts";

/** (address, bytes): whether a range lies in a program's part of the address space. */
const in_user_space = fn("in_user_space", (address, bytes) => {
  const end = address.plus(bytes);
  ret(end.le(USER_END).both(() => end.ge(address)));
});

/** (to, from, bytes) with `from` the program's; 0 or -EFAULT. */
export const copy_from_user = fn("copy_from_user", (to, from, bytes) => {
  if_(in_user_space(from, bytes).eq(0), () => ret(-EFAULT));
  ret(careful_copy(to, from, bytes));
});
/** (to, from, bytes) with `to` the program's; 0 or -EFAULT. */
export const copy_to_user = fn("copy_to_user", (to, from, bytes) => {
  if_(in_user_space(to, bytes).eq(0), () => ret(-EFAULT));
  ret(careful_copy(to, from, bytes));
});

/** (to, from, room): a string, cut off if it is longer; 0 or -EFAULT. */
export const text_from_user = fn("text_from_user", (to, from, room) => {
  for_(0, room.minus(1), (_i) => {
    if_(copy_from_user(to, from, 1).ne(0), () => ret(-EFAULT));
    if_(u8.at(to).eq(0), () => ret(0));
    to.inc();
    from.inc();
  });
  u8.at(to).set(0);
  ret(0);
});
