// pte: the three entries that lead to an address, as they stand in the tables

import { MACH2PHYS, PTE } from "../../abi/numbers.ts";
import { fn, if_, local, ret, u32 } from "../../asm/mod.ts";
import { hex, print } from "../../kernel/print.ts";
import { entryAt, page_of_entry } from "../memory/address_space.ts";
import { pvMmu } from "../paravirt/ops.ts";

/** (entry, level): prints it; the table it names, or 0. */
const show_entry = fn("show_entry", (entry, level) => {
  print`L${hex(level, 1)} ${hex(u32.at(entry.plus(4)))}${hex(u32.at(entry))}`;
  if_(u32.at(entry).and(PTE.present).eq(0), () => {
    print` not present\n`;
    ret(0);
  });
  if_(u32.at(entry).and(PTE.write).ne(0), () => print` writable`, () => print` read-only`);
  if_(u32.at(entry).and(PTE.user).ne(0), () => print` user`);
  if_(u32.at(entry.plus(4)).isNegative(), () => print` no-execute`);
  if_(u32.at(entry).and(PTE.cow).ne(0).both(() => level.eq(1)), () => print` copy-on-write`);
  print`\n`;
  if_(level.eq(1), () => ret(0));
  ret(page_of_entry(entry));
});

export const show_entries = fn("show_entries", (address) => {
  const table = local(pvMmu.call.read_cr3());
  table.set(show_entry(entryAt(table, address.shr(30)), 3));
  if_(table.eq(0), () => ret());
  if_(address.ge(MACH2PHYS), () => {
    print`the hypervisor's\n`;
    ret();
  });
  table.set(show_entry(entryAt(table, address.shr(21).and(511)), 2));
  if_(table.eq(0), () => ret());
  show_entry(entryAt(table, address.shr(12).and(511)), 1);
});
