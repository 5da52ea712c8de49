// From the first instruction to a kernel that can be interrupted.

import { addressOf, asm, code, ebp, esi, esp, fn, global, if_, pages, u32 } from "../asm/mod.ts";
import type { Callable } from "../asm/mod.ts";
import { console_init } from "./console.ts";
import { entriesTo, failsafeEntry } from "./entries.ts";
import { bind_handler, events_init, events_on, registerCallbacks } from "./events.ts";
import { set_trap_table } from "./hypercalls.ts";
import { memory_init } from "./memory.ts";
import { panic } from "./panic.ts";
import { segments_init } from "./segments.ts";
import { KERNEL_CS } from "./selectors.ts";
import { startInfo, startInfoAddress } from "./state.ts";
import { trap } from "./traps.ts";

const STACK_PAGES = 4;
const stack = pages("kernel_stack", STACK_PAGES);
export const bootStackEnd = global("boot_stack_end", u32);

/**
 * The first instructions of an image, which call `main`. Xen has put us into ring 1 with flat
 * segments, the initial page tables loaded, events masked, start_info in ESI and a boot stack of
 * one page in ESP (§2.5).
 */
export function startWith(main: Callable): Callable {
  return code("start", () => {
    asm.cld();
    asm.mov(startInfoAddress, esi);
    asm.mov(bootStackEnd, esp);
    asm.mov(esp, stack.plus(STACK_PAGES * 4096));
    asm.xor(ebp, ebp);
    asm.call(main);
  });
}

/** Console, memory and shared_info: enough to print. Events stay masked. */
export const early_init = fn("early_init", () => {
  console_init();
  memory_init(bootStackEnd);
  events_init();
});

/** The console's work is done by the loops that wait for the ring. */
const console_event = fn("console_event", (_port) => {});

/** Segments, traps and events: from here on the kernel can be interrupted; `trap` takes it all. */
export const machineInit = (trap: Callable) => {
  const entries = entriesTo(trap, KERNEL_CS);
  return fn("machine_init", () => {
    segments_init();
    if_(set_trap_table(entries.trapTable).isNegative(), () => void panic("set_trap_table fails"));
    if_(registerCallbacks(KERNEL_CS, entries.upcall, failsafeEntry).ne(0), () => {
      panic("callbacks are not accepted");
    });
    bind_handler(startInfo.console_evtchn, addressOf(console_event));
    events_on();
  });
};
export const machine_init = machineInit(trap);
