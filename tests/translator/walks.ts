/**
 * Guests whose loops walk through memory: loads, stores and both at once, by pointers that move by a
 * constant, with and without an index; copies and fills, over each other too. Most stay in their three
 * pages of data, some run into the code or into what is not theirs.
 */
import { BASE, CODE, guestImage, randomNumbers } from "../guests/random_code.ts";

/** The data, behind the page with the code. */
const DATA = BASE + 0x4000;
const DATA_SIZE = 0x3000;
/** The domain builder's list of machine frames, behind the image. */
const FRAMES = BASE + 0x7000;
/** A loop's registers: what it counts in, its pointers, and what it computes with. */
const [EAX, ECX, EDX, EBX, , EBP, ESI, EDI] = [0, 1, 2, 3, 4, 5, 6, 7];
const VALUES = [EAX, EDX, EBX];
/** How far a loop goes from where it begins. */
const REACH = 0x980;

type Random = (below: number) => number;
const dword = (v: number) => [v & 255, v >>> 8 & 255, v >>> 16 & 255, v >>> 24];

/** A register moves by a constant: by INC or DEC, ADD, SUB or LEA. */
function move(random: Random, register: number, by: number): number[] {
  if (by === 1 && random(2)) return [0x40 | register];
  if (by === -1 && random(2)) return [0x48 | register];
  const how = random(3);
  if (how === 0) return [0x83, 0xc0 | register, by & 255]; // add
  if (how === 1) return [0x83, 0xe8 | register, -by & 255]; // sub
  return [0x8d, 0x40 | register << 3 | register, by & 255]; // lea
}

/** ModRM, SIB and displacement of a place near a pointer, or near it and the counter. */
function place(random: Random, reg: number): number[] {
  const base = random(2) ? ESI : EDI;
  if (random(4)) return [0x40 | reg << 3 | base, random(24)];
  return [0x44 | reg << 3, random(3) << 6 | ECX << 3 | base, random(24)];
}

/** A load, a store, both at once, or arithmetic on registers alone. */
function instruction(random: Random): number[] {
  const reg = VALUES[random(VALUES.length)];
  const width = random(3) ? 1 : 0;
  const prefix = width && !random(4) ? [0x66] : [];
  switch (random(7)) {
    case 0:
      return [...prefix, 0x88 | width, ...place(random, reg)]; // mov [m], reg
    case 1:
      return [...prefix, 0x8a | width, ...place(random, reg)]; // mov reg, [m]
    case 2:
      return [0x0f, [0xb6, 0xb7, 0xbe, 0xbf][random(4)], ...place(random, reg)]; // movzx, movsx
    case 3:
      return [...prefix, random(8) << 3 | width, ...place(random, reg)]; // alu [m], reg
    case 4:
      return [...prefix, random(8) << 3 | 2 | width, ...place(random, reg)]; // alu reg, [m]
    case 5:
      return [0xc0 | width, 0xc0 | random(8) << 3 | reg, random(40)]; // shift
    default:
      return [random(8) << 3 | 1, 0xc0 | VALUES[random(3)] << 3 | reg]; // alu reg, reg
  }
}

/** A loop: where its pointers begin, what it does in a round, and how it ends. */
function walk(random: Random): number[] {
  const copies = random(2) === 0;
  const size = [1, 2, 4][random(3)];
  const wild = !random(12);
  const start = () =>
    wild ? random(DATA_SIZE + 0x1000) - 0x1000 : REACH + random(DATA_SIZE - 2 * REACH);
  const from = start();
  const to = copies && random(2) ? from + random(60) - 30 : start();
  const rounds = 1 + random(random(3) ? 40 : 500);
  const step = copies ? size : [1, 2, 3, 4, -1, -2, -4][random(7)];
  const small = Math.abs(step) * rounds < REACH ? rounds : Math.floor(REACH / Math.abs(step));
  const code = [
    ...[0xb8 | ESI, ...dword(DATA + from)],
    ...[0xb8 | EDI, ...dword(DATA + to)],
    ...[0xb8 | ECX, ...dword(small)],
    // from another place each time: inc ebp; mov edx, ebp; and edx, 31; add esi, edx
    ...[0x40 | EBP, 0x89, 0xea, 0x83, 0xe2, 31, 0x01, 0xd6],
    // over other data: imul edx, ebp, …; mov [esi], edx; mov [esi + 13], edx
    ...[0x69, 0xd5, ...dword(0x9e3779b1), 0x89, 0x16, 0x89, 0x56, 13],
  ];
  const top = code.length;
  const exits: number[] = [];
  if (copies) {
    const prefix = size === 2 ? [0x66] : [];
    const fill = !random(4);
    const load = size < 4 && random(2)
      ? [0x0f, (size === 1 ? 0xb6 : 0xb7) | random(2) << 3]
      : [...prefix, size === 1 ? 0x8a : 0x8b];
    if (!fill) code.push(...load, 0x40 | EAX << 3 | ESI, 0);
    code.push(...prefix, size === 1 ? 0x88 : 0x89, 0x40 | EAX << 3 | EDI, 0);
  } else {
    for (let n = 1 + random(4); n; n--) code.push(...instruction(random));
    if (!random(3)) {
      code.push(0x84, 0xc0, 0x74, 0); // test al, al; jz out
      exits.push(code.length);
    }
  }
  const moves = [move(random, ESI, step), move(random, EDI, copies ? step : step * random(3))];
  for (const m of random(2) ? moves : moves.toReversed()) code.push(...m);
  if (random(3)) code.push(...move(random, ECX, -1)); // sub ecx, 1 or the like
  else {
    const end = DATA + to + small * (copies ? step : 0);
    if (copies) code.push(0x81, 0xff, ...dword(end)); // cmp edi, end
    else code.push(0x49); // dec ecx
  }
  // LEA leaves no flags: what was before decides, or a test does
  if (code.at(-3) === 0x8d || random(4) === 0 && !copies) code.push(0x85, 0xc9); // test ecx, ecx
  code.push(0x0f, 0x85, ...dword(top - code.length - 6)); // jnz top
  for (const at of exits) code[at - 1] = code.length - at;
  return code;
}

/** Hypercalls that put the data's frames in another order, so that pages side by side are not so in the machine. */
function shuffle(): number[] {
  const pages = DATA_SIZE >> 12;
  return Array.from({ length: pages }, (_, page) => {
    const frame = ((DATA - BASE) >> 12) + (page + 1) % pages;
    return [
      ...[0x8b, 0x0d, ...dword(FRAMES + 4 * frame)], // mov ecx, [its machine frame]
      ...[0x89, 0xca, 0xc1, 0xea, 20, 0xc1, 0xe1, 12], // mov edx, ecx; shr edx, 20; shl ecx, 12
      ...[0x83, 0xc9, 0x67], // or ecx, present, writable, user, accessed, dirty
      ...[0xb8 | EBX, ...dword(DATA + (page << 12)), 0xb8 | ESI, ...dword(2)],
      ...[0xb8 | EAX, ...dword(14), 0xcd, 0x82], // update_va_mapping, INVLPG
    ];
  }).flat();
}

/** The guest that a seed names. */
export function walkingGuest(seed: number): Uint8Array {
  const random = randomNumbers(seed);
  const code = shuffle();
  const top = code.length;
  for (let n = 1 + random(4); n; n--) code.push(...walk(random));
  code.push(0xe9, ...dword(top - (code.length + 5)));
  return guestImage((image) => {
    for (let i = 0; i < DATA_SIZE; i++) image[DATA - BASE + i] = random(256);
    image.set(code, CODE - BASE);
  });
}
