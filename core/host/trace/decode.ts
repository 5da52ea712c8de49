/**
 * What the arguments of a hypercall mean: names for sub-operations, and the contents of the
 * structures that arguments point to. Layouts: Xen public headers, 32-bit.
 */
import {
  argumentCount,
  CALLBACK,
  CALLBACK_TYPE,
  domainName,
  EVENT_CHANNEL,
  GRANT_TABLE,
  hex,
  MEMORY,
  MMUEXT,
  named,
  PHYSDEV,
  SCHED,
  SHUTDOWN_REASON,
  VCPU,
  VIRQ,
  VM_ASSIST,
  XEN_VERSION,
} from "./names.ts";

/** Reads a word of guest memory; null where nothing is mapped. */
export type WordReader = (address: number) => number | null;

/** Entries of a list that are shown. */
const LIST_MAX = 4;

/** A hypercall's arguments with the guest's memory behind them. */
class Call {
  constructor(readonly args: readonly number[], private readonly reader: WordReader) {}

  /** A word of the structure at `pointer`; 0 where nothing is mapped. */
  word(pointer: number, offset = 0): number {
    return this.reader((pointer + offset) >>> 0) ?? 0;
  }

  mapped(pointer: number): boolean {
    return this.reader(pointer) !== null;
  }

  /** 64 bits as hexadecimal digits. */
  wide(pointer: number, offset = 0): string {
    return wide(this.word(pointer, offset), this.word(pointer, offset + 4));
  }

  /** A list of structures, the first few of them. */
  list(pointer: number, count: number, size: number, show: (at: number) => string): string {
    if (count === 0) return "[]";
    if (!this.mapped(pointer)) return `${hex(pointer)} (not mapped), ${count}`;
    const shown = [];
    for (let i = 0; i < Math.min(count, LIST_MAX); i++) shown.push(show(pointer + i * size));
    if (count > LIST_MAX) shown.push(`… ${count} in all`);
    return `[${shown.join(", ")}]`;
  }
}

function wide(low: number, high: number): string {
  return `0x${(BigInt(high >>> 0) << 32n | BigInt(low >>> 0)).toString(16)}`;
}

type Show = (c: Call) => string;

function eventChannel(c: Call, op: number, p: number): string {
  const name = named(EVENT_CHANNEL, op);
  switch (op) {
    case 0:
      return `${name}, remote ${domainName(c.word(p))} port ${c.word(p, 4)}`;
    case 1:
      return `${name}, ${named(VIRQ, c.word(p))} on v${c.word(p, 4)}`;
    case 3:
    case 4:
    case 9:
      return `${name}, port ${c.word(p)}`;
    case 5:
      return `${name}, ${domainName(c.word(p))} port ${c.word(p, 4)}`;
    case 6: {
      const both = c.word(p);
      return `${name}, ${domainName(both)} remote ${domainName(both >>> 16)}`;
    }
    case 7:
      return `${name}, v${c.word(p)}`;
    case 8:
      return `${name}, port ${c.word(p)} to v${c.word(p, 4)}`;
    case 10:
      return `${name}, ${domainName(c.word(p))}`;
    default:
      return `${name}, ${hex(p)}`;
  }
}

function mmuext(c: Call, at: number): string {
  const op = c.word(at);
  const name = named(MMUEXT, op);
  const [a, b] = [c.word(at, 4), c.word(at, 8)];
  if (op <= 5 || op === 15 || op === 16) return `${name} mfn ${hex(a)}`;
  if (op === 7 || op === 9 || op === 11) return `${name} ${hex(a)}`;
  if (op === 13) return `${name} ${hex(a)} entries ${b}`;
  if (op === 17) return `${name} mfn ${hex(b)} to mfn ${hex(a)}`;
  return name;
}

function schedule(c: Call, op: number, p: number): string {
  const name = named(SCHED, op);
  if (op === 2) return `${name}, ${named(SHUTDOWN_REASON, c.word(p))}`;
  if (op === 3) return `${name}, ${c.word(p, 4)} ports until ${c.wide(p, 8)}`;
  if (op === 6) return `${name}, id ${c.word(p)} ${c.word(p, 4)} s`;
  return op < 2 ? name : `${name}, ${hex(p)}`;
}

const FLUSH = ["", "tlb_flush", "invlpg"];

function flushName(flags: number): string {
  const kind = FLUSH[flags & 3];
  return kind ? `, ${kind}` : "";
}

