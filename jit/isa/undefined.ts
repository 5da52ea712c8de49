/**
 * Flags that the manual leaves undefined and processors do not: where the host's result was the same rule
 * every time (measured on AMD's EPYC), we follow it. By instruction name, in FLAG_LETTERS.
 */
const SHIFT = "oac";

export const FOLLOWED: Record<string, string> = {
  // AF clear
  ...each("a", ["and", "or", "xor", "test"]),
  // OF as if the count were one, but for SHR, where it is clear; AF set; CF clear beyond the width
  ...each("o", ["rol", "ror", "rcl", "rcr"]),
  ...each(SHIFT, ["shl", "shr", "sar"]),
  ...each("a", ["shld", "shrd"]),
  // as they were
  ...each("szap", ["mul", "imul1", "imul2", "imul3"]),
  ...each("osap", ["bt", "bts", "btr", "btc"]),
  // SF ZF PF clear, AF set, CF and OF as they were
  ...each("oszapc", ["div", "idiv"]),
  ...each("oac", ["aam"]),
};

function each(letters: string, names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((n) => [n, letters]));
}
