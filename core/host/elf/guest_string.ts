/**
 * The `__xen_guest` section, which older guests carry instead of notes: KEY=VALUE between commas.
 * Rules: pv-abi §1.3; Xen: common/libelf/libelf-dominfo.c.
 */
import { parseFeatures } from "./features.ts";
import type { ElfHeader } from "./header.ts";
import { emptyParameters, type GuestParameters } from "./parameters.ts";
import type { Reader } from "./reader.ts";

const NAME_LENGTH = 31;
const VALUE_LENGTH = 127;
const U64 = (1n << 64n) - 1n;

/**
 * Reads the section.
 *
 * @returns undefined when the image has none
 * @throws ImageError when the string has no end, or requires what is unknown
 */
export function readGuestString(file: Reader, header: ElfHeader): GuestParameters | undefined {
  const section = header.sections.find((s) => s.name === "__xen_guest");
  if (!section) return undefined;
  const p = emptyParameters("__xen_guest");
  const text = file.string(section.offset, "the __xen_guest string");
  for (const [name, value] of pairs(text)) readPair(name, value, p);
  if (p.hypercallPage !== undefined) {
    // Here it is a page number counted from VIRT_BASE.
    p.hypercallPage = ((p.hypercallPage << 12n) + (p.virtBase ?? 0n)) & U64;
  }
  return p;
}

/**
 * Splits the string. A name ends at 31 characters and a value at 127; what is left over begins the
 * next name, so that an overlong entry becomes garbage and not a longer buffer.
 */
function* pairs(text: string): Generator<[string, string]> {
  let at = 0;
  const take = (limit: number, ends: string): [string, string] => {
    const start = at;
    while (at < text.length && at - start < limit && !ends.includes(text[at])) at++;
    const part = text.slice(start, at);
    const end = at < text.length && at - start < limit ? text[at++] : "";
    return [part, end];
  };
  while (at < text.length) {
    const [name, end] = take(NAME_LENGTH, ",=");
    yield [name, end === "=" ? take(VALUE_LENGTH, ",")[0] : ""];
  }
}

function readPair(name: string, value: string, p: GuestParameters): void {
  switch (name) {
    case "LOADER":
      p.loader = value;
      break;
    case "GUEST_OS":
      p.guestOs = value;
      break;
    case "GUEST_VER":
      p.guestVersion = value;
      break;
    case "XEN_VER":
      p.xenVersion = value;
      break;
    case "PAE":
      if (value === "yes[extended-cr3]") p.pae = "extended";
      else if (value.startsWith("yes")) p.pae = "plain";
      break;
    case "BSD_SYMTAB":
      p.bsdSymtab = true;
      break;
    case "VIRT_BASE":
      p.virtBase = parseNumber(value);
      break;
    case "VIRT_ENTRY":
      p.entry = parseNumber(value);
      break;
    case "ELF_PADDR_OFFSET":
      p.paddrOffset = parseNumber(value);
      break;
    case "HYPERCALL_PAGE":
      p.hypercallPage = parseNumber(value);
      break;
    case "FEATURES":
      parseFeatures(value, p);
      break;
  }
}

/**
 * C's strtoull with base 0: blanks, a sign, then 0x… or 0… or decimal digits up to the first other
 * character; no digits give 0, too many the greatest number.
 */
export function parseNumber(text: string): bigint {
  const [, sign, body] = /^[ \t\n\v\f\r]*([+-]?)(.*)$/s.exec(text)!;
  let digits: string;
  if (/^0x[0-9a-f]/i.test(body)) digits = /^0x[0-9a-f]+/i.exec(body)![0];
  else if (body.startsWith("0")) digits = "0o0" + /^[0-7]+/.exec(body)![0];
  else digits = /^[0-9]*/.exec(body)![0];
  const value = BigInt(digits);
  if (value > U64) return U64;
  return sign === "-" ? BigInt.asUintN(64, -value) : value;
}
