// The ramdisk: a cpio archive in the "newc" format (cpio(5)), as Linux takes for its initramfs. A
// member is a header of 6 magic characters and 13 numbers in 8 hexadecimal digits each, a name with
// its NUL, padding to 4 bytes, the contents, padding to 4 bytes. "TRAILER!!!" is the last.

import { S } from "../abi/linux.ts";
import { fn, for_, forever, if_, local, ret, u32, u8 } from "../asm/mod.ts";
import { panic } from "../kernel/panic.ts";
import { startInfo } from "../kernel/state.ts";
import { same } from "../kernel/strings.ts";
import { create_file, File } from "./files.ts";
import { PATH_MAX } from "./user_memory.ts";

const HEADER = 110, MODE = 1, FILESIZE = 6, NAMESIZE = 11;

/** (digits): the value of 8 hexadecimal digits. */
const hex_field = fn("hex_field", (digits) => {
  const value = local(0);
  for_(0, 8, (i) => {
    const c = local(u8.at(digits.plus(i)));
    // Letters of either case count from 0x41 or 0x61.
    if_(c.ge(0x41), () => c.set(c.and(0x1f).plus(0x30 + 9)));
    value.set(value.shl(4).or(c.minus(0x30).and(15)));
  });
  ret(value);
});

/** Makes a file of each regular member. */
export const unpack_archive = fn("unpack_archive", () => {
  const at = local(startInfo.mod_start), end = local(startInfo.mod_start.plus(startInfo.mod_len));
  const bad = () => panic("the ramdisk is no cpio archive (newc), or is cut short");
  forever(() => {
    if_(end.minus(at).lt(HEADER).either(() => u32.at(at).ne(0x37303730)), bad);
    const field = (n: number) => hex_field(at.plus(6 + 8 * n));
    const nameSize = local(field(NAMESIZE)), size = local(field(FILESIZE));
    const name = local(at.plus(HEADER));
    if_(nameSize.gt(PATH_MAX).either(() => nameSize.gt(end.minus(name))), bad);
    const data = local(name.plus(nameSize).plus(3).and(-4));
    if_(nameSize.eq(0).either(() => u8.at(name.plus(nameSize).minus(1)).ne(0)), bad);
    if_(same(name, "TRAILER!!!"), () => ret());
    if_(data.gt(end).either(() => size.gt(end.minus(data))), bad);
    if_(field(MODE).and(S.ifmt).eq(S.ifreg), () => {
      const file = local(create_file(name));
      if_(file.eq(0), () => void panic("too many files in the ramdisk"));
      File.at(file).data.set(data);
      File.at(file).size.set(size);
    });
    at.set(data.plus(size).plus(3).and(-4));
    if_(at.gt(end), bad);
  });
});
