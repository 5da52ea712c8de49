/**
 * A guest of random machine code in ring 1: every exception and event sends it on to another place of
 * the same code, so that it gets far. It makes hypercalls, loads segments, runs strings and jumps about
 * with whatever is in its registers.
 */

export const BASE = 0xc0000000;
/** Pages of the image: prologue and handlers, trap table, stack, then the random code. */
const HANDLER = BASE + 0x100;
const COUNTER = BASE + 0xff0;
const TRAP_TABLE = BASE + 0x1000;
const STACK_TOP = BASE + 0x3000;
export const CODE = BASE + 0x3000;
const CODE_SIZE = 0x4000;
const IMAGE_SIZE = 0x7000;

/** A generator of 32-bit numbers (xorshift), so that a seed names a guest. */
export function randomNumbers(seed: number): (below: number) => number {
  let x = (seed * 2654435761 + 12345) >>> 0 || 1;
  return (below) => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x % below;
  };
}

/** Puts bytes one after another. */
export class Bytes {
  constructor(private readonly bytes: Uint8Array, public at: number) {}
  put(...values: number[]): this {
    for (const v of values) this.bytes[this.at++] = v;
    return this;
  }
  dword(v: number): this {
    return this.put(v & 255, v >>> 8 & 255, v >>> 16 & 255, v >>> 24);
  }
}

/** Register numbers for `mov r32, imm32`. */
const [EAX, ECX, EDX, EBX, ESP, , ESI, EDI] = [0, 1, 2, 3, 4, 5, 6, 7];

function prologue(image: Uint8Array): void {
  const b = new Bytes(image, 0);
  const mov = (register: number, value: number) => b.put(0xb8 + register).dword(value);
  const hypercall = (number: number) => {
    mov(EAX, number);
    b.put(0xcd, 0x82);
  };
  mov(ESP, STACK_TOP);
  mov(EBX, TRAP_TABLE);
  hypercall(0); // set_trap_table
  mov(EBX, 0xe019);
  mov(ECX, HANDLER);
  mov(EDX, 0xe019);
  mov(ESI, HANDLER);
  hypercall(4); // set_callbacks
  mov(EBX, 0xe021);
  mov(ECX, STACK_TOP);
  hypercall(3); // stack_switch
  mov(EDI, CODE);
  b.put(0xff, 0xe7); // jmp edi

  // every exception: a sane stack and sane segments, then on at the next place of the sequence
  b.at = HANDLER - BASE;
  mov(EAX, 0xe021);
  b.put(0x8e, 0xd0); // mov ss, eax
  mov(ESP, STACK_TOP);
  b.put(0x8e, 0xd8, 0x8e, 0xc0, 0xfc); // mov ds, eax; mov es, eax; cld
  b.put(0xff, 0x05).dword(COUNTER); // inc dword [COUNTER]
  b.put(0x69, 0x05).dword(COUNTER).dword(7919); // imul eax, [COUNTER], 7919
  b.put(0x25).dword(CODE_SIZE - 1); // and eax, …
  b.put(0x05).dword(CODE); // add eax, CODE
  b.put(0xff, 0xe0); // jmp eax

  const table = new Bytes(image, TRAP_TABLE - BASE);
  for (const vector of [...Array(32).keys(), 0x80, 0x81]) {
    if (vector === 2) continue;
    table.put(vector, vector === 0x80 ? 3 : vector % 4, 0x19, 0xe0).dword(HANDLER);
  }
}

