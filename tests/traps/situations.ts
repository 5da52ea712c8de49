/** Random situations in which a guest enters its kernel and leaves it again, as code that brings them about (at_once_test.ts). */
import fc from "fast-check";
import type { Guest } from "../hypercalls/rig.ts";
import {
  CODE,
  DATA,
  HC,
  hypercall,
  imm,
  KCS,
  KDS,
  push,
  spot,
  UCS,
  UDS,
  UPCALL,
} from "./kernel.ts";
import { descriptor } from "./selectors.ts";

/** Pages: the mapped shared_info, multicall lists, the frames of entries from user mode, and what is not mapped. */
export const SHARED = 41, LIST = 32, FRAMES = 30, UNMAPPED = 0x400000;
/** Where a return leads, in the code's page: it goes round there for ever. */
const TARGET = 0x400;
const CODE_AT_SPOTS = 23;

/** The guest's descriptors: code of ring 1 and 3, then data. */
export const KINDS: Record<number, [number, number]> = {
  1: descriptor(0xcfbb00), // code of ring 1
  2: descriptor(0xcfb300), // data of ring 1
  3: descriptor(0xcffb00), // code of ring 3
  4: descriptor(0xcff300), // data of ring 3
  5: descriptor(0xc0bb00, 0, 0xeffff), // limited
  6: descriptor(0x803b00), // not present
  7: descriptor(0xc0b300, 0x1000, 0xeffff), // based and limited
  8: descriptor(0x80bb00), // 16 bits
  9: descriptor(0xcfbf00), // conforming
  10: descriptor(0xcf7300), // not present
  11: descriptor(0xc0f700), // grows down, of ring 3
  12: descriptor(0xcff300, 0x1000),
  13: descriptor(0xcffb00, 0x1000),
  14: descriptor(0xc0b700), // grows down
  15: descriptor(0xcfb200), // not accessed
};
const ABSENT = [10, 6];
const gdt = (entry: number, rpl: number) => entry * 8 | rpl;
const ldt = (entry: number, rpl: number) => entry * 8 | 4 | rpl;

/** Mostly the first. */
const mostly = <T>(first: T, ...others: T[]) =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(first) }, {
    weight: 2,
    arbitrary: fc.constantFrom(first, ...others),
  });

const kernelCode = mostly(
  KCS,
  gdt(1, 1),
  gdt(5, 1),
  gdt(8, 1),
  gdt(9, 1),
  gdt(6, 1),
  ldt(1, 1),
  KCS | 3,
  1,
);
const kernelStack = mostly(
  KDS,
  gdt(2, 1),
  gdt(14, 1),
  gdt(7, 1),
  gdt(15, 1),
  ldt(2, 1),
  UDS,
  gdt(10, 1),
  KCS,
);
const userCode = mostly(UCS, gdt(3, 3), gdt(13, 3), gdt(9, 3), ldt(3, 3), KCS);
const userStack = mostly(UDS, gdt(4, 3), gdt(10, 3), gdt(11, 3), gdt(12, 3), ldt(4, 3), KDS, 0);
const data = mostly(
  UDS,
  KDS,
  0,
  3,
  gdt(4, 3),
  gdt(7, 1),
  gdt(11, 3),
  gdt(12, 3),
  gdt(9, 3),
  gdt(10, 3),
  UCS,
  ldt(4, 3),
);
/** Arithmetic flags, IF, DF, IOPL, RF and ID as they come; TF, VM, NT and AC seldom. */
const flags = fc.tuple(fc.nat(), mostly(0, 0x100, 0x20000, 0x4000, 0x40000, 0x40000)).map((
  [any, rare],
) => any & 0x213ed5 | rare);
const pointer = (base: number) =>
  mostly(0x800, 0xffc, 0x1000, 4, 8, 20, 24, 0x7fe, 0xff3, 0xfee, 0xfe8, 0xff0).map((n) =>
    base + n
  );

