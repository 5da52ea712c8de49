// System calls about files.

import {
  EBADF,
  EEXIST,
  EINVAL,
  EMFILE,
  ENOENT,
  ENOSPC,
  ENOTTY,
  ERANGE,
  ESPIPE,
  ETXTBSY,
  isError,
  O,
} from "../../abi/linux.ts";
import { fn, for_, global, if_, local, ret, u32, while_ } from "../../asm/mod.ts";
import { array, u8 } from "../../asm/mod.ts";
import { console_notify, put_char } from "../../kernel/console.ts";
import {
  close,
  duplicate,
  file_at,
  give_descriptor,
  KIND,
  Open,
  open_at,
  open_new,
} from "../descriptors.ts";
import { create_file, File, find_file, own_file, resize_file, unlink_file } from "../files.ts";
import { from_user, path, take_path, to_user } from "../user_memory.ts";

/** The file whose program runs: nobody may write to it, its pages may not all have come yet. */
export const runningFile = global("running_file", u32);

/** (path's address, flags): the only folder is `.`, so what it is taken from does not matter. */
export const sys_open = fn("sys_open", (address, flags) => {
  const bad = local(take_path(address));
  if_(bad.ne(0), () => ret(bad));
  const file = local(find_file(path.address));
  if_(file.eq(0), () => {
    if_(flags.and(O.creat).eq(0), () => ret(-ENOENT));
    file.set(create_file(path.address));
    if_(file.eq(0), () => ret(-ENOSPC));
  }, () => {
    if_(flags.and(O.creat | O.excl).eq(O.creat | O.excl), () => ret(-EEXIST));
    if_(flags.and(O.accmode).ne(0).both(() => file.eq(runningFile)), () => ret(-ETXTBSY));
    if_(flags.and(O.trunc).ne(0).both(() => flags.and(O.accmode).ne(0)), () => {
      if_(resize_file(file, 0).ne(0), () => ret(-ENOSPC));
    });
  });
  ret(open_new(KIND.file, file, flags));
});

export const sys_openat = fn("sys_openat", (_folder, address, flags) => {
  ret(sys_open(address, flags));
});

/** (buffer, size): the name of the only folder; how long it is with its NUL. */
export const sys_getcwd = fn("sys_getcwd", (buffer, size) => {
  if_(size.lt(2), () => ret(-ERANGE));
  const bad = local(to_user(buffer, "/", 2));
  if_(bad.ne(0), () => ret(bad));
  ret(2);
});

export const sys_close = fn("sys_close", (fd) => ret(close(fd)));
export const sys_dup = fn("sys_dup", (fd) => {
  const at = local(open_at(fd));
  if_(isError(at), () => ret(at));
  ret(give_descriptor(at, 0));
});
export const sys_dup2 = fn("sys_dup2", (fd, to) => ret(duplicate(fd, to)));

export const sys_read = fn("sys_read", (fd, buffer, length) => {
  const at = local(open_at(fd));
  if_(isError(at), () => ret(at));
  const open = Open.at(at);
  if_(open.kind.ne(KIND.file), () => ret(0));
  if_(open.flags.and(O.accmode).eq(1), () => ret(-EBADF));
  const file = File.at(local(open.file));
  if_(open.position.ge(file.size), () => ret(0));
  const left = local(file.size.minus(open.position));
  if_(length.gt(left), () => length.set(left));
  const bad = local(to_user(buffer, file.data.plus(open.position), length));
  if_(bad.ne(0), () => ret(bad));
  open.position.add(length);
  ret(length);
});

const CHUNK = 256;
const chunk = global("console_chunk", array(u8, CHUNK));

/** (buffer, length): bytes to the console as they are. */
const write_console = fn("write_console", (buffer, length) => {
  const done = local(0);
  while_(() => done.lt(length), () => {
    const part = local(length.minus(done));
    if_(part.gt(CHUNK), () => part.set(CHUNK));
    const bad = local(from_user(chunk.address, buffer.plus(done), part));
    if_(bad.ne(0), () => ret(bad));
    for_(0, part, (i) => void put_char(chunk.at(i)));
    done.add(part);
  });
  console_notify();
  ret(length);
});