/** What random bytes alone would rarely say. */
function snippet(random: (below: number) => number): number[] {
  const imm = () => [random(256), random(256), random(4) ? 0 : random(256), random(4) ? 0 : 0xc0];
  const address = () => [random(256), random(0x70), 0, 0xc0];
  switch (random(10)) {
    case 0: // a hypercall with pointers into the image
      return [
        ...[0xbb, ...(random(2) ? address() : imm())],
        ...[0xb9, ...(random(2) ? address() : imm())],
        ...[0xba, ...imm()],
        ...[0xb8, random(50), 0, 0, 0, 0xcd, 0x82],
      ];
    case 1: // int n
      return [0xcd, random(256)];
    case 2: // mov r32, imm32
      return [0xb8 + random(8), ...(random(2) ? address() : imm())];
    case 3: // mov sreg, ax with a likely selector
      return [0x66, 0xb8, [0x19, 0x21, 0x2b, 0x33, 0x08][random(5)], 0xe0, 0x8e, random(48) | 0xc0];
    case 4: // repeated strings
      return [0xf2 + random(2), 0xa4 + random(12)];
    case 5: // 0F map
      return [0x0f, random(256), random(256)];
    case 6: // iret to somewhere
      return [0x68, 0x02, random(256), 0, 0, 0x68, 0x19, 0xe0, 0, 0, 0x68, ...address(), 0xcf];
    case 7: // privileged and system
      return [0x0f, [0x00, 0x01, 0x06, 0x20, 0x22, 0x30, 0x32, 0xa2][random(8)], random(256)];
    case 8: // writes into the code
      return [0xc6, 0x05, random(256), 0x30 + random(0x40), 0, 0xc0, random(256)];
    default:
      return [random(256), random(256), random(256)];
  }
}

/** An ELF file with the notes of a PV guest, loaded and entered at BASE. */
export function elf(image: Uint8Array): Uint8Array {
  const note = (type: number, desc: number[]) => {
    const padded = [...desc, ...new Array((4 - desc.length % 4) % 4).fill(0)];
    const word = (n: number) => [n & 255, n >>> 8 & 255, n >>> 16 & 255, n >>> 24];
    return [...word(4), ...word(desc.length), ...word(type), 0x58, 0x65, 0x6e, 0, ...padded];
  };
  const number = (n: number) => [n & 255, n >>> 8 & 255, n >>> 16 & 255, n >>> 24];
  const text = (s: string) => [...new TextEncoder().encode(s + "\0")];
  const notes = Uint8Array.from([
    ...note(1, number(BASE)),
    ...note(3, number(BASE)),
    ...note(4, number(BASE)),
    ...note(5, text("xen-3.0")),
    ...note(8, text("generic")),
    ...note(9, text("yes")),
  ]);
  const file = new Uint8Array(0x1000 + image.length);
  const v = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const header: [number, number][] = [[24, BASE], [28, 52]];
  for (const [at, value] of header) v.setUint32(at, value, true);
  const halves: [number, number][] = [[16, 2], [18, 3], [40, 52], [42, 32], [44, 2], [46, 40]];
  for (const [at, value] of halves) v.setUint16(at, value, true);
  v.setUint32(20, 1, true);
  const segments = [
    [1, 0x1000, BASE, BASE, image.length, image.length, 7, 0x1000],
    [4, 0x200, 0, 0, notes.length, notes.length, 4, 4],
  ];
  segments.forEach((s, i) => s.forEach((x, j) => v.setUint32(52 + i * 32 + j * 4, x, true)));
  file.set(notes, 0x200);
  file.set(image, 0x1000);
  return file;
}

/** An image with the prologue and handlers, and the code that `fill` writes into it at CODE. */
export function guestImage(fill: (image: Uint8Array) => void): Uint8Array {
  const image = new Uint8Array(IMAGE_SIZE);
  fill(image);
  prologue(image);
  return elf(image);
}

/** The guest that a seed names, as an ELF image. */
export function randomGuest(seed: number): Uint8Array {
  const random = randomNumbers(seed);
  return guestImage((image) => {
    let at = CODE - BASE;
    while (at < IMAGE_SIZE) {
      const bytes = random(3) ? snippet(random) : Array.from({ length: 4 }, () => random(256));
      for (const b of bytes) if (at < IMAGE_SIZE) image[at++] = b;
    }
  });
}
