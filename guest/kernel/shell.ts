// A line editor and a few commands on the console.

import { SHUTDOWN } from "../abi/numbers.ts";
import {
  addressOf,
  array,
  break_,
  callPointer,
  fn,
  for_,
  forever,
  global,
  if_,
  local,
  ret,
  table,
  u32,
  u8,
} from "../asm/mod.ts";
import type { Callable } from "../asm/mod.ts";
import { show_map } from "./banner.ts";
import { console_notify, get_char, put_char } from "./console.ts";
import { upcalls } from "./events.ts";
import { show_features } from "./features.ts";
import { freePage, mappedEnd } from "./memory.ts";
import { panic, shutdown } from "./panic.ts";
import { dec, print, text } from "./print.ts";
import { after_word } from "./strings.ts";

const LINE_MAX = 200;
const line = global("line", array(u8, LINE_MAX + 1));
const length = global("line_length", u32);

interface Command {
  name: string;
  help: string;
  run: Callable;
}

const command = (name: string, help: string, body: () => void): Command => ({
  name,
  help,
  run: fn(`command_${name}`, (_rest) => body()),
});

const commands: Command[] = [
  command("help", "what there is", () => void show_help()),
  {
    name: "echo",
    help: "says what follows",
    run: fn("command_echo", (rest) => print`${text(rest)}\n`),
  },
  command("features", "what the hypervisor offers", () => void show_features()),
  command("mem", "memory map", () => {
    show_map();
    print`${dec(mappedEnd.minus(freePage).shr(12))} pages free\n`;
  }),
  command("events", "upcalls so far", () => print`${dec(upcalls)} upcalls\n`),
  command("halt", "power off", () => void shutdown(SHUTDOWN.poweroff)),
  command("reboot", "start again", () => void shutdown(SHUTDOWN.reboot)),
  command("crash", "end with a panic", () => void panic("crash asked for")),
];

/** Three words for each command: name, help, function. */
const commandTable = table(
  "commands",
  () => commands.flatMap((c) => [c.name, c.help, addressOf(c.run.label)]),
);
const entry = (i: ReturnType<typeof local>, word: number) =>
  u32.at(i.times(12).plus(commandTable).plus(word * 4));

const show_help = fn("show_help", () => {
  for_(0, commands.length, (i) => print`  ${text(entry(i, 0))}: ${text(entry(i, 1))}\n`);
});

/** Finds the command that the line begins with and runs it. */
const run_line = fn("run_line", () => {
  if_(length.eq(0), () => ret());
  for_(0, commands.length, (i) => {
    const rest = local(after_word(line.address, entry(i, 0)));
    if_(rest.ne(0), () => {
      callPointer(entry(i, 2), rest);
      ret();
    });
  });
  print`${text(line.address)}: unknown, try help\n`;
});

export const show_prompt = fn("show_prompt", () => {
  print`skiff> `;
  console_notify();
});

/** (character): one key. */
const take_key = fn("take_key", (c) => {
  if_(c.eq(13).either(() => c.eq(10)), () => {
    print`\n`;
    line.at(length).set(0);
    run_line();
    length.set(0);
    show_prompt();
    ret();
  });
  if_(c.eq(8).either(() => c.eq(127)), () => {
    if_(length.ne(0), () => {
      length.dec();
      print`\b \b`;
    });
    ret();
  });
  if_(c.lt(32).either(() => length.ge(LINE_MAX)), () => ret());
  line.at(length).set(c);
  length.inc();
  put_char(c);
});

/** Takes everything that was typed. */
export const shell_poll = fn("shell_poll", () => {
  const keys = local(0);
  forever(() => {
    const c = local(get_char());
    if_(c.eq(-1), () => break_());
    keys.inc();
    take_key(c);
  });
  if_(keys.ne(0), () => void console_notify());
});
