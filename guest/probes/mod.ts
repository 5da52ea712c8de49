// Probes: guests of a few lines that each do one thing, for tests of the machine around them.

import { FLAT, HYPERCALL, MACH2PHYS, SCHEDOP, SHUTDOWN, XENVER } from "../abi/numbers.ts";
import {
  addressOf,
  asm,
  break_,
  code,
  esp,
  fn,
  for_,
  forever,
  if_,
  local,
  table,
} from "../asm/mod.ts";
import type { Callable } from "../asm/mod.ts";
import { console_notify, get_char, has_input, put_char } from "../kernel/console.ts";
import { control_init, control_poll } from "../kernel/control.ts";
import { eventsOff, waitUntil } from "../kernel/events.ts";
import { hypercallSlot, sched_op, set_trap_table, xen_version } from "../kernel/hypercalls.ts";
import { guestImage } from "../kernel/image.ts";
import { shutdown } from "../kernel/panic.ts";
import { hex, print } from "../kernel/print.ts";
import { early_init, machine_init, startWith } from "../kernel/setup.ts";
import { store_init, store_pending } from "../kernel/xenstore.ts";
import { crew_main } from "./crew.ts";
import { neighbour_main } from "./neighbour.ts";
import { punctual_main } from "./punctual.ts";

const image = (name: string, body: () => void): Uint8Array =>
  guestImage(startWith(fn(name, body)), name).elf;

/** Runs for ever and asks for nothing. */
export const spin = (): Uint8Array => image("spin", () => forever(() => asm.nop()));

/** Sleeps for ever: no event is open, no timer set. */
export const block = (): Uint8Array =>
  image("block", () => {
    early_init();
    machine_init();
    forever(() => {
      eventsOff();
      sched_op(SCHEDOP.block, 0);
    });
  });

/** Ends with SCHEDOP_shutdown and this reason, without a word. */
export const exitWith = (reason: number): Uint8Array =>
  image("exit", () => {
    const argument = local(reason);
    forever(() => void sched_op(SCHEDOP.shutdown, argument.address));
  });

/** Makes so many hypercalls, then powers off. */
export const hypercallLoop = (count: number): Uint8Array =>
  image("hypercall_loop", () => {
    early_init();
    for_(0, count, () => void xen_version(XENVER.version, 0));
    shutdown(SHUTDOWN.poweroff);
  });

/** Lines of the console flood, 64 bytes each with their end. */
export const FLOOD_LINES = 16384;

/** What line `n` of the flood says. */
export const floodLine = (n: number): string =>
  `${n.toString(16).padStart(8, "0")} ${"0123456789".repeat(5)}abc`;

/** Writes 1 MiB to the console ring as fast as it is taken, then powers off. */
export const consoleFlood = (): Uint8Array =>
  image("console_flood", () => {
    early_init();
    for_(0, FLOOD_LINES, (i) => print`${hex(i)} ${{ show: () => void restOfLine() }}\n`);
    shutdown(SHUTDOWN.poweroff);
  });
const restOfLine = fn(
  "rest_of_line",
  () => print`01234567890123456789012345678901234567890123456789abc`,
);

/** Gives back every byte that is typed; obeys control/shutdown. */
export const echo = (): Uint8Array =>
  image("echo", () => {
    early_init();
    machine_init();
    store_init();
    control_init();
    print`echo ready\n`;
    forever(() => {
      forever(() => {
        const c = local(get_char());
        if_(c.eq(-1), () => break_());
        put_char(c);
      });
      console_notify();
      control_poll();
      waitUntil(() => has_input().either(() => store_pending()));
    });
  });

/** Raises an exception with no trap table at all: the domain is crashed. */
export const crashNullHandler = (): Uint8Array => image("crash_null_handler", () => asm.ud2());

const trapsForBreakpoint = (handler: Callable) =>
  table("traps", () => [3 | FLAT.ring1_cs << 16, addressOf(handler.label), 0, 0]);

/** Raises an exception with the stack where no frame can be written: the domain is crashed. */
export const crashBadStack = (): Uint8Array =>
  image("crash_bad_stack", () => {
    set_trap_table(trapsForBreakpoint(code("handler", () => asm.iret())));
    asm.mov(esp, MACH2PHYS + 4096);
    asm.int3();
  });

/** Returns to ring 0 by the iret hypercall: the domain is crashed. */
export const crashIretToRing0 = (): Uint8Array =>
  image("crash_iret_ring0", () => {
    asm.push(0x202);
    asm.push(FLAT.ring1_cs & ~3);
    asm.push(addressOf(code("nowhere", () => asm.ud2()).label));
    asm.jmp(hypercallSlot(HYPERCALL.iret));
  });

/** Panics in the way Skiff does: a report on the console, then SHUTDOWN_crash. */
export const crashPanic = (): Uint8Array =>
  image("crash_panic", () => {
    early_init();
    machine_init();
    asm.ud2();
  });

/** Exchanges pages and events with the domains beside it; see neighbour.ts. */
export const neighbour = (): Uint8Array => guestImage(startWith(neighbour_main), "neighbour").elf;

/** Uses all its vCPUs; see crew.ts. */
export const crew = (): Uint8Array => guestImage(startWith(crew_main), "crew").elf;

/** Counts how late its timer's events are while it computes; see punctual.ts. */
export const punctual = (): Uint8Array => guestImage(startWith(punctual_main), "punctual").elf;

/** The probes that can be booted by name. */
export const probes: Record<string, () => Uint8Array> = {
  spin,
  block,
  echo,
  neighbour,
  crew,
  punctual,
  "console-flood": consoleFlood,
  "hypercall-loop": () => hypercallLoop(1_000_000),
  "exit-reboot": () => exitWith(SHUTDOWN.reboot),
  "exit-7": () => exitWith(7),
  "crash-null-handler": crashNullHandler,
  "crash-bad-stack": crashBadStack,
  "crash-iret-ring0": crashIretToRing0,
  "crash-panic": crashPanic,
};
