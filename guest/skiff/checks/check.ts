// How a check is told of and counted.

import { fn, global, if_, u32 } from "../../asm/mod.ts";
import type { Given, Value } from "../../asm/mod.ts";
import { print, text } from "../../kernel/print.ts";

export const passed = global("checks_passed", u32), failed = global("checks_failed", u32);
/** Not 0: only failures are told. */
export const quiet = global("checks_quiet", u32);

/** (subject, what, whether) */
const told = fn("check", (subject, what, good) => {
  if_(good, () => {
    passed.inc();
    if_(quiet.eq(0), () => print`  ok   ${text(subject)}: ${text(what)}\n`);
  }, () => {
    failed.inc();
    print`  FAIL ${text(subject)}: ${text(what)}\n`;
  });
});

/** The checks of one subject: a function that runs them, each by `check(what, whether)`. */
export const subject = (
  name: string,
  body: (check: (what: string, good: Given) => Value) => void,
) => fn(`check_${name.replaceAll(" ", "_")}`, () => body((what, good) => told(name, what, good)));