/** Instructions that enter the kernel, as [bytes, skips itself, has an error code, vector]. */
const TRAPS: Record<string, [bytes: number[], fault: boolean, error: boolean, vector: number]> = {
  ud2: [[0x0f, 0x0b], true, false, 6],
  "int 0x80": [[0xcd, 0x80], false, false, 0x80],
  "int 0x81": [[0xcd, 0x81], false, false, 0x81],
  int3: [[0xcc], false, false, 3],
  "aam 0": [[0xd4, 0], true, false, 0],
  load: [[0xa1, ...imm(UNMAPPED)], true, true, 14],
  store: [[0xa3, ...imm(UNMAPPED)], true, true, 14],
  hlt: [[0xf4], true, true, 13],
  "int 0x90": [[0xcd, 0x90], true, true, 13],
  fnop: [[0xd9, 0xd0], true, false, 7],
};
const RETURNS = ["iret", "iret under AC", "hypercall iret", "multicall iret"] as const;

const BASE = 0xc0000000;
export const situation = fc.record({
  how: fc.oneof(fc.constantFrom(...Object.keys(TRAPS)), fc.constantFrom(...RETURNS)),
  from: fc.constantFrom<1 | 3>(1, 3),
  originCode: userCode,
  originStack: userStack,
  kernelOriginCode: kernelCode,
  kernelOriginStack: fc.oneof(kernelStack, fc.constant(gdt(2, 1))),
  data: fc.tuple(data, data, data, data),
  originFlags: flags,
  esp: pointer(0),
  handlerCode: kernelCode,
  handlerFlags: fc.constantFrom(0, 4, 1, 3, 7),
  handler: fc.constantFrom("stay", "iret", "hypercall iret"),
  kernelSs: kernelStack,
  kernelSp: fc.oneof(
    { weight: 4, arbitrary: pointer(BASE + FRAMES * 4096) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(BASE + CODE_AT_SPOTS * 4096 + 0xf00, 8, 0, 0xf6000000),
    },
  ),
  frames: mostly<"written" | "read-only" | "absent">("written", "read-only", "absent"),
  upcallCode: kernelCode,
  upcall: fc.constantFrom("stay", "iret", "hypercall iret"),
  pending: fc.constantFrom(0, 0, 1),
  mask: fc.constantFrom(0, 0, 1, 0xff),
  padding: fc.nat(255),
  /** What it needs was loaded lately. */
  known: mostly(true, false),
  nmis: mostly(0, 1, 2),
  assist: mostly(0, 4),
  iopl: fc.nat(3),
  taskSwitched: fc.boolean(),
  to: fc.tuple(fc.oneof(userCode, kernelCode), fc.oneof(userStack, kernelStack)),
  toFlags: flags,
  toEsp: pointer(BASE + DATA * 4096),
  change: fc.option(
    fc.tuple(
      fc.oneof(fc.constant(2), fc.integer({ min: 1, max: 15 })),
      fc.integer({ min: 1, max: 15 }),
    ),
    { freq: 2 },
  ),
});
export type Situation = typeof situation extends fc.Arbitrary<infer T> ? T : never;

/** Handlers' code at spots of their own, by what they do. */
export function writeHandlers(guest: Guest): void {
  const skip = [0x83, 4, 0x24, 8], drop = [0x83, 0xc4, 4];
  const done = [0xc6, 5, ...imm(guest.va(SHARED)), 0]; // mov byte [pending], 0
  const ways = [[0xcf], [0x50, ...hypercall(HC.iret)]];
  [[], skip, drop, [...drop, ...skip], done].forEach((before, n) =>
    ways.forEach((way, hyper) => {
      const at = spot(guest, 64 + 2 * n + hyper) & 0xfff;
      guest.rig.core.frame(guest.mfns[CODE_AT_SPOTS]).set([...before, ...way], at);
    })
  );
}

/** The trap table's entry for what the situation does: vector, address, flags, code selector. */
export function handlerOf(guest: Guest, s: Situation): [number, number, number, number] {
  const [, fault, error, vector] = TRAPS[s.how] ?? TRAPS.ud2;
  const n = 64 + 2 * ((fault ? 1 : 0) + (error ? 2 : 0)) + (s.handler === "iret" ? 0 : 1);
  const address = s.handler === "stay" ? spot(guest, vector & 31) : guest.va(CODE_AT_SPOTS, n * 16);
  return [vector, address, s.handlerFlags, s.handlerCode];
}

export function upcallOf(guest: Guest, s: Situation): number {
  if (s.upcall === "stay") return spot(guest, UPCALL);
  return guest.va(CODE_AT_SPOTS, (64 + 8 + (s.upcall === "iret" ? 0 : 1)) * 16);
}

