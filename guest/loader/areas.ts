// What the program may have at which address. An area is a range of pages with rights and, if it
// comes from a file, where its first bytes are; the rest of it is zeroes. Pages come with the first
// access (see faults.ts). Ranges begin and end on page boundaries.

import { ENOMEM } from "../abi/linux.ts";
import { array, fn, global, if_, local, ret, struct, u32, while_ } from "../asm/mod.ts";
import type { Given, Place } from "../asm/mod.ts";
import { map_frame } from "../kernel/memory.ts";
import { frame_at, release_page } from "./frames.ts";

const PAGE = 4096, COUNT = 64;

/** An unused one has `end` 0. `rights` are the bits of its page table entries, present among them. */
export const Area = struct("area", { start: u32, end: u32, rights: u32, from: u32, bytes: u32 });
const areas = global("areas", array(Area, COUNT));

type AreaView = ReturnType<typeof Area.at>;

/** Emits `body` for every area in use. */
function eachArea(body: (area: AreaView, at: Place) => void): void {
  const at = local(areas.address);
  while_(() => at.lt(areas.address.plus(Area.size * COUNT)), () => {
    const area = Area.at(at);
    if_(area.end.ne(0), () => body(area, at));
    at.add(Area.size);
  });
}

function eachPage(start: Given, end: Given, body: (page: Place) => void): void {
  const page = local(start);
  while_(() => page.lt(end), () => {
    body(page);
    page.add(PAGE);
  });
}

/** (start, end): the first area that has a page in common with the range, or 0. */
export const area_in = fn("area_in", (start, end) => {
  eachArea((area, at) => {
    if_(area.start.lt(end).both(() => area.end.gt(start)), () => ret(at));
  });
  ret(0);
});

/** (address): the area that has it, or 0. */
export const area_of = fn("area_of", (address) => ret(area_in(address, address.plus(1))));

/** (start, end, rights, from, bytes): a new area; 0 or -ENOMEM. */
export const add_area = fn("add_area", (start, end, rights, from, bytes) => {
  // Zeroes that go on where others with the same rights end need no area of their own.
  eachArea((area) => {
    if_(
      area.end.eq(start).both(() => area.rights.eq(rights)).both(() => area.bytes.or(bytes).eq(0)),
      () => {
        area.end.set(end);
        ret(0);
      },
    );
  });
  const at = local(areas.address);
  while_(() => Area.at(at).end.ne(0), () => {
    at.add(Area.size);
    if_(at.ge(areas.address.plus(Area.size * COUNT)), () => ret(-ENOMEM));
  });
  const area = Area.at(at);
  area.start.set(start);
  area.end.set(end);
  area.rights.set(rights);
  area.from.set(from);
  area.bytes.set(bytes);
  ret(0);
});

/** (address): makes two of the area that goes on across an address; 0 or -ENOMEM. */
const split_at = fn("split_at", (address) => {
  const found = local(area_of(address));
  const area = Area.at(found);
  if_(found.eq(0).either(() => area.start.eq(address)), () => ret(0));
  const before = local(address.minus(area.start)), end = local(area.end), rest = local(0);
  if_(area.bytes.gt(before), () => {
    rest.set(area.bytes.minus(before));
    area.bytes.set(before);
  });
  // It ends here before its other half is added, which would otherwise be in its way.
  area.end.set(address);
  const made = local(add_half(address, end, area.rights, area.from.plus(before), rest));
  if_(made.ne(0), () => {
    area.end.set(end);
    area.bytes.add(rest);
  });
  ret(made);
});

/** (start, end, rights, from, bytes): `add_area` that does not join what was just parted. */
const add_half = fn("add_half", (start, end, rights, from, bytes) => {
  const made = local(add_area(start, end, -1, from, bytes));
  if_(made.eq(0), () => Area.at(area_of(start)).rights.set(rights));
  ret(made);
});

/** (start, end): makes the range begin and end with areas of its own; 0 or -ENOMEM. */
const cut_out = fn("cut_out", (start, end) => {
  if_(split_at(start).ne(0), () => ret(-ENOMEM));
  ret(split_at(end));
});

/** (start, end): takes everything in a range away from the program; 0 or -ENOMEM. */
export const remove_range = fn("remove_range", (start, end) => {
  if_(cut_out(start, end).ne(0), () => ret(-ENOMEM));
  eachArea((area) => {
    if_(area.start.ge(start).both(() => area.end.le(end)), () => {
      eachPage(area.start, area.end, (page) => void release_page(page));
      area.end.set(0);
    });
  });
  ret(0);
});

/** (start, end, rights): changes what may be done in a range; 0 or -ENOMEM. */
export const protect_range = fn("protect_range", (start, end, rights) => {
  if_(cut_out(start, end).ne(0), () => ret(-ENOMEM));
  eachArea((area) => {
    if_(area.start.ge(start).both(() => area.end.le(end)), () => {
      area.rights.set(rights);
      eachPage(area.start, area.end, (page) => {
        const mfn = local(frame_at(page));
        if_(mfn.ne(0), () => void map_frame(page, mfn, rights));
      });
    });
  });
  ret(0);
});
