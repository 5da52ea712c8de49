// Editing a line on a terminal: arrows, Home and End, Backspace and Delete, ^A ^E ^U ^K, and lines
// typed before with the arrows up and down.

import {
  array,
  asm,
  code,
  dword,
  ecx,
  edi,
  esi,
  esp,
  fn,
  for_,
  forever,
  if_,
  local,
  ret,
  u32,
  u8,
  while_,
} from "../../asm/mod.ts";
import { flush, out, put, sys, text, user, userVariable } from "./lib.ts";

const LINE = 256, HISTORY = 16;
/** The line, with a NUL behind it. */
export const line = userVariable(array(u8, LINE));
const length = userVariable(u32), cursor = userVariable(u32);
const history = userVariable(array(u8, LINE * HISTORY));
/** Lines remembered so far, and the one shown. */
const lines = userVariable(u32), shown = userVariable(u32);
const key = userVariable(u8);

/** (to, from, bytes): the ranges may overlap. */
const move_up = fn("u_move_up", (to, from, bytes) => {
  while_(() => bytes.ne(0), () => {
    bytes.dec();
    u8.at(to.plus(bytes)).set(u8.at(from.plus(bytes)));
  });
}, user);
const move_down = code("u_move_down", () => {
  asm.push(esi);
  asm.push(edi);
  asm.mov(edi, dword(esp, 12));
  asm.mov(esi, dword(esp, 16));
  asm.mov(ecx, dword(esp, 20));
  asm.cld();
  asm.movsb("rep");
  asm.pop(edi);
  asm.pop(esi);
  asm.ret();
}, user);

const CLEAR_REST = "\x1b[K";

/** Shows the line anew, the cursor in its place. */
const redraw = fn("u_redraw", () => {
  line.at(length).set(0);
  out`\rskiff> ${text(line.address)}${text(CLEAR_REST)}`;
  for_(cursor, length, (_i) => void put(8));
}, user);

const insert = fn("u_insert", (c) => {
  if_(length.ge(LINE - 1), () => ret());
  move_up(line.at(cursor.plus(1)).address, line.at(cursor).address, length.minus(cursor));
  line.at(cursor).set(c);
  cursor.inc();
  length.inc();
  if_(cursor.eq(length), () => void put(c), () => void redraw());
}, user);

/** Takes away the character before the cursor. */
const rub_out = fn("u_rub_out", () => {
  if_(cursor.eq(0), () => ret());
  move_down(line.at(cursor.minus(1)).address, line.at(cursor).address, length.minus(cursor));
  cursor.dec();
  length.dec();
  if_(cursor.eq(length), () => out`\b \b`, () => void redraw());
}, user);

const oldLine = (n: Parameters<typeof history.at>[0]) =>
  history.at(local(n).mod(HISTORY).times(LINE)).address;

/** (n): puts a line that was typed before in place, an empty one if there is none. */
const show_old = fn("u_show_old", (n) => {
  if_(n.gt(lines).either(() => n.plus(HISTORY).lt(lines)), () => ret());
  shown.set(n);
  length.set(0);
  if_(n.lt(lines), () => {
    move_down(line.address, oldLine(n), LINE);
    while_(() => line.at(length).ne(0), () => length.inc());
  });
  cursor.set(length);
  redraw();
}, user);

/** The next key; 0 when there is none. */
const next_key = fn("u_next_key", () => {
  flush();
  if_(sys("read", 0, key.address, 1).ne(1), () => ret(0));
  ret(key);
}, user);

const to_cursor = (place: () => void) => {
  place();
  redraw();
};

/** What follows ESC: the cursor keys. */
const escape = fn("u_escape", () => {
  next_key();
  const c = local(next_key());
  const on = (letter: string, body: () => void) =>
    if_(c.eq(letter.charCodeAt(0)), () => {
      body();
      ret();
    });
  on("A", () => if_(shown.ne(0), () => void show_old(shown.minus(1))));
  on("B", () => if_(shown.lt(lines), () => void show_old(shown.plus(1))));
  on("C", () => to_cursor(() => if_(cursor.lt(length), () => cursor.inc())));
  on("D", () => to_cursor(() => if_(cursor.ne(0), () => cursor.dec())));
  on("H", () => to_cursor(() => cursor.set(0)));
  on("F", () => to_cursor(() => cursor.set(length)));
  on("3", () => {
    next_key(); // the ~ of Delete
    if_(cursor.lt(length), () => {
      cursor.inc();
      rub_out();
    });
  });
}, user);

/** Remembers the line, unless it is empty. */
const remember = fn("u_remember", () => {
  if_(length.eq(0), () => ret());
  move_down(oldLine(lines), line.address, LINE);
  lines.inc();
}, user);

const CONTROL = (letter: string) => letter.charCodeAt(0) - 64;
const ESCAPE = 27;

/** Reads a line into `line`. */
export const read_line = fn("u_read_line", () => {
  length.set(0);
  cursor.set(0);
  shown.set(lines);
  forever(() => {
    const c = local(next_key());
    if_(c.eq(13).either(() => c.eq(10)), () => {
      line.at(length).set(0);
      remember();
      out`\n`;
      flush();
      ret();
    });
    if_(c.ge(32).both(() => c.ne(127)), () => void insert(c));
    if_(c.eq(8).either(() => c.eq(127)), () => void rub_out());
    if_(c.eq(ESCAPE), () => void escape());
    if_(c.eq(CONTROL("A")), () => to_cursor(() => cursor.set(0)));
    if_(c.eq(CONTROL("E")), () => to_cursor(() => cursor.set(length)));
    if_(c.eq(CONTROL("K")), () => to_cursor(() => length.set(cursor)));
    if_(c.eq(CONTROL("U")).either(() => c.eq(CONTROL("C"))), () => {
      length.set(0);
      cursor.set(0);
      redraw();
    });
  });
}, user);
