// Printing. `print` is a template tag: the text becomes string constants and each value a call,
// so a line of output is a line of source.
//
//   print`${dec(n)} pages at ${hex(address)}\n`;

import { console_notify, put_char } from "./console.ts";
import {
  array,
  fn,
  forever,
  global,
  if_,
  local,
  localOf,
  ret,
  u32,
  u8,
  while_,
} from "../asm/mod.ts";
import type { Given, Place } from "../asm/mod.ts";

/** Where printed characters go instead of the console, and the end of the room there; 0 for the console. */
const capturedTo = global("print_captured_to", u32), captureEnd = global("print_capture_end", u32);

/**
 * Has what is printed written to memory for a while.
 *
 * @param to its address
 * @param size bytes of room: what does not fit is dropped
 * @returns how many bytes were printed
 */
export function capture(to: Given, size: Given, body: () => void): Place {
  const from = local(to);
  capturedTo.set(from);
  captureEnd.set(from.plus(size));
  body();
  const length = local(capturedTo.minus(from));
  capturedTo.set(0);
  return length;
}

/** One character, to where they go. */
const put_one = fn("print_char", (c) => {
  if_(capturedTo.eq(0), () => {
    put_char(c);
    ret();
  });
  if_(capturedTo.lt(captureEnd), () => {
    u8.at(capturedTo).set(c);
    capturedTo.inc();
  });
});

/** Prints a string; on the console a line's end becomes CR LF and wakes the reader. */
export const put_text = fn("put_text", (text) => {
  forever(() => {
    const c = local(u8.at(text));
    if_(c.eq(0), () => ret());
    if_(c.eq(10).both(() => capturedTo.eq(0)), () => {
      put_char(13);
      put_char(10);
      console_notify();
    }, () => put_one(c));
    text.inc();
  });
});

export const put_dec = fn("put_dec", (n) => {
  const digits = localOf(array(u8, 12));
  const at = local(11);
  digits.at(11).set(0);
  forever(() => {
    at.dec();
    digits.at(at).set(n.mod(10).plus(0x30));
    n.set(n.over(10));
    if_(n.eq(0), () => {
      put_text(digits.at(at).address);
      ret();
    });
  });
});

export const put_hex = fn("put_hex", (n, width) => {
  const shift = local(width.times(4));
  while_(() => shift.ne(0), () => {
    shift.take(4);
    const digit = local(n.shr(shift).and(15));
    if_(digit.ge(10), () => digit.add(0x27));
    put_one(digit.plus(0x30));
  });
});

/** Something `print` can show. */
export type Printable = { show: () => void };

/** An unsigned number in decimal. */
export const dec = (n: Given): Printable => ({ show: () => void put_dec(n) });
/** A number in hexadecimal, with `width` digits. */
export const hex = (n: Given, width = 8): Printable => ({ show: () => void put_hex(n, width) });
/** A NUL-terminated string, or one of two by a condition. */
export const text = (address: Given): Printable => ({ show: () => void put_text(address) });
/** One character. */
export const char = (c: Given): Printable => ({ show: () => void put_one(c) });

export function print(strings: TemplateStringsArray, ...values: Printable[]): void {
  strings.forEach((s, i) => {
    if (s !== "") put_text(s);
    values[i]?.show();
  });
}
