// Programs that ask for files.

import { array, fn, local, localOf, ret, u32, u8 } from "../../../guest/asm/mod.ts";
import { Stat64, Statx } from "../../../guest/abi/linux.ts";
import { write } from "../native.ts";
import {
  ACCESS,
  CLOSE,
  DUP2,
  FCNTL,
  FSTAT64,
  FSTATAT64,
  LSEEK,
  OPEN,
  READ,
  show,
  STAT64,
  STATX,
  sys,
  UNLINK,
  WRITE,
  WRITEV,
} from "./calls.ts";

const NAME = "made", CREATE = 0x242;

export const files = fn("files", () => {
  const buffer = localOf(array(u8, 64));
  show(sys(OPEN, "missing", 0));
  const fd = local(sys(OPEN, NAME, CREATE, 0o644));
  show(fd);
  show(sys(WRITE, fd, "hello", 5));
  show(sys(LSEEK, fd, 3, 1));
  show(sys(WRITE, fd, "world\n", 6));
  show(sys(LSEEK, fd, -2, 2));
  show(sys(LSEEK, fd, -1, 0));
  show(sys(LSEEK, fd, 0, 0));
  show(sys(READ, fd, buffer.address, 64));
  write(buffer.address, 14);
  show(sys(READ, fd, buffer.address, 64));
  show(sys(OPEN, NAME, 0xc2, 0));
  const other = local(sys(OPEN, `./${NAME}`, 0));
  show(sys(WRITE, other, "x", 1));
  show(sys(DUP2, other, 9));
  show(sys(READ, 9, buffer.address, 5));
  show(sys(READ, other, buffer.address, 1));
  show(buffer.at(0)); // the position is shared
  show(sys(CLOSE, other));
  show(sys(CLOSE, other));
  show(sys(READ, 9, 0xc0000000, 1));
  show(sys(READ, 9, 0xfffffffe, 4));
  show(sys(FCNTL, 9, 0, 20));
  show(sys(UNLINK, NAME));
  show(sys(OPEN, NAME, 0));
  show(sys(LSEEK, 9, 0, 0));
  show(sys(READ, 9, buffer.address, 1)); // open files outlive their names
  const parts = localOf(array(u32, 4));
  ["one ", "two\n"].forEach((text, i) => {
    parts.at(2 * i).set(text);
    parts.at(2 * i + 1).set(4);
  });
  show(sys(WRITEV, 1, parts.address, 2));
  parts.at(0).set(8);
  show(sys(WRITEV, 1, parts.address, 2));
  show(sys(READ, 0, buffer.address, 1));
  show(sys(9999));
  ret(0);
});

export const status = fn("status", () => {
  const fd = local(sys(OPEN, NAME, CREATE, 0o644));
  sys(WRITE, fd, "some bytes", 10);
  const st = localOf(Stat64), stx = localOf(Statx);
  const see = () => {
    for (const field of [st.mode, st.nlink, st.size.low, st.size.high, st.blksize]) show(field);
  };
  show(sys(STAT64, NAME, st.address));
  see();
  show(sys(FSTAT64, fd, st.address));
  see();
  show(sys(FSTATAT64, fd, "", st.address, 0x1000));
  see();
  show(sys(STATX, fd, "", 0x1000, 0x7ff, stx.address));
  for (const field of [stx.mode, stx.nlink, stx.size.low, stx.size.high, stx.blksize]) show(field);
  show(sys(STAT64, "missing", st.address));
  show(sys(FSTAT64, 77, st.address));
  show(sys(FSTAT64, fd, 0));
  show(sys(FSTAT64, 1, st.address));
  show(st.mode);
  show(sys(ACCESS, NAME, 4));
  show(sys(ACCESS, "missing", 4));
  sys(UNLINK, NAME);
  ret(0);
});
