// Bytes, and strings that end with a NUL.

import {
  asm,
  code,
  dword,
  eax,
  ecx,
  edi,
  esi,
  esp,
  fn,
  forever,
  if_,
  local,
  ret,
  u8,
  while_,
} from "../asm/mod.ts";

/** (to, from, length): copies bytes. */
export const copy = code("copy", () => {
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
});

/** (address, bytes): zeroes, a multiple of 4. */
export const clear_words = code("clear_words", () => {
  asm.push(edi);
  asm.mov(edi, dword(esp, 8));
  asm.mov(ecx, dword(esp, 12));
  asm.shr(ecx, 2);
  asm.xor(eax, eax);
  asm.cld();
  asm.stosd("rep");
  asm.pop(edi);
  asm.ret();
});

/** (text): its length. */
export const length_of = fn("length_of", (text) => {
  const n = local(0);
  while_(() => u8.at(text.plus(n)).ne(0), () => n.inc());
  ret(n);
});

/** (text, word): the address behind `word` if the text is it or goes on with a blank, else 0. */
export const after_word = fn("after_word", (text, word) => {
  forever(() => {
    if_(u8.at(word).eq(0), () => {
      if_(u8.at(text).eq(0), () => ret(text));
      if_(u8.at(text).eq(0x20), () => {
        while_(() => u8.at(text).eq(0x20), () => text.inc());
        ret(text);
      });
      ret(0);
    });
    if_(u8.at(text).ne(u8.at(word)), () => ret(0));
    text.inc();
    word.inc();
  });
});

/** (a, b): 1 if the strings are equal. */
export const same = fn("same", (a, b) => {
  while_(() => u8.at(a).eq(u8.at(b)), () => {
    if_(u8.at(a).eq(0), () => ret(1));
    a.inc();
    b.inc();
  });
  ret(0);
});
