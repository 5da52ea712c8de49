// The traps that a program raises: pages that are due come, anything else ends the program.

import { PTE } from "../abi/numbers.ts";
import { SIG } from "../abi/linux.ts";
import { TrapFrame } from "../abi/structs.ts";
import { fn, if_, local, ret } from "../asm/mod.ts";
import { clear_page, map_frame } from "../kernel/memory.ts";
import { dec, hex, print } from "../kernel/print.ts";
import { signalOf } from "../kernel/signals.ts";
import { vcpu } from "../kernel/state.ts";
import { copy } from "../kernel/strings.ts";
import { end_user } from "../kernel/user.ts";
import { Area, area_of } from "./areas.ts";
import { alloc_frame, tables_for } from "./frames.ts";
import { USER_END } from "./layout.ts";

const PAGE = 4096;
/** Error code bits of a page fault: the page was there; the access was a write. */
const PROTECTION = 1, WRITE = 2;

/** As when Linux has no memory left: SIGKILL. */
const out_of_memory = fn("out_of_memory", () => {
  print`loader: out of memory: the program ends\n`;
  end_user(128 + SIG.kill);
});

/** (page, area): puts a page there with what the area says is in it. */
const bring_page = fn("bring_page", (page, at) => {
  const area = Area.at(at);
  if_(tables_for(page).eq(0), () => void out_of_memory());
  const mfn = local(alloc_frame());
  if_(mfn.eq(0), () => void out_of_memory());
  // The kernel fills it where the program will see it, and needs no mapping of its own.
  map_frame(page, mfn, PTE.userData);
  clear_page(page);
  const offset = local(page.minus(area.start));
  if_(offset.lt(area.bytes), () => {
    const length = local(area.bytes.minus(offset));
    if_(length.gt(PAGE), () => length.set(PAGE));
    copy(page, area.from.plus(offset), length);
  });
  if_(area.rights.ne(PTE.userData), () => void map_frame(page, mfn, area.rights));
});

/** (frame, address): whether the access, the program's or the kernel's for it, may be tried again. */
export const page_fault = fn("page_fault", (frame, address) => {
  const error = local(TrapFrame.at(frame).error);
  if_(address.ge(USER_END).either(() => error.and(PROTECTION).ne(0)), () => ret(0));
  const at = local(area_of(address));
  if_(at.eq(0), () => ret(0));
  const rights = local(Area.at(at).rights);
  if_(rights.and(PTE.user).eq(0), () => ret(0));
  if_(error.and(WRITE).ne(0).both(() => rights.and(PTE.write).eq(0)), () => ret(0));
  bring_page(address.and(-PAGE), at);
  ret(1);
});

/** (frame): ends the program as a shell reports it, with 128 plus the signal's number. */
export const end_by_trap = fn("end_by_trap", (frame) => {
  const f = TrapFrame.at(frame);
  print`loader: trap ${dec(f.vector)}, error ${hex(f.error, 4)}, at ${hex(f.eip)}, cr2 ${
    hex(vcpu.cr2)
  }: the program ends\n`;
  end_user(signalOf(f.vector).plus(128));
});
