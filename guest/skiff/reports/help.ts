// help

import { fn, for_, if_, local, u32, u8 } from "../../asm/mod.ts";
import { print, text } from "../../kernel/print.ts";
import { programs, programTable } from "../programs/table.ts";

export const show_help = fn("show_help", (_argument) => {
  for_(0, programs.length, (i) => {
    const entry = local(i.times(12).plus(programTable));
    const help = local(u32.at(entry.plus(8)));
    if_(u8.at(help).ne(0), () => print`  ${text(u32.at(entry))}: ${text(help)}\n`);
  });
  print`  a | b joins two by a pipe, a & does not wait, ^C ends what runs\n`;
});
