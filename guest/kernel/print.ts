// Printing. `print` is a template tag: the text becomes string constants and each value a call,
// so a line of output is a line of source.
//
//   print`${dec(n)} pages at ${hex(address)}\n`;

import { console_notify, put_char } from "./console.ts";
import { array, fn, forever, if_, local, localOf, ret, u8, while_ } from "../asm/mod.ts";
import type { Given } from "../asm/mod.ts";

/** Prints a string; a line's end becomes CR LF and wakes the reader. */
export const put_text = fn("put_text", (text) => {
  forever(() => {
    const c = local(u8.at(text));
    if_(c.eq(0), () => ret());
    if_(c.eq(10), () => {
      put_char(13);
      put_char(10);
      console_notify();
    }, () => put_char(c));
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
    put_char(digit.plus(0x30));
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
export const char = (c: Given): Printable => ({ show: () => void put_char(c) });

export function print(strings: TemplateStringsArray, ...values: Printable[]): void {
  strings.forEach((s, i) => {
    if (s !== "") put_text(s);
    values[i]?.show();
  });
}
