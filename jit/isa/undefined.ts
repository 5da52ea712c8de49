/**
 * Flags that the manual leaves undefined and processors do not: where AMD's (an EPYC of family 19h, by tests/oracle)
 * keep to one rule, we follow it. docs/instructions.md prints the rules.
 */
export interface Rule {
  /** Of the rows. */
  names: string[];
  /** In FLAG_LETTERS. */
  flags: string;
  rule: string;
}

export const RULES: readonly Rule[] = [
  { names: ["and", "or", "xor", "test"], flags: "a", rule: "AF clear." },
  {
    names: ["rol", "ror", "rcl", "rcr"],
    flags: "o",
    rule: "OF by the rule for a count of one, whatever the count.",
  },
  {
    names: ["shl", "shr", "sar"],
    flags: "oac",
    rule:
      "OF by the rule for a count of one, but clear for SHR; AF set; CF clear beyond the operand's width.",
  },
  {
    names: ["shld"],
    flags: "oszapc",
    rule:
      "OF is CF exclusive-or the top bit of the destination shifted alone; AF set. With 16 bits and a " +
      "count above 16, the source is what follows itself in the result, and CF is clear.",
  },
  {
    names: ["shrd"],
    flags: "oszapc",
    rule:
      "OF is the exclusive-or of the result's two top bits; AF set. With 16 bits and a count above 16, " +
      "the source is what follows itself in the result, and CF is clear.",
  },
  {
    names: ["mul", "imul1", "imul2", "imul3"],
    flags: "szap",
    rule: "SF ZF AF PF stay as they were.",
  },
  { names: ["bt", "bts", "btr", "btc"], flags: "osap", rule: "All but CF stay as they were." },
  {
    names: ["bsf", "bsr"],
    flags: "osapc",
    rule: "OF SF AF CF clear; PF of the index found, set if the source is zero.",
  },
  {
    names: ["div", "idiv"],
    flags: "oszapc",
    rule: "SF ZF PF clear, AF set, CF and OF as they were.",
  },
  { names: ["aam"], flags: "oac", rule: "OF AF CF clear." },
  { names: ["aad"], flags: "oac", rule: "As the addition of AH times the base to AL leaves them." },
  {
    names: ["aaa", "aas"],
    flags: "oszp",
    rule: "As the addition of 106H (or nothing) to AX, or its subtraction, leaves them.",
  },
  {
    names: ["daa", "das"],
    flags: "o",
    rule: "OF as the addition or subtraction of the whole correction leaves it.",
  },
];

/** Flags of RULES by instruction name. */
export const FOLLOWED: Record<string, string> = Object.fromEntries(
  RULES.flatMap(({ names, flags }) => names.map((n) => [n, flags])),
);
