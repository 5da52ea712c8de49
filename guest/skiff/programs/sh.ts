// The shell: reads a line, starts what it names, waits for its end. `a | b` joins two programs by a
// pipe, `a &` does not wait.

import {
  array,
  asm,
  break_,
  fn,
  forever,
  if_,
  local,
  ret,
  u32,
  u8,
  while_,
} from "../../asm/mod.ts";
import { flush, out, program, sys, text, user, userVariable } from "./lib.ts";
import { line, read_line } from "./line_editor.ts";

/** Ends of the pipe being made, and what `waitpid` found. */
const ends = userVariable(array(u32, 2));
const reader = ends.at(0), writer = ends.at(1);
const status = userVariable(u32);

/** (text): its first character that is no blank. */
const skip_blanks = fn("u_skip_blanks", (at) => {
  while_(() => u8.at(at).eq(0x20), () => at.inc());
  ret(at);
}, user);

/** (text, character): cuts the text off at the character; what is behind it, or 0. */
const cut = fn("u_cut", (at, c) => {
  forever(() => {
    if_(u8.at(at).eq(0), () => ret(0));
    if_(u8.at(at).eq(c), () => {
      u8.at(at).set(0);
      ret(at.plus(1));
    });
    at.inc();
  });
}, user);

/** (text): takes the blanks at its end away. */
const trim = fn("u_trim", (at) => {
  const end = local(at);
  while_(() => u8.at(at).ne(0), () => {
    if_(u8.at(at).ne(0x20), () => end.set(at.plus(1)));
    at.inc();
  });
  u8.at(end).set(0);
}, user);

/** (from, to): makes descriptor `to` lead where `from` does, and closes `from`. */
const move_fd = fn("u_move_fd", (from, to) => {
  if_(from.eq(to), () => ret());
  sys("dup2", from, to);
  sys("close", from);
}, user);

/** (command, input, output, unused): starts one program with these descriptors; its pid. */
const start = fn("u_start", (command, input, output, unused) => {
  flush();
  const pid = local(sys("fork"));
  if_(pid.ne(0), () => ret(pid));
  if_(unused.ne(-1), () => void sys("close", unused));
  move_fd(input, 0);
  move_fd(output, 1);
  sys("exec", command);
  cut(command, 0x20);
  out`${text(command)}: unknown, try help\n`;
  flush();
  sys("exit", 127);
}, user);

/** (line): runs what is on it. */
const run_line = fn("u_run_line", (at) => {
  const background = local(cut(at, 0x26));
  const input = local(0), last = local(0);
  forever(() => {
    const rest = local(cut(at, 0x7c));
    at.set(skip_blanks(at));
    trim(at);
    if_(u8.at(at).eq(0), () => break_());
    if_(rest.eq(0), () => {
      last.set(start(at, input, 1, -1));
    }, () => {
      sys("pipe", ends.address);
      last.set(start(at, input, writer, reader));
      sys("close", writer);
    });
    if_(input.ne(0), () => void sys("close", input));
    input.set(reader);
    if_(rest.eq(0), () => {
      input.set(0);
      break_();
    });
    at.set(rest);
  });
  if_(input.ne(0), () => void sys("close", input));
  if_(last.eq(0).either(() => background.ne(0)).either(() => last.isNegative()), () => ret());
  sys("foreground", last);
  sys("waitpid", last, status.address, 0);
  sys("foreground", 0);
}, user);

export const shell = program("sh", "", () => {
  forever(() => {
    // Whoever has ended in the background.
    while_(() => sys("waitpid", -1, 0, 1).minus(1).isNegative().not(), () => asm.nop());
    out`skiff> `;
    flush();
    read_line();
    run_line(line.address);
  });
});
