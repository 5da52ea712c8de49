/** docs/instructions.md from the instruction table: `deno task docs` writes it, a test compares it. */
import { isMemory } from "./operands.ts";
import { NOTES } from "./notes.ts";
import { FLAG_LETTERS, type Row } from "./rows.ts";
import { TABLE } from "./table.ts";
import { FOLLOWED, RULES } from "./undefined.ts";

/** How often the oracle tries a row's forms in a test run, or why it does not. */
export type CasesOf = (row: Row) => { cases: number; long: number; why: string };

/** What the tests know of how the instructions were compared with processors. */
export interface Proof {
  casesOf: CasesOf;
  /** Cases of a form, by the kind of code it stands in. */
  perForm: [kind: string, cases: number][];
  /** The recording that hosts without an x86 processor test against: of what, and how many cases. */
  recordings: [processor: string, cases: number][];
  /** Functions that are not bit for bit the recorded processor's. */
  approximate: { name: string; cases: number; exact: number; apart: number }[];
  /** Why a difference may mean nothing. */
  variances: readonly string[];
  /** Instructions with forms that are not compared, by reason. */
  leftOut: [why: string, instructions: string[]][];
}

const MAPS = ["", "0f ", "0f 38 ", "0f 3a "];

/** Who does an instruction that is no short sequence of the interpreter's. */
const DONE_BY: Record<string, string> = {
  insn_privileged: "emulated as Xen does",
  insn_io: "emulated as Xen does",
  insn_int: "traps/",
  insn_int3: "traps/",
  insn_into: "traps/",
  insn_int1: "traps/",
  insn_iret: "traps/",
  insn_ud: "traps/",
  insn_cpuid: "traps/",
  insn_rdtsc: "traps/",
  insn_rdtscp: "traps/",
};

/** An opcode as the manual writes it. */
function opcode(row: Row): string {
  const low = row.plusReg ? "+r" : row.plusCondition ? "+c" : "";
  return MAPS[row.map] + row.opcode.toString(16).padStart(2, "0") + low;
}

/** An opcode as the manual writes it, and the operands. */
function form(row: Row): string {
  const prefix = row.prefix === "" ? "" : row.prefix + " ";
  const reg = row.reg >= 0 ? `/${row.reg}` : "";
  const rm = row.rm >= 0 ? `:${row.rm}` : "";
  const mod = row.mod === "any" ? "" : ` (${row.mod})`;
  const operands = row.operands.length ? " " + row.operands.join(",") : "";
  return `\`${prefix}${opcode(row)}${reg}${rm}${operands}\`${mod}`;
}

function letters(mask: number): string {
  return [...FLAG_LETTERS].filter((_, i) => mask >> i & 1).join("").toUpperCase();
}

/** What may fault: a memory operand, the stack or a string, or the instruction in its own right. */
function faults(row: Row): string[] {
  if (row.slow) return ["own"];
  const out: string[] = [];
  if (row.mod !== "reg" && row.operands.some((o) => isMemory(o) || o[0] === "O")) {
    out.push("operand");
  }
  if (row.implicitMemory) out.push(row.mayFault ? "stack or string" : "limit");
  if (row.mayFault && !row.implicitMemory) out.push("own");
  return out;
}

/** Undefined flags, those in brackets in which we do as the host's processor does. */
function undefinedFlags(rows: readonly Row[]): string {
  const all = letters(rows.reduce((m, row) => m | row.undefinedFlags, 0));
  const followed = (FOLLOWED[rows[0].name] ?? "").toUpperCase();
  const not = [...all].filter((c) => !followed.includes(c)).join("");
  const same = [...all].filter((c) => followed.includes(c)).join("");
  return same ? `${not}(${same})` : not;
}

/**
 * What becomes of an instruction in 64-bit code; nothing if all of it is there, with 32-bit operands, and
 * 64-bit ones by REX.W.
 */
function inLongMode(rows: readonly Row[]): string {
  if (rows.every((row) => row.mode === "i64")) return "no";
  if (rows.every((row) => row.mode === "o64")) return "only there";
  const out = rows.filter((row) => row.mode === "i64").map((row) => `not ${opcode(row)}`);
  if (rows.some((row) => row.long === "d64")) out.push("64 by default");
  if (rows.some((row) => row.long === "f64")) out.push("64 always");
  return out.join(", ");
}

/** Attributes that all rows of an instruction do not share, each once, in order. */
function union(rows: readonly Row[], of: (row: Row) => string[]): string {
  return [...new Set(rows.flatMap(of))].join(", ");
}