/** Loads into ES whatever selectors of a situation load: a descriptor is known then, until the slice ends. */
function load(s: Situation): number[] {
  const all = [
    s.handlerCode,
    s.upcallCode,
    s.kernelSs,
    s.originCode,
    s.originStack,
    s.kernelOriginCode,
    ...s.to,
    KCS,
    KDS,
  ];
  const loadable = all.map((selector) => selector & ~3 | 1)
    .filter((selector) => ![1, ABSENT[0] * 8 | 1, ABSENT[1] * 8 | 1].includes(selector));
  return [...new Set(loadable)].flatMap((selector) => [...mov(0, selector), 0x8e, 0xc0]);
}

/** Writes where the frames of entries will lie, so that the TLB has the page. */
function touch(s: Situation): number[] {
  if (s.frames !== "written" || s.kernelSp < BASE || s.kernelSp >= 0xf0000000) return [];
  return [s.kernelSp - 1, s.kernelSp - 40].flatMap((at) => [0xc6, 5, ...imm(at), 0]);
}

const mov = (register: number, value: number) => [0xb8 + register, ...imm(value)];

/** The way out of the kernel: pushes the frame and takes it. */
function leave(guest: Guest, s: Situation): number[] {
  const [cs, ss] = s.to;
  const frame = [guest.va(CODE, TARGET), cs, s.toFlags, s.toEsp, ss];
  if (s.how === "iret under AC") return [...push(...frame), ...push(0x40202), 0x9d, 0xcf]; // popf before
  if (s.how === "iret") return [...push(...frame), 0xcf];
  const pushed = push(0x77665544, ...frame);
  if (s.how === "hypercall iret") return [...pushed, ...hypercall(HC.iret)];
  const count = s.change ? 2 : 1;
  return [
    ...pushed,
    ...mov(3, guest.va(LIST, s.change ? 0 : 32)),
    ...mov(1, count),
    ...hypercall(HC.multicall),
  ];
}

/**
 * The situation's code, for the kernel with flat segments: shared_info's bytes, selectors, the way to where it
 * begins from, and what it is about.
 *
 * @param gdtAt machine address of the GDT
 */
export function code(guest: Guest, s: Situation, gdtAt: number): number[] {
  const update: number[] = [];
  const [low, high] = s.change ? KINDS[s.change[1]] : [0, 0];
  const where = s.change ? gdtAt + s.change[0] * 8 : 0;
  const args = [where | 0, Math.floor(where / 2 ** 32), low, high];
  guest.write(guest.va(LIST), HC.updateDescriptor, 0, ...args, 0, 0, HC.iret, 0, 0, 0, 0, 0, 0, 0);
  if (s.change && s.how !== "multicall iret") {
    [3, 1, 2, 6].forEach((register, n) => update.push(...mov(register, args[n])));
    update.push(...hypercall(HC.updateDescriptor));
  }
  const shared = guest.va(SHARED);
  const info = s.pending | s.mask << 8 | s.padding << 16;
  const before = [
    ...update,
    ...(s.known ? [...load(s), ...touch(s)] : []),
    0xc7,
    5,
    ...imm(shared),
    ...imm(info),
  ];
  [0x8ed8, 0x8ec0, 0x8ee0, 0x8ee8].forEach((to, n) =>
    before.push(...mov(0, s.data[n]), to >>> 8, to & 0xff)
  );
  const inner = s.from === 1;
  const about = RETURNS.some((r) => r === s.how) ? leave(guest, s) : TRAPS[s.how][0];
  const slot = [...about, ...Array(Math.max(0, 8 - about.length)).fill(0x90), 0xeb, 0xfe];
  const esp = guest.va(DATA) + s.esp;
  const enter = (at: number) =>
    inner
      ? [
        ...mov(0, s.kernelOriginStack),
        0x8e,
        0xd0,
        ...mov(4, esp),
        ...push(at, s.kernelOriginCode, s.originFlags & ~0x20100),
        0xcf,
      ]
      : [...push(at, s.originCode, s.originFlags & ~0x20100, esp, s.originStack), 0xcf];
  const size = before.length + enter(0).length;
  const all = [...before, ...enter(guest.va(CODE, size)), ...slot];
  return [...all, ...Array(TARGET - all.length).fill(0x90)]; // behind it park puts the jump to itself
}
