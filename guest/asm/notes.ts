// ELF notes that tell the domain builder what it is loading (public/elfnote.h).

import { emitWord } from "./data.ts";
import { unit } from "./unit.ts";
import type { Given } from "./values.ts";

export const NOTE = {
  ENTRY: 1,
  HYPERCALL_PAGE: 2,
  VIRT_BASE: 3,
  PADDR_OFFSET: 4,
  XEN_VERSION: 5,
  GUEST_OS: 6,
  GUEST_VERSION: 7,
  LOADER: 8,
  PAE_MODE: 9,
  FEATURES: 10,
  HV_START_LOW: 12,
  SUPPORTED_FEATURES: 17,
} as const;

const encoder = new TextEncoder();

function header(type: number, size: number): void {
  for (const word of [4, size, type]) emitWord(word);
  unit().section.bytes(encoder.encode("Xen\0"));
}

/** A note holding a number or an address. */
export function noteNumber(type: number, value: Given): void {
  unit().within("note", () => {
    header(type, 4);
    emitWord(value);
  });
}

/** A note holding a string. */
export function noteText(type: number, text: string): void {
  unit().within("note", () => {
    const bytes = encoder.encode(text + "\0");
    header(type, bytes.length);
    unit().section.bytes(bytes);
    unit().section.align(4);
  });
}
