// What a file is: statx, its older relatives, and the calls that set what is not kept here.

import { ENOENT, isError, S, Stat64, Statx, STATX_BASIC } from "../../abi/linux.ts";
import { fn, if_, local, localOf, ret } from "../../asm/mod.ts";
import { clear_words } from "../clear.ts";
import { file_at, open_at } from "../descriptors.ts";
import { File, find_file } from "../files.ts";
import { answer, path, take_path } from "../user_memory.ts";

const AT_EMPTY_PATH = 0x1000;

/** (fd): the file that is open there, 0 for the console, or -EBADF. */
const of_descriptor = fn("stat_of_descriptor", (fd) => {
  const open = local(open_at(fd));
  if_(isError(open), () => ret(open));
  ret(file_at(fd));
});

/** (fd, path's address, flags): the file that is meant, 0 for the console, or a negative errno. */
const file_meant = fn("file_meant", (fd, address, flags) => {
  const bad = local(take_path(address));
  if_(bad.ne(0), () => ret(bad));
  if_(path.at(0).eq(0).both(() => flags.and(AT_EMPTY_PATH).ne(0)), () => ret(of_descriptor(fd)));
  const file = local(find_file(path.address));
  if_(file.eq(0), () => ret(-ENOENT));
  ret(file);
});

/** (file): its mode. What is no file is a pipe, as it is where output is collected. */
const mode_of = fn("mode_of", (file) => {
  if_(file.eq(0), () => ret(S.ififo | 0o600));
  ret(S.ifreg | 0o644);
});
const size_of = fn("size_of", (file) => {
  if_(file.eq(0), () => ret(0));
  ret(File.at(file).size);
});

/** (fd, path, flags, mask, result) */
export const sys_statx = fn("sys_statx", (fd, address, flags, _mask, result) => {
  const file = local(file_meant(fd, address, flags));
  if_(isError(file), () => ret(file));
  const st = localOf(Statx);
  clear_words(st.address, Statx.size / 4);
  const size = local(size_of(file));
  st.mask.set(STATX_BASIC);
  st.blksize.set(4096);
  st.nlink.set(1);
  st.ino.low.set(file);
  st.mode.set(mode_of(file));
  st.size.low.set(size);
  st.blocks.low.set(size.plus(511).shr(9));
  answer(result, st.address, Statx.size);
});

/** (file or negative errno, result) */
const give_stat64 = fn("give_stat64", (file, result) => {
  if_(isError(file), () => ret(file));
  const st = localOf(Stat64);
  clear_words(st.address, Stat64.size / 4);
  const size = local(size_of(file));
  st.short_ino.set(file);
  st.ino.low.set(file);
  st.nlink.set(1);
  st.mode.set(mode_of(file));
  st.blksize.set(4096);
  st.size.low.set(size);
  st.blocks.low.set(size.plus(511).shr(9));
  answer(result, st.address, Stat64.size);
});

export const sys_stat64 = fn("sys_stat64", (address, result) => {
  ret(give_stat64(file_meant(0, address, 0), result));
});
export const sys_fstat64 = fn("sys_fstat64", (fd, result) => {
  ret(give_stat64(of_descriptor(fd), result));
});
export const sys_fstatat64 = fn("sys_fstatat64", (fd, address, result, flags) => {
  ret(give_stat64(file_meant(fd, address, flags), result));
});

/** (path, mode): 0 if it is there: everybody may do everything with it. */
export const sys_access = fn("sys_access", (address) => {
  const file = local(file_meant(0, address, 0));
  if_(isError(file), () => ret(file));
  ret(0);
});

/** Owners, modes and times of files: taken and forgotten. */
export const sys_ignored = fn("sys_ignored", () => ret(0));
