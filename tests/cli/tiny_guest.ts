/** Guests of a few instructions, for what the command line makes of them. */
import { ascii, makeElf } from "../host/elf/make_elf.ts";

const BASE = 0xc0000000;
const DATA = 0x800;

/** Hypercall numbers. */
const CONSOLE_IO = 18;
const SCHED_OP = 29;
const EVENT_CHANNEL_OP = 32;

const word = (n: number) => [n & 255, n >> 8 & 255, n >> 16 & 255, n >>> 24];

/** mov eax, nr; mov ebx, a; mov ecx, b; mov edx, c; int 0x82 */
const hypercall = (nr: number, a: number, b: number, c = 0) => [
  ...[0xb8, ...word(nr), 0xbb, ...word(a), 0xb9, ...word(b), 0xba, ...word(c), 0xcd, 0x82],
];

/** jmp to itself */
const HANG = [0xeb, 0xfe];

function image(code: number[], data: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(0x2000);
  bytes.set(code);
  bytes.set(data, DATA);
  return makeElf({ segments: [{ data: bytes }] });
}

/** sched_op(shutdown, &data[offset]) */
const shutdown = (offset = 0) => hypercall(SCHED_OP, 2, BASE + DATA + offset);

/** Shuts down with a reason of its choice. */
export function ends(reason: number): Uint8Array {
  return image([...shutdown(), ...HANG], Uint8Array.from(word(reason)));
}

/** Says a line by console_io. */
const line = (text: string) => hypercall(CONSOLE_IO, 0, text.length, BASE + DATA + 4);
const lineData = (text: string) => Uint8Array.from([...word(0), ...ascii(text)]);

/** Shuts down with a bit of CPUID leaf 1's EDX as the reason: 0 or 1. */
export function tellsFeature(bit: number): Uint8Array {
  const ask = [
    ...[0xb8, ...word(1), 0x0f, 0x0b, ...ascii("xen"), 0x0f, 0xa2], // mov eax, 1; cpuid, emulated
    ...[0xc1, 0xea, bit, 0x83, 0xe2, 1], // shr edx, bit; and edx, 1
    ...[0x89, 0x15, ...word(BASE + DATA)], // mov [data], edx
  ];
  return image([...ask, ...shutdown(), ...HANG]);
}

/** Says something by console_io, then powers off. */
export function says(text: string): Uint8Array {
  return image([...line(text), ...shutdown()], lineData(text));
}

/** Executes UD2, which it has no handler for. */
export function crashes(): Uint8Array {
  return image([...hypercall(SCHED_OP, 0, 0), 0xb8, ...word(0x12345678), 0x0f, 0x0b]);
}

/** Reads an address that is not mapped, and has no handler. */
export function faults(address: number): Uint8Array {
  return image([0xa1, ...word(address)]); // mov eax, [address]
}

/** Says a line by console_io again and again, without an end. */
export function floods(text: string): Uint8Array {
  const say = line(text);
  return image([...say, 0xeb, 256 - say.length - 2], lineData(text));
}

/** Says a line and never does anything again, busily. */
export function spins(text = "spinning\n"): Uint8Array {
  return image([...line(text), ...HANG], lineData(text));
}

/** Blocks, again and again. */
export function sleeps(): Uint8Array {
  const block = hypercall(SCHED_OP, 1, 0);
  return image([...block, 0xeb, 256 - block.length - 2]);
}

/**
 * Writes each byte it reads from its console to its console, and powers off after a "q". Yields
 * while there is nothing to read. The rings: start_info is at ESI, the console page two pages on.
 */
export function echoes(): Uint8Array {
  const head = [0x89, 0xf5]; // mov ebp, esi
  const wait = [
    ...hypercall(SCHED_OP, 0, 0),
    ...[0x8b, 0x85, ...word(0x2c00)], // mov eax, [ebp+in_cons]
    ...[0x3b, 0x85, ...word(0x2c04)], // cmp eax, [ebp+in_prod]
  ];
  const body = [
    ...[0x25, ...word(1023)], // and eax, 1023
    ...[0x8a, 0x9c, 0x05, ...word(0x2000)], // mov bl, [ebp+eax+in]
    ...[0x8b, 0x85, ...word(0x2c0c)], // mov eax, [ebp+out_prod]
    ...[0x25, ...word(2047)], // and eax, 2047
    ...[0x88, 0x9c, 0x05, ...word(0x2400)], // mov [ebp+eax+out], bl
    ...[0xff, 0x85, ...word(0x2c00)], // inc [ebp+in_cons]
    ...[0xff, 0x85, ...word(0x2c0c)], // inc [ebp+out_prod]
    0x53, // push ebx
    ...[0xb8, ...word(EVENT_CHANNEL_OP), 0xbb, ...word(4)],
    ...[0x8d, 0x4d, 0x38, 0xcd, 0x82], // lea ecx, [ebp+console port]; int 0x82
    0x5b, // pop ebx
    ...[0x80, 0xfb, 0x71], // cmp bl, 'q'
  ];
  const loop = [...wait, 0x74, 256 - wait.length - 2, ...body];
  return image([
    ...head,
    ...loop,
    ...[0x0f, 0x85, ...word(-(loop.length + 6))], // jne loop
    ...shutdown(),
  ], Uint8Array.from(word(0)));
}
