// The file system: one flat folder in memory. What came with the ramdisk stays there until it is
// written to; what programs write is in a window of kernel addresses that gets pages as it grows.

import { PTE } from "../abi/numbers.ts";
import { ENOSPC } from "../abi/linux.ts";
import { array, fn, for_, global, if_, local, ret, struct, u32, u8, while_ } from "../asm/mod.ts";
import { clear_page, map_frame } from "../kernel/memory.ts";
import { copy, length_of, same } from "../kernel/strings.ts";
import { alloc_frame, release_page, tables_for } from "./frames.ts";
import { FILE_WINDOW, FILES, FILES_BASE } from "./layout.ts";
import { PATH_MAX } from "./user_memory.ts";

const PAGE = 4096;

/** `room` is what the window holds, in bytes; `used` is 2 for one without a name, gone when closed. */
export const File = struct("file", {
  used: u32,
  window: u32,
  data: u32,
  size: u32,
  room: u32,
  name: array(u8, PATH_MAX),
});
const files = global("files", array(File, FILES));
const NAMED = 1, UNLINKED = 2;

/** (path): the path without what says that it begins in the only folder there is. */
const plain_name = fn("plain_name", (path) => {
  while_(
    () =>
      u8.at(path).eq(0x2f).either(() =>
        u8.at(path).eq(0x2e).both(() => u8.at(path.plus(1)).eq(0x2f))
      ),
    () => path.inc(),
  );
  ret(path);
});

/** (path): the file, or 0. */
export const find_file = fn("find_file", (path) => {
  const name = local(plain_name(path));
  for_(0, FILES, (i) => {
    const file = files.at(i);
    if_(file.used.eq(NAMED).both(() => same(file.name.address, name)), () => ret(file.address));
  });
  ret(0);
});

/** (path): a new empty file, or 0 when there is no room for one. The path is not too long. */
export const create_file = fn("create_file", (path) => {
  const name = local(plain_name(path));
  for_(0, FILES, (i) => {
    const at = local(files.at(i).address);
    const file = File.at(at);
    if_(file.used.eq(0), () => {
      file.used.set(NAMED);
      file.window.set(i.times(FILE_WINDOW).plus(FILES_BASE));
      file.data.set(file.window);
      file.size.set(0);
      copy(file.name.address, name, length_of(name).plus(1));
      ret(at);
    });
  });
  ret(0);
});

/** (file, size): sees to it that the window has room for that many bytes; 0 or -ENOSPC. */
const make_room = fn("make_room", (at, size) => {
  const file = File.at(at);
  if_(size.gt(FILE_WINDOW), () => ret(-ENOSPC));
  while_(() => file.room.lt(size), () => {
    const page = local(file.window.plus(file.room));
    if_(tables_for(page).eq(0), () => ret(-ENOSPC));
    const mfn = local(alloc_frame());
    if_(mfn.eq(0), () => ret(-ENOSPC));
    map_frame(page, mfn, PTE.kernel);
    clear_page(page);
    file.room.add(PAGE);
  });
  ret(0);
});

/** (file, size): makes its contents writable, with room for that many bytes; 0 or -ENOSPC. */
export const own_file = fn("own_file", (at, size) => {
  const file = File.at(at);
  if_(size.lt(file.size), () => size.set(file.size));
  if_(make_room(at, size).ne(0), () => ret(-ENOSPC));
  if_(file.data.ne(file.window), () => {
    copy(file.window, file.data, file.size);
    file.data.set(file.window);
  });
  ret(0);
});

/** (file, size): makes it longer, by zeroes, or shorter; 0 or -ENOSPC. */
export const resize_file = fn("resize_file", (at, size) => {
  const file = File.at(at);
  if_(file.size.gt(size), () => file.size.set(size));
  if_(own_file(at, size).ne(0), () => ret(-ENOSPC));
  // What an earlier, longer content left behind does not come back.
  const end = local(file.data.plus(file.size));
  while_(() => file.size.lt(size), () => {
    u8.at(end).set(0);
    end.inc();
    file.size.inc();
  });
  ret(0);
});

/** (file): takes its name away; its contents go when the program ends. */
export const unlink_file = fn("unlink_file", (at) => File.at(at).used.set(UNLINKED));

/** Gives back what files without a name hold. */
export const sweep_files = fn("sweep_files", () => {
  for_(0, FILES, (i) => {
    const file = File.at(local(files.at(i).address));
    if_(file.used.eq(UNLINKED), () => {
      while_(() => file.room.ne(0), () => {
        file.room.take(PAGE);
        release_page(file.window.plus(file.room));
      });
      file.used.set(0);
    });
  });
});
