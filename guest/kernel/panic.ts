// The end: shutting down, and giving up.

import { SCHEDOP, SHUTDOWN } from "../abi/numbers.ts";
import { fn, forever, local } from "../asm/mod.ts";
import { console_drain } from "./console.ts";
import { sched_op } from "./hypercalls.ts";
import { print, text } from "./print.ts";

/** (reason): ends the domain once everything printed has been taken. */
export const shutdown = fn("shutdown", (reason) => {
  console_drain();
  const argument = local(reason);
  forever(() => void sched_op(SCHEDOP.shutdown, argument.address));
});

/** (message): says why and crashes the domain. */
export const panic = fn("panic", (message) => {
  print`\npanic: ${text(message)}\n`;
  shutdown(SHUTDOWN.crash);
});
