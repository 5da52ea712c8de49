// The list of commands on the kernel's command line. Commands are parted by `;`, words by blanks;
// between quotes of either kind both are plain characters. `> FILE` sends the output to a file.

import { array, break_, fn, forever, global, if_, local, ret, u32, u8 } from "../asm/mod.ts";
import type { Given, Value } from "../asm/mod.ts";
import { startInfo } from "../kernel/state.ts";

const WORDS = 48, TEXT = 1200;
const words = global("words", array(u32, WORDS));
const text = global("words_text", array(u8, TEXT));
export const argumentCount = global("argument_count", u32);
/** The file for standard output, or 0. */
export const outputPath = global("output_path", u32);
/** Address of a word of the command. */
export const argumentText = (i: Given): Value => words.at(i);

/** Where in the list the next command begins; 0 at first. */
const at = global("commands_at", u32);
/** Where the command that was taken last begins and ends in the list. */
export const commandStart = global("command_start", u32), commandEnd = global("command_end", u32);

const BLANK = 0x20, SEMICOLON = 0x3b, GREATER = 0x3e, SINGLE = 0x27, DOUBLE = 0x22;

/** (to): one word from the list to an address, with its NUL; the address behind that. */
const take_word = fn("take_word_of_list", (to) => {
  const quote = local(0);
  forever(() => {
    const c = local(u8.at(at));
    if_(c.eq(0), () => break_());
    if_(quote.eq(0), () => {
      if_(c.eq(BLANK).either(() => c.eq(SEMICOLON)).either(() => c.eq(GREATER)), () => break_());
    });
    at.inc();
    if_(quote.eq(0).both(() => c.eq(SINGLE).either(() => c.eq(DOUBLE))), () => {
      quote.set(c);
    }, () => {
      if_(c.eq(quote), () => quote.set(0), () => {
        u8.at(to).set(c);
        to.inc();
      });
    });
  });
  u8.at(to).set(0);
  ret(to.plus(1));
});

/** Takes the next command apart; 1, or 0 when there is none. */
export const next_command = fn("next_command", () => {
  if_(at.eq(0), () => at.set(startInfo.cmd_line.address));
  argumentCount.set(0);
  outputPath.set(0);
  const to = local(text.address), redirect = local(0);
  forever(() => {
    const c = local(u8.at(at));
    if_(c.eq(0), () => break_());
    if_(c.eq(BLANK).either(() => c.eq(GREATER)), () => {
      if_(c.eq(GREATER), () => redirect.set(1));
      at.inc();
    }, () => {
      if_(c.eq(SEMICOLON), () => {
        at.inc();
        // Nothing between two semicolons is no command.
        if_(argumentCount.ne(0), () => ret(1));
      }, () => {
        if_(argumentCount.eq(0), () => commandStart.set(at));
        if_(redirect.ne(0), () => outputPath.set(to), () => {
          if_(argumentCount.eq(WORDS), () => ret(0));
          words.at(argumentCount).set(to);
          argumentCount.inc();
        });
        redirect.set(0);
        to.set(take_word(to));
        commandEnd.set(at);
      });
    });
  });
  ret(argumentCount.ne(0));
});
