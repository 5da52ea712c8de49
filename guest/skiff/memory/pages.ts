// Pages: who uses each, and which are free. A page is named by its address in the kernel's map of all
// memory or by its number (pfn) there; machine frames are the business of make_pte alone.

import { VIRT_BASE } from "../../abi/numbers.ts";
import { fn, for_, global, if_, local, ret, struct, u16, u32, while_ } from "../../asm/mod.ts";
import type { Value } from "../../asm/mod.ts";
import { clear_page, freePage } from "../../kernel/memory.ts";
import { panic } from "../../kernel/panic.ts";

export const PAGE = 4096;
export const Page = struct("page", {
  /** How many address spaces map it, or 1 for what the kernel uses; 0 while it is free. */
  count: u16,
  /** PAGE_PINNED. */
  flags: u16,
  /** The next free page's address. */
  next: u32,
});
/** A table that is in use: only the hypervisor writes to it. */
export const PAGE_PINNED = 1;

const pageList = global("pages", u32);
export const pageCount = global("page_count", u32);
export const freeCount = global("free_pages", u32);
const firstFree = global("first_free_page", u32);

export const pfnOf = (address: Value): Value => address.minus(VIRT_BASE).shr(12);
export const addressOfPfn = (pfn: Value): Value => pfn.shl(12).plus(VIRT_BASE);
/** What is known of the page that an address lies in. */
export const pageOf = (address: Value) => Page.at(pfnOf(address).shl(3).plus(pageList));

/** (count): takes over `count` pages of memory: those up to the first that nobody uses are taken. */
export const pages_init = fn("pages_init", (count) => {
  pageCount.set(count);
  pageList.set(freePage);
  freePage.add(count.times(Page.size).plus(PAGE - 1).and(-PAGE));
  const taken = local(pfnOf(freePage));
  if_(taken.ge(count), () => void panic("no memory left to begin with"));
  for_(0, count, (pfn) => {
    const page = Page.at(pfn.shl(3).plus(pageList));
    page.count.set(1);
    page.flags.set(0);
  });
  // From the top down, so that the lowest is handed out first.
  const at = local(count);
  while_(() => at.gt(taken), () => {
    at.dec();
    put_page(addressOfPfn(at));
  });
});

/** (page): gives up one use of a page; the last one frees it. */
export const put_page = fn("put_page", (address) => {
  const page = pageOf(address);
  if_(page.count.eq(0), () => void panic("a free page is freed"));
  page.count.dec();
  if_(page.count.ne(0), () => ret());
  page.next.set(firstFree);
  firstFree.set(address.and(-PAGE));
  freeCount.inc();
});

/** One more use of a page. */
export function getPage(address: Value): void {
  pageOf(address).count.inc();
}

/** Takes the first free page, zeroed; 0 if there is none. */
const take_page = fn("take_page", () => {
  const address = local(firstFree);
  if_(address.eq(0), () => ret(0));
  const page = pageOf(address);
  firstFree.set(page.next);
  freeCount.dec();
  page.count.set(1);
  page.flags.set(0);
  clear_page(address);
  ret(address);
});

/** Pages that are kept for the kernel's own tables, so that programs cannot take it all. */
export const RESERVE = 64;
/** A page of zeroes with one use, or 0 if there is none that programs may have. */
export const get_free_page = fn("get_free_page", () => {
  if_(freeCount.le(RESERVE), () => ret(0));
  ret(take_page());
});

/** The same for tables, out of the reserve. */
export const need_page = fn("need_page", () => {
  const address = local(take_page());
  if_(address.eq(0), () => void panic("out of memory"));
  ret(address);
});

/** Whether a page is a table in use. */
export const isPinned = (address: Value): Value => pageOf(address).flags.and(PAGE_PINNED);

/** Entries of a table. */
export const ENTRIES = 512;
