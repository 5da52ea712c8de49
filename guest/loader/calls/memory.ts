// System calls about memory: brk, mmap2 of anonymous pages, munmap, mprotect, mremap.

import { PTE } from "../../abi/numbers.ts";
import { EINVAL, ENODEV, ENOMEM, isError, MAP, MREMAP, PROT } from "../../abi/linux.ts";
import { fn, forever, global, if_, local, ret, u32, while_ } from "../../asm/mod.ts";
import { map_frame } from "../../kernel/memory.ts";
import { add_area, Area, area_in, area_of, protect_range, remove_range } from "../areas.ts";
import { frame_at, tables_for } from "../frames.ts";
import { MMAP_TOP, STACK_LOW, USER_END, USER_LOW } from "../layout.ts";

const PAGE = 4096;
const brkStart = global("brk_start", u32), brkNow = global("brk_now", u32);

/** (end): the heap begins, empty, behind the program. */
export const brk_init = fn("brk_init", (end) => {
  brkStart.set(end);
  brkNow.set(end);
});

/** (address): a page's beginning, or the next one's. */
const page_up = fn("page_up", (address) => ret(address.plus(PAGE - 1).and(-PAGE)));

/** (start, length): 1 if whole pages that may be the program's are meant. */
const is_range = fn("is_range", (start, length) => {
  if_(start.and(PAGE - 1).ne(0).either(() => length.eq(0)), () => ret(0));
  if_(start.lt(USER_LOW).either(() => start.ge(USER_END)), () => ret(0));
  ret(length.le(local(USER_END).minus(start)));
});

/** (address): moves the end of the heap; where it is then. */
export const sys_brk = fn("sys_brk", (address) => {
  if_(address.lt(brkStart).either(() => address.gt(STACK_LOW)), () => ret(brkNow));
  const from = local(page_up(brkNow)), to = local(page_up(address));
  if_(to.lt(from), () => void remove_range(to, from));
  if_(to.gt(from), () => {
    if_(area_in(from, to).ne(0), () => ret(brkNow));
    if_(add_area(from, to, PTE.userData, 0, 0).ne(0), () => ret(brkNow));
  });
  brkNow.set(address);
  ret(address);
});

/** (length): the highest free range that is below where mmap begins, or -ENOMEM. */
const free_range = fn("free_range", (length) => {
  const end = local(MMAP_TOP);
  forever(() => {
    if_(end.minus(USER_LOW).lt(length), () => ret(-ENOMEM));
    const taken = local(area_in(end.minus(length), end));
    if_(taken.eq(0), () => ret(end.minus(length)));
    end.set(Area.at(taken).start);
    if_(end.lt(USER_LOW), () => ret(-ENOMEM));
  });
});

/**
 * (prot): the bits of page table entries. Every page that may be read may be executed; one that may
 * not even be read is there for the kernel only.
 */
const rights_of = fn("rights_of", (prot) => {
  if_(prot.and(PROT.write).ne(0), () => ret(PTE.userData));
  if_(prot.and(PROT.read | PROT.exec).ne(0), () => ret(PTE.readonly | PTE.user));
  ret(PTE.readonly);
});

/** (address, length, prot, flags): pages of zeroes; files cannot be mapped. */
export const sys_mmap2 = fn("sys_mmap2", (address, length, prot, flags) => {
  if_(flags.and(MAP.anonymous).eq(0), () => ret(-ENODEV));
  if_(length.eq(0).either(() => length.gt(USER_END)), () => ret(-EINVAL));
  length.set(page_up(length));
  if_(flags.and(MAP.fixed).eq(0), () => {
    address.set(free_range(length));
    if_(isError(address), () => ret(address));
  }, () => {
    if_(is_range(address, length).eq(0), () => ret(-EINVAL));
    if_(remove_range(address, address.plus(length)).ne(0), () => ret(-ENOMEM));
  });
  if_(add_area(address, address.plus(length), rights_of(prot), 0, 0).ne(0), () => ret(-ENOMEM));
  ret(address);
});

export const sys_munmap = fn("sys_munmap", (address, length) => {
  length.set(page_up(length));
  if_(is_range(address, length).eq(0), () => ret(-EINVAL));
  ret(remove_range(address, address.plus(length)));
});

export const sys_mprotect = fn("sys_mprotect", (address, length, prot) => {
  length.set(page_up(length));
  if_(length.eq(0), () => ret(0));
  if_(is_range(address, length).eq(0), () => ret(-EINVAL));
  ret(protect_range(address, address.plus(length), rights_of(prot)));
});

/** (from, to, length): the pages of a range to another: their frames move, not their bytes. */
const move_pages = fn("move_pages", (from, to, length, rights) => {
  while_(() => length.ne(0), () => {
    const mfn = local(frame_at(from));
    if_(mfn.ne(0), () => {
      if_(tables_for(to).eq(0), () => ret(-ENOMEM));
      map_frame(to, mfn, rights);
      map_frame(from, 0, 0);
    });
    from.add(PAGE);
    to.add(PAGE);
    length.take(PAGE);
  });
  ret(0);
});

/** (old, old length, new length, flags): a range of zeroes made shorter or longer, maybe elsewhere. */
export const sys_mremap = fn("sys_mremap", (old, oldLength, newLength, flags) => {
  oldLength.set(page_up(oldLength));
  newLength.set(page_up(newLength));
  if_(is_range(old, oldLength).eq(0).either(() => newLength.eq(0)), () => ret(-EINVAL));
  if_(flags.gt(MREMAP.maymove), () => ret(-EINVAL));
  const at = local(area_of(old));
  if_(at.eq(0), () => ret(-EINVAL));
  const area = Area.at(at);
  const end = local(old.plus(oldLength));
  // One area has to have it all, and none of it may be from a file.
  if_(area.end.lt(end).either(() => area.bytes.ne(0)), () => ret(-EINVAL));
  const rights = local(area.rights);
  if_(newLength.le(oldLength), () => {
    if_(newLength.lt(oldLength), () => void remove_range(old.plus(newLength), end));
    ret(old);
  });
  if_(
    is_range(old, newLength).ne(0).both(() => area_in(end, old.plus(newLength)).eq(0)),
    () => {
      if_(add_area(end, old.plus(newLength), rights, 0, 0).eq(0), () => ret(old));
    },
  );
  if_(flags.and(MREMAP.maymove).eq(0), () => ret(-ENOMEM));
  const to = local(free_range(newLength));
  if_(isError(to), () => ret(to));
  if_(add_area(to, to.plus(newLength), rights, 0, 0).ne(0), () => ret(-ENOMEM));
  if_(move_pages(old, to, oldLength, rights).ne(0), () => ret(-ENOMEM));
  remove_range(old, end);
  ret(to);
});