function cells(rows: readonly Row[], casesOf: CasesOf): string[] {
  const flags = (of: (row: Row) => number) => letters(rows.reduce((m, row) => m | of(row), 0));
  const counts = rows.map(casesOf);
  const cases = counts.reduce((n, c) => n + c.cases, 0);
  const long = counts.reduce((n, c) => n + c.long, 0);
  const why = [...new Set(counts.map((c) => c.why).filter(Boolean))].join("; ");
  const notes = NOTES.flatMap(({ about }, n) => about.test(rows[0].name) ? [`[${n + 1}]`] : []);
  const name = rows[0].name.replace(/_/g, " ");
  return [
    name,
    rows.map(form).join("<br>"),
    flags((r) => r.writes | r.mayWrite),
    undefinedFlags(rows),
    flags((r) => r.reads),
    rows.some((r) => r.lock) ? "yes" : "",
    inLongMode(rows),
    union(rows, faults),
    union(rows, (r) => r.slow ? [DONE_BY[r.slow] ?? "core"] : []),
    cases ? String(cases) : long ? "" : `none: ${why || "see the notes"}`,
    long ? String(long) : "",
    notes.join(" "),
  ];
}

const HEAD = [
  "instruction",
  "forms",
  "writes",
  "undefined",
  "reads",
  "LOCK",
  "64-bit code",
  "may fault",
  "done by",
  "cases",
  "64-bit cases",
  "notes",
];

const table = (head: string[], rows: string[][]) =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

function share(part: number, of: number): string {
  return part === of ? "all" : `${(100 * part / of).toFixed(1)} %`;
}

/** How it is compared with processors, and what is not. */
function proof({ perForm, recordings, approximate, variances, leftOut }: Proof): string {
  return `## Compared with processors

\`deno task test\` generates cases from the instruction table, runs them on the host's processor and here, and
compares registers, flags, memory, x87 and SSE state, and faults by signal (number, code, address, trap frame).
Values and addresses are corners more often than not. For each form:

${table(["in", "cases"], perForm.map(([kind, n]) => [kind, String(n)]))}

Pairs that share a handler and random sequences, also under TF, come on top. Hosts that run no x86 programs
compare with what processors answered once:

${table(["recorded", "cases"], recordings.map(([name, n]) => [name, String(n)]))}

### Flags that the manual leaves undefined

${
    table(
      ["instruction", "flags", "what we do, as AMD's processors"],
      RULES.map(({ names, flags, rule }) => [names.join(" "), flags.toUpperCase(), rule]),
    )
  }

### Approximate results

The manual bounds these and does not fix them; each processor has its own. Measured against the recording; all
other results are the processor's bit for bit.

${
    table(
      ["instruction", "results", "bit for bit", "the others"],
      approximate.map(({ name, cases, exact, apart }) => [
        name,
        String(cases),
        share(exact, cases),
        exact === cases
          ? ""
          : apart < 0
          ? "within the manual's bound, 1.5 * 2^-12"
          : `${apart} unit in the last place apart`,
      ]),
    )
  }

### Set aside

A difference in one of these says nothing. A run of the tests tells how often each occurred.

${variances.map((v) => `- ${v}`).join("\n")}

Not compared, as a whole or with some operands:

${leftOut.map(([why, names]) => `- ${why}: ${names.join(", ")}`).join("\n")}
`;
}

/** The whole document. */
export function instructionsDocument(known: Proof): string {
  const { casesOf } = known;
  const byName = new Map<string, Row[]>();
  for (const row of TABLE) byName.set(row.name, [...(byName.get(row.name) ?? []), row]);
  const groups = [...byName.values()];
  const counts = TABLE.map(casesOf);
  const total = counts.reduce((n, c) => n + c.cases, 0);
  const long = counts.reduce((n, c) => n + c.long, 0);
  return `<!-- Written by \`deno task docs\` from jit/isa. Do not edit. -->

# Instructions

Every instruction of the table in \`jit/isa\`: ${groups.length} instructions, ${TABLE.length} opcode rows. What stands
here is executed; every other encoding is #UD, and \`tests/decoder/refused.ts\` says why for each kind.
\`tests/isa/coverage_test.ts\` holds decoder and list against iced-x86, opcode by opcode.

Opcodes as in the manual: \`/n\` is ModRM.reg, \`:n\` ModRM.rm, \`+r\` and \`+c\` say that the low bits name a
register or a condition; np, 66, f3 and f2 are mandatory prefixes (np: none). Operands as in \`jit/isa/operands.ts\`.
Flags are O S Z A P C; undefined ones in brackets follow AMD's processors (below). **May fault**: by its memory
operand, by the stack or string operands it implies, by the code segment's limit, or in its own right (divide
error, bounds, #NM, privilege …). **Cases** are those that \`deno task test\` compares with the host's processor:
${total} in 16- and 32-bit code, ${long} in 64-bit code; \`deno task fuzz --what cpu\` goes on from there. What no
process can run natively has hand-derived cases in \`tests/cpu\`. **64-bit code**: what exists only there or not
there (opcodes 40 to 4F are REX prefixes), and which operand size it has if not the usual 32 bits (16 with 66, 64
with REX.W).

${table(HEAD, groups.map((rows) => cells(rows, casesOf)))}

## Notes

${
    NOTES.map(({ text, makersDiffer }, n) =>
      `${n + 1}. ${text}${makersDiffer ? " (Makers differ.)" : ""}`
    ).join("\n")
  }

${proof(known)}`;
}
