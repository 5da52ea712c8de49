// What the kernel tells about itself: each report is printed into a buffer and handed to the program
// that asked.

import { EINVAL, ENOMEM } from "../../abi/errors.ts";
import { callPointer, fn, if_, local, ret, table, u32 } from "../../asm/mod.ts";
import type { Callable } from "../../asm/mod.ts";
import { show_map } from "../../kernel/banner.ts";
import { show_features } from "../../kernel/features.ts";
import { capture, dec, print } from "../../kernel/print.ts";
import { faults } from "../memory/fault.ts";
import { freeCount, get_free_page, PAGE, pageCount, put_page } from "../memory/pages.ts";
import { copy_to_user } from "../process/user_memory.ts";
import { show_events, show_multicalls } from "./counters.ts";
import { show_cpuid } from "./cpuid.ts";
import { show_help } from "./help.ts";
import { REPORT } from "./kinds.ts";
import { show_entries } from "./pte.ts";
import { show_areas, show_tasks } from "./tasks.ts";

const show_memory = fn("show_memory", (_argument) => {
  show_map();
  print`${dec(freeCount)} of ${dec(pageCount)} pages free\n`;
  print`faults: ${dec(faults.demand)} pages brought, ${dec(faults.copied)} copied, ${
    dec(faults.reused)
  } taken over\n`;
});

const kinds: Record<keyof typeof REPORT, Callable> = {
  help: show_help,
  ps: show_tasks,
  maps: show_areas,
  features: fn("report_features", (_argument) => void show_features()),
  cpuid: show_cpuid,
  mem: show_memory,
  events: show_events,
  multicall: show_multicalls,
  pte: show_entries,
};
const reportTable = table("reports", () => {
  const all: Callable[] = [];
  for (const [name, n] of Object.entries(REPORT)) all[n] = kinds[name as keyof typeof REPORT];
  return all;
});

/** (kind, argument, to, bytes): the text's length, or a negative errno. */
export const report_for = fn("report_for", (kind, argument, to, bytes) => {
  if_(kind.ge(Object.keys(REPORT).length), () => ret(-EINVAL));
  const page = local(get_free_page());
  if_(page.eq(0), () => ret(-ENOMEM));
  const length = capture(page, PAGE, () => {
    callPointer(u32.at(kind.times(4).plus(reportTable)), argument);
  });
  if_(length.gt(bytes), () => length.set(bytes));
  const bad = local(copy_to_user(to, page, length));
  put_page(page);
  if_(bad.ne(0), () => ret(bad));
  ret(length);
});
