/**
 * The instruction table's row: what the decoder, the interpreter, the translator, the tests and the
 * documentation know of one instruction form.
 */

/** Arithmetic flags as one bit each, in the order of the letters `oszapc`. */
export const FLAG_LETTERS = "oszapc";

/** One instruction form: an opcode with its operands. */
export interface Row {
  /** Opcode map: 0 one byte, 1 after 0F, 2 after 0F 38, 3 after 0F 3A. */
  map: number;
  opcode: number;
  /** Opcode's low three bits name a register: the row stands for eight opcodes. */
  plusReg: boolean;
  /** ModRM.reg that selects this row, or -1. */
  reg: number;
  /** ModRM.rm that selects this row (with mod = 3), or -1. */
  rm: number;
  /** Which ModRM.mod: "any", "mem" or "reg". */
  mod: "any" | "mem" | "reg";
  /** Mandatory prefix: "" (any), "np", "66", "f3", "f2". */
  prefix: "" | "np" | "66" | "f3" | "f2";
  /** Name of the meaning in jit/semantics. */
  name: string;
  /** Operands in Intel's notation (see operands.ts). */
  operands: string[];
  /** Flags always written, possibly written, left undefined, read (masks over FLAG_LETTERS). */
  writes: number;
  mayWrite: number;
  undefinedFlags: number;
  reads: number;
  /** LOCK may precede the memory form. */
  lock: boolean;
  /** Nothing after it belongs to the same block. */
  ends: boolean;
  /** A variant without flags exists, for where they are dead. */
  noFlags: boolean;
  /** Works on the stack, on string operands or on EIP, so has a form for non-flat segments of its own. */
  implicitMemory: boolean;
  /** May fault even with register operands. */
  mayFault: boolean;
  /** A vector instruction common enough for a handler for each form of address. */
  common: boolean;
  /** The core's export that does it all, or "". */
  slow: string;
  /** Not valid in 64-bit mode / only valid there. */
  mode: "" | "i64" | "o64";
  /**
   * Operand size in 64-bit mode: "" 32 bits, 64 with REX.W; "d64" 64 bits, 16 with prefix 66; "f64"
   * 64 bits whatever prefixes say (near branches: Intel's rule, AMD's processors heed 66).
   */
  long: "" | "d64" | "f64";
  /** Extra condition given to the meaning (condition code, segment register, immediate variant). */
  arg: number;
  /** Whether the condition code is in the opcode's low four bits (row stands for sixteen opcodes). */
  plusCondition: boolean;
}

function mask(letters: string): number {
  let m = 0;
  for (const c of letters) {
    const i = FLAG_LETTERS.indexOf(c);
    if (i < 0) throw new Error(`flag letter ${c} in ${letters}`);
    m |= 1 << i;
  }
  return m;
}

/**
 * Parses one line of the table: `opcode name operands attribute…`.
 *
 * The opcode is hexadecimal with `0f`, `0f38` or `0f3a` in front; `+r` and `+c` say that its low bits
 * name a register or a condition; `/n` is ModRM.reg, `:n` ModRM.rm. Attributes: `w=` `m=` `u=` `r=`
 * flags written, maybe written, undefined, read; `lock ends nf stack near fault common mem reg np 66
 * f3 f2 i64 o64 d64 f64`; `slow=export`; `arg=n`.
 */
export function parseRow(line: string): Row {
  const [op, name, operands = "-", ...attributes] = line.trim().split(/\s+/);
  const m = /^(0f38|0f3a|0f)?([0-9a-f]{2})(\+r|\+c)?(?:\/([0-7]))?(?::([0-7]))?$/.exec(op);
  if (!m) throw new Error(`instruction table: ${line}`);
  const row: Row = {
    map: m[1] === undefined ? 0 : m[1] === "0f" ? 1 : m[1] === "0f38" ? 2 : 3,
    opcode: parseInt(m[2], 16),
    plusReg: m[3] === "+r",
    plusCondition: m[3] === "+c",
    reg: m[4] === undefined ? -1 : Number(m[4]),
    rm: m[5] === undefined ? -1 : Number(m[5]),
    mod: "any",
    prefix: "",
    name,
    operands: operands === "-" ? [] : operands.split(","),
    writes: 0,
    mayWrite: 0,
    undefinedFlags: 0,
    reads: 0,
    lock: false,
    ends: false,
    noFlags: false,
    implicitMemory: false,
    mayFault: false,
    common: false,
    slow: "",
    mode: "",
    long: "",
    arg: 0,
  };
  for (const a of attributes) {
    const [key, value = ""] = a.split("=");
    switch (key) {
      case "w":
        row.writes = mask(value);
        break;
      case "m":
        row.mayWrite = mask(value);
        break;
      case "u":
        row.undefinedFlags = mask(value);
        break;
      case "r":
        row.reads = mask(value);
        break;
      case "lock":
        row.lock = true;
        break;
      case "ends":
        row.ends = true;
        break;
      case "nf":
        row.noFlags = true;
        break;
      case "common":
        row.common = true;
        break;
      case "stack":
        row.implicitMemory = true;
        row.mayFault = true;
        break;
      case "near":
        row.implicitMemory = true;
        break;
      case "fault":
        row.mayFault = true;
        break;
      case "mem":
      case "reg":
        row.mod = key;
        break;
      case "np":
      case "66":
      case "f3":
      case "f2":
        row.prefix = key;
        break;
      case "i64":
      case "o64":
        row.mode = key;
        break;
      case "d64":
      case "f64":
        row.long = key;
        break;
      case "slow":
        row.slow = value;
        row.ends = true;
        break;
      case "arg":
        row.arg = Number(value);
        break;
      default:
        throw new Error(`instruction table: attribute ${a} in ${line}`);
    }
  }
  return row;
}
