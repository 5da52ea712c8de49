// What a file is: statx, and the calls that set what this file system does not keep.

import { ENOENT, isError, S, Statx, STATX_BASIC } from "../../abi/linux.ts";
import { fn, if_, local, localOf, ret } from "../../asm/mod.ts";
import { clear_words } from "../clear.ts";
import { file_at, open_at } from "../descriptors.ts";
import { File, find_file } from "../files.ts";
import { answer, path, take_path } from "../user_memory.ts";

const AT_EMPTY_PATH = 0x1000;

/** (fd, path, flags, mask, result). What is no file is a pipe, as it is where output is collected. */
export const sys_statx = fn("sys_statx", (fd, address, flags, _mask, result) => {
  const file = local();
  const bad = local(take_path(address));
  if_(bad.ne(0), () => ret(bad));
  if_(path.at(0).eq(0).both(() => flags.and(AT_EMPTY_PATH).ne(0)), () => {
    const open = local(open_at(fd));
    if_(isError(open), () => ret(open));
    file.set(file_at(fd));
  }, () => {
    file.set(find_file(path.address));
    if_(file.eq(0), () => ret(-ENOENT));
  });
  const st = localOf(Statx);
  clear_words(st.address, Statx.size / 4);
  st.mask.set(STATX_BASIC);
  st.blksize.set(4096);
  st.nlink.set(1);
  st.ino.low.set(file);
  st.mode.set(S.ififo | 0o600);
  if_(file.ne(0), () => {
    const size = local(File.at(file).size);
    st.mode.set(S.ifreg | 0o644);
    st.size.low.set(size);
    st.blocks.low.set(size.plus(511).shr(9));
  });
  answer(result, st.address, Statx.size);
});

/** Owners, modes and times of files: taken and forgotten. */
export const sys_ignored = fn("sys_ignored", () => ret(0));