const SHOW: Record<number, Show> = {
  0: (c) =>
    c.args[0] === 0
      ? "NULL"
      : `${hex(c.args[0])} (vector ${c.word(c.args[0]) & 0xff} at ${
        hex(c.word(c.args[0]) >>> 16)
      }:${hex(c.word(c.args[0], 4))}, …)`,
  1: (c) => {
    const updates = c.list(c.args[0], c.args[1], 16, (at) => {
      const low = c.word(at);
      const what = ["", "machphys ", "preserve_ad "][low & 3] ?? `cmd ${low & 3} `;
      return `${what}${wide(low & ~3, c.word(at, 4))} := ${c.wide(at, 8)}`;
    });
    return `${updates}, ${domainName(c.args[3])}`;
  },
  2: (c) =>
    `${c.list(c.args[0], Math.ceil(c.args[1] / 512), 4, (at) => `mfn ${hex(c.word(at))}`)}, ${
      c.args[1]
    } entries`,
  3: (c) => `${hex(c.args[0])}:${hex(c.args[1])}`,
  4: (c) =>
    `event ${hex(c.args[0])}:${hex(c.args[1])}, failsafe ${hex(c.args[2])}:${hex(c.args[3])}`,
  5: (c) => (c.args[0] ? "set" : "clear"),
  6: (c) => `${named(SCHED, c.args[0])}, ${hex(c.args[1])}`,
  8: (c) => `dr${c.args[0]} := ${hex(c.args[1])}`,
  9: (c) => `dr${c.args[0]}`,
  10: (c) => `${wide(c.args[0], c.args[1])} := ${wide(c.args[2], c.args[3])}`,
  12: (c) => `${named(MEMORY, c.args[0] & 0x3f)}, ${hex(c.args[1])}`,
  13: (c) => `${c.args[1]} calls`,
  14: (c) => `${hex(c.args[0])} := ${wide(c.args[1], c.args[2])}${flushName(c.args[3])}`,
  15: (c) => wide(c.args[0], c.args[1]),
  16: (c) => eventChannel(c, c.word(c.args[0]), c.args[0] + 4),
  17: (c) => named(XEN_VERSION, c.args[0]) + (c.args[1] ? `, ${hex(c.args[1])}` : ""),
  18: (c) => `${named(["write", "read"], c.args[0])}, ${c.args[1]} bytes at ${hex(c.args[2])}`,
  20: (c) => `${named(GRANT_TABLE, c.args[0])}, ${hex(c.args[1])}, ${c.args[2]}`,
  21: (c) => `${named(["enable", "disable"], c.args[0])}, ${named(VM_ASSIST, c.args[1])}`,
  22: (c) =>
    `${hex(c.args[0])} := ${wide(c.args[1], c.args[2])}${flushName(c.args[3])}, ${
      domainName(c.args[4])
    }`,
  23: () => "",
  24: (c) => `${named(VCPU, c.args[0])}, v${c.args[1]}` + (c.args[2] ? `, ${hex(c.args[2])}` : ""),
  26: (c) => `${c.list(c.args[0], c.args[1], 12, (at) => mmuext(c, at))}, ${domainName(c.args[3])}`,
  28: (c) => `${named(["register", "unregister"], c.args[0])}, ${hex(c.args[1])}`,
  29: (c) => schedule(c, c.args[0], c.args[1]),
  30: (c) => {
    const both = c.word(c.args[1]);
    const at = `${hex(c.word(c.args[1], 4))}:${hex(c.word(c.args[1], 8))}`;
    return `${named(CALLBACK, c.args[0])}, ${named(CALLBACK_TYPE, both & 0xffff)} ${at}`;
  },
  32: (c) => eventChannel(c, c.args[0], c.args[1]),
  33: (c) => `${named(PHYSDEV, c.args[0])}, ${hex(c.args[1])}`,
};

/** The arguments of a hypercall as text. */
export function showArguments(nr: number, args: readonly number[], reader: WordReader): string {
  const show = SHOW[nr];
  if (show) return show(new Call(args, reader));
  return args.slice(0, argumentCount(nr)).map(hex).join(", ");
}

/** Where event_channel_op's sub-operations leave the port they made. */
const PORT_AT: Record<number, number> = { 0: 8, 1: 8, 6: 4, 7: 4 };

/** What a successful call left in the guest's structures, or nothing worth saying. */
export function showOutcome(
  nr: number,
  args: readonly number[],
  result: number,
  reader: WordReader,
): string {
  if (nr !== 32 || result !== 0 || !(args[0] in PORT_AT)) return "";
  return `, port ${reader((args[1] + PORT_AT[args[0]]) >>> 0) ?? "?"}`;
}