export const sys_write = fn("sys_write", (fd, buffer, length) => {
  const at = local(open_at(fd));
  if_(isError(at), () => ret(at));
  const open = Open.at(at);
  if_(open.kind.eq(KIND.console), () => ret(write_console(buffer, length)));
  if_(open.kind.ne(KIND.file).either(() => open.flags.and(O.accmode).eq(0)), () => ret(-EBADF));
  const target = local(open.file);
  const file = File.at(target);
  if_(open.flags.and(O.append).ne(0), () => open.position.set(file.size));
  const end = local(open.position.plus(length));
  if_(end.lt(length), () => ret(-ENOSPC));
  if_(open.position.gt(file.size).both(() => length.ne(0)), () => {
    if_(resize_file(target, open.position).ne(0), () => ret(-ENOSPC));
  });
  if_(own_file(target, end).ne(0), () => ret(-ENOSPC));
  const bad = local(from_user(file.data.plus(open.position), buffer, length));
  if_(bad.ne(0), () => ret(bad));
  open.position.set(end);
  if_(end.gt(file.size), () => file.size.set(end));
  ret(length);
});

/** Does a call for each part of a vector of buffers, until one is not taken as a whole. */
const forEachPart = (name: string, call: typeof sys_write) =>
  fn(name, (fd, vector, count) => {
    const done = local(0);
    const part = [local(), local()] as const;
    while_(() => count.ne(0), () => {
      const bad = local(from_user(part[0].address, vector, 4));
      bad.setBits(from_user(part[1].address, vector.plus(4), 4));
      const result = local(bad);
      if_(bad.eq(0), () => result.set(call(fd, part[0], part[1])));
      if_(isError(result), () => {
        if_(done.eq(0), () => ret(result));
        ret(done);
      });
      done.add(result);
      if_(result.ne(part[1]), () => ret(done));
      vector.add(8);
      count.dec();
    });
    ret(done);
  });
export const sys_writev = forEachPart("sys_writev", sys_write);
export const sys_readv = forEachPart("sys_readv", sys_read);

/** (fd, offset, whence): 0 from the beginning, 1 from where it is, 2 from the end. */
export const sys_lseek = fn("sys_lseek", (fd, offset, whence) => {
  const at = local(open_at(fd));
  if_(isError(at), () => ret(at));
  const open = Open.at(at);
  if_(open.kind.ne(KIND.file), () => ret(-ESPIPE));
  if_(whence.gt(2), () => ret(-EINVAL));
  if_(whence.eq(1), () => offset.add(open.position));
  if_(whence.eq(2), () => offset.add(File.at(local(open.file)).size));
  if_(offset.isNegative(), () => ret(-EINVAL));
  open.position.set(offset);
  ret(offset);
});

/** (fd, offset high, low, result, whence): files are small, so the low half tells all. */
export const sys_llseek = fn("sys_llseek", (fd, _high, low, result, whence) => {
  const position = local(sys_lseek(fd, low, whence)), high = local(0);
  if_(isError(position), () => ret(position));
  const bad = local(to_user(result, position.address, 4));
  if_(bad.ne(0), () => ret(bad));
  ret(to_user(result.plus(4), high.address, 4));
});

export const sys_unlink = fn("sys_unlink", (address) => {
  const bad = local(take_path(address));
  if_(bad.ne(0), () => ret(bad));
  const file = local(find_file(path.address));
  if_(file.eq(0), () => ret(-ENOENT));
  if_(file.eq(runningFile), () => ret(-ETXTBSY));
  unlink_file(file);
  ret(0);
});
export const sys_unlinkat = fn("sys_unlinkat", (_folder, address) => ret(sys_unlink(address)));

export const sys_ftruncate64 = fn("sys_ftruncate64", (fd, low, high) => {
  const file = local(file_at(fd));
  if_(file.eq(0).either(() => high.ne(0)), () => ret(-EINVAL));
  ret(resize_file(file, low));
});

/** Nothing that can be open has controls; 0 or an error for those that ask whether it is a terminal. */
export const sys_ioctl = fn("sys_ioctl", (fd) => {
  const at = local(open_at(fd));
  if_(isError(at), () => ret(at));
  ret(-ENOTTY);
});

const F = { dupfd: 0, getfd: 1, setfd: 2, getfl: 3, setfl: 4, dupfd_cloexec: 1030 } as const;

export const sys_fcntl = fn("sys_fcntl", (fd, command, argument) => {
  const at = local(open_at(fd));
  if_(isError(at), () => ret(at));
  if_(command.eq(F.dupfd).either(() => command.eq(F.dupfd_cloexec)), () => {
    if_(argument.isNegative(), () => ret(-EMFILE));
    ret(give_descriptor(at, argument));
  });
  if_(command.eq(F.getfl), () => ret(Open.at(at).flags));
  if_(command.eq(F.getfd).either(() => command.eq(F.setfd)), () => ret(0));
  if_(command.eq(F.setfl), () => ret(0));
  ret(-EINVAL);
});
