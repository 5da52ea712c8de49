// System calls, by int 0x80: number in EAX, arguments in EBX, ECX, EDX. Numbers as on Linux.

import { EFAULT, ENOSYS } from "../abi/numbers.ts";
import { fn, for_, if_, ret } from "../asm/mod.ts";
import { put_char } from "./console.ts";
import { USER_BASE, USER_DEMAND_END } from "./layout.ts";
import { peek_byte, peeked } from "./memory.ts";
import { end_user } from "./user.ts";

export const SYS = { exit: 1, write: 4 } as const;

/** (buffer, length): the user's text to the console. */
const sys_write = fn("sys_write", (buffer, length) => {
  const end = buffer.plus(length);
  if_(
    buffer.lt(USER_BASE).either(() => end.gt(USER_DEMAND_END)).either(() => end.lt(buffer)),
    () => {
      ret(-EFAULT);
    },
  );
  for_(0, length, (i) => {
    if_(peek_byte(buffer.plus(i)).ne(0), () => ret(-EFAULT));
    if_(peeked.eq(10), () => void put_char(13));
    put_char(peeked);
  });
  ret(length);
});

/** (number, three arguments): the call's result, or a negative errno. */
export const do_system_call = fn("do_system_call", (number, a, b, _c) => {
  if_(number.eq(SYS.exit), () => void end_user(a));
  if_(number.eq(SYS.write), () => ret(sys_write(a, b)));
  ret(-ENOSYS);
});
