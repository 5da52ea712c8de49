// Between the kernel and the program's memory. Addresses come from the program, so any may be bad:
// each is checked to be the program's, and a fault in the copy, if no page is due there, ends it.

import { EFAULT } from "../abi/numbers.ts";
import { ENAMETOOLONG } from "../abi/linux.ts";
import { array, fn, for_, global, if_, local, ret, u8 } from "../asm/mod.ts";
import type { Given } from "../asm/mod.ts";
import { careful_copy } from "../kernel/careful_copy.ts";
import { peek_byte, peeked } from "../kernel/memory.ts";
import { USER_END } from "./layout.ts";

/** (address, length): whether all of it lies below the kernel. */
const is_user = fn("is_user", (address, length) => {
  if_(address.gt(USER_END), () => ret(0));
  ret(length.le(local(USER_END).minus(address)));
});

/** (to, from, length): into the program's memory; 0 or -EFAULT. */
export const to_user = fn("to_user", (to, from, length) => {
  if_(is_user(to, length).not(), () => ret(-EFAULT));
  ret(careful_copy(to, from, length));
});

/** (to, from, length): out of the program's memory; 0 or -EFAULT. */
export const from_user = fn("from_user", (to, from, length) => {
  if_(is_user(from, length).not(), () => ret(-EFAULT));
  ret(careful_copy(to, from, length));
});

/** (to, value): stores one word; 0 or -EFAULT. */
export const word_to_user = fn("word_to_user", (to, value) => ret(to_user(to, value.address, 4)));

/** Copies a structure of the kernel's to the program and returns from the system call. */
export function answer(to: Given, from: Given, size: number): void {
  ret(to_user(to, from, size));
}

export const PATH_MAX = 64;
/** The path that `take_path` took. */
export const path = global("path", array(u8, PATH_MAX));

/** (address): takes a string from the program into `path`; 0 or a negative errno. */
export const take_path = fn("take_path", (address) => {
  for_(0, PATH_MAX, (i) => {
    const at = local(address.plus(i));
    if_(at.ge(USER_END), () => ret(-EFAULT));
    if_(peek_byte(at).ne(0), () => ret(-EFAULT));
    path.at(i).set(peeked);
    if_(peeked.eq(0), () => ret(0));
  });
  ret(-ENAMETOOLONG);
});
