// Skiff: a small PV kernel, from its first instruction to its idle loop.

import {
  addressOf,
  asm,
  code,
  ebp,
  esi,
  esp,
  fn,
  forever,
  global,
  if_,
  pages,
  u32,
} from "../asm/mod.ts";
import { show_banner } from "./banner.ts";
import { run_checks } from "./checks.ts";
import { console_init, has_input } from "./console.ts";
import { control_init, control_poll } from "./control.ts";
import { failsafeEntry, trapTable, upcallEntry } from "./entries.ts";
import { bind_handler, events_init, events_on, registerCallbacks, waitUntil } from "./events.ts";
import { xen_setup_features } from "./features.ts";
import { set_trap_table } from "./hypercalls.ts";
import { memory_init } from "./memory.ts";
import { panic } from "./panic.ts";
import { KERNEL_CS, segments_init } from "./segments.ts";
import { shell_poll, show_prompt } from "./shell.ts";
import { startInfo, startInfoAddress } from "./state.ts";
import { user_init } from "./user.ts";
import { store_init, store_pending } from "./xenstore.ts";

const STACK_PAGES = 4;
const stack = pages("kernel_stack", STACK_PAGES);
const bootStackEnd = global("boot_stack_end", u32);

/** The console's work is done by the loops that wait for the ring. */
const console_event = fn("console_event", (_port) => {});

const traps = trapTable(KERNEL_CS);

/** Segments, traps and events: from here on the kernel can be interrupted. */
const machine_init = fn("machine_init", () => {
  segments_init();
  if_(set_trap_table(traps).isNegative(), () => void panic("set_trap_table fails"));
  if_(registerCallbacks(KERNEL_CS, upcallEntry, failsafeEntry).ne(0), () => {
    panic("callbacks are not accepted");
  });
  bind_handler(startInfo.console_evtchn, addressOf(console_event));
  events_on();
});

const kernel_main = fn("kernel_main", () => {
  console_init();
  memory_init(bootStackEnd);
  events_init();
  xen_setup_features();
  show_banner();
  machine_init();
  user_init();
  store_init();
  run_checks();
  control_init();
  show_prompt();
  forever(() => {
    shell_poll();
    control_poll();
    waitUntil(() => has_input().either(() => store_pending()));
  });
});

/**
 * The first instruction. Xen has put us into ring 1 with flat segments, the initial page tables
 * loaded, events masked, start_info in ESI and a boot stack of one page in ESP (§2.5).
 */
export const start = code("start", () => {
  asm.cld();
  asm.mov(startInfoAddress, esi);
  asm.mov(bootStackEnd, esp);
  asm.mov(esp, stack.plus(STACK_PAGES * 4096));
  asm.xor(ebp, ebp);
  asm.call(kernel_main);
});
