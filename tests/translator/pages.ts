/**
 * Guests that loop over code of several pages: a main loop, a function beside a hypercall's stub, and a
 * function in a page that is mapped to one of two frames in turn, with another text in each. Between them
 * they make hypercalls, singly and by multicall, flush and do slow instructions, so that regions grow over
 * pages and come back into themselves, and their pages change under them. What they change they flush: what
 * stands in the jump cache, and would still be good for a while, is no matter of being interpreted or not.
 */
import { BASE, CODE, guestImage, randomNumbers } from "../guests/random_code.ts";
import { Code, DATA } from "./loops.ts";

const PAGE = 0x1000;
const MACHINE_TO_PHYS = 0xf5800000;
const VERSION = 17, YIELD = 29, UPDATE_VA_MAPPING = 14, MULTICALL = 13, MMUEXT = 26, TASKSWITCH = 5;
const FLUSH_LOCAL = 6, INVLPG_LOCAL = 7;

// What lies in the data page behind that which random instructions change.
const PTE_TOGGLE = 0x74; // byte: 0 or 4
const PTES = 0x78; // low words of the two entries
const FUNCTIONS = 0x60; // pointers to the two functions
const MMUEXT_OP = 0x100; // struct mmuext_op
const LIST = 0x200; // two multicall entries

/** Offsets from CODE: the moving page's function begins at the same place in both its frames. */
const FIRST = PAGE, STUB = PAGE + 0xf00, MOVING = 2 * PAGE, OTHER = 3 * PAGE;

class Pages extends Code {
  /** What is written now will run so many bytes before its place. */
  shift = 0;

  padTo(at: number): void {
    if (this.bytes.length > at) throw new Error("a page is full");
    while (this.bytes.length < at) this.put(0xcc);
  }

  relative(opcode: number, to: number): void {
    this.put(opcode, ...this.dword(to + this.shift - (this.bytes.length + 5)));
  }

  /** mov [ebx + at], value */
  store(at: number, value: number): void {
    this.put(0xc7, 0x83, ...this.dword(at), ...this.dword(value));
  }

  /** Frame number of a page of the image, into ECX: the machine-to-phys table says it. */
  findFrame(page: number): void {
    this.put(0x31, 0xc9); // xor ecx, ecx
    // 1: cmp dword [M2P + ecx * 4], page; je 2; inc ecx; jmp 1; 2:
    this.put(0x83, 0x3c, 0x8d, ...this.dword(MACHINE_TO_PHYS), page);
    this.put(0x74, 3, 0x41, 0xeb, 0xf3);
  }

  setUp(): void {
    this.put(0xbb, ...this.dword(DATA)); // mov ebx, DATA
    for (const [n, at] of [MOVING, OTHER].entries()) {
      this.findFrame((CODE - BASE + at) / PAGE);
      this.put(0xc1, 0xe1, 12, 0x83, 0xc9, 0x67); // shl ecx, 12; or ecx, P RW US A D
      this.put(0x89, 0x8b, ...this.dword(PTES + 4 * n)); // mov [ebx + …], ecx
    }
    this.store(PTE_TOGGLE, 0);
    this.store(FUNCTIONS, CODE + FIRST);
    this.store(FUNCTIONS + 4, CODE + MOVING);
    this.store(MMUEXT_OP, this.random(2) ? FLUSH_LOCAL : INVLPG_LOCAL);
    this.store(MMUEXT_OP + 4, CODE + MOVING);
    this.store(LIST, UPDATE_VA_MAPPING);
    this.store(LIST + 8, CODE + MOVING);
    this.put(0x8b, 0x43, PTES, 0x89, 0x83, ...this.dword(LIST + 12)); // mov eax, […]; mov […], eax
    this.store(LIST + 16, 0);
    this.store(LIST + 20, 1 + this.random(2)); // flush, or INVLPG
    this.store(LIST + 32, VERSION);
  }

  /** A hypercall, here or by the stub; EBX is put back. */
  hypercall(number: number, ...args: [] | [number, (number | null)?, number?, number?]): void {
    this.put(0x53); // push ebx
    // mov ebx, ecx, edx, esi; null: what it holds
    [3, 1, 2, 6].forEach((register, n) => {
      const value = n === 3 ? args[3] ?? 0 : args[n] === undefined ? 0 : args[n];
      if (value !== null) this.put(0xb8 | register, ...this.dword(value as number));
    });
    this.put(0xb8, ...this.dword(number));
    if (this.random(2)) this.put(0xcd, 0x82);
    else this.relative(0xe8, STUB);
    this.put(0x5b); // pop ebx
  }

  /** The other frame for the moving page: the entry's low word into ECX. */
  toggle(): void {
    this.put(0x80, 0x73, PTE_TOGGLE, 4, 0x0f, 0xb6, 0x43, PTE_TOGGLE); // xor byte […], 4; movzx eax, byte […]
    this.put(0x8b, 0x4c, 0x03, PTES); // mov ecx, [ebx + eax + PTES]
  }

  call(which: number): void {
    if (this.random(3)) this.relative(0xe8, which ? MOVING : FIRST);
    else this.put(0xff, 0x53, FUNCTIONS + 4 * which); // call [ebx + …]
  }

  slow(): void {
    switch (this.random(8)) {
      case 0:
        return this.put(0x0f, 0x31); // rdtsc
      case 1:
        return this.put(0x53, 0x0f, 0xa2, 0x5b); // push ebx; cpuid; pop ebx
      case 2:
        return this.put(0x0f, 0x20, 0xc0); // mov eax, cr0
      case 3:
        return this.put(0x9c, 0x9d); // pushf; popf
      case 4:
        return this.put(0x8c, 0xd8, 0x8e, 0xc0); // mov eax, ds; mov es, eax
      case 5:
        return this.put(0x16, 0x17, 0x40); // push ss; pop ss; inc eax
      case 6:
        return this.put(0x1e, 0x07); // push ds; pop es
      default:
        return this.put(0x0f, 0x06); // clts
    }
  }

  something(): void {
    switch (this.random(9)) {
      case 0:
        return this.hypercall(VERSION);
      case 1:
        return this.hypercall(YIELD);
      case 2:
        return this.hypercall(TASKSWITCH, this.random(2));
      case 3:
        return this.hypercall(MMUEXT, DATA + MMUEXT_OP, 1, 0, 0x7ff0);
      case 4:
        this.rarely(() => {
          this.toggle();
          this.hypercall(UPDATE_VA_MAPPING, CODE + MOVING, null, 0, 1 + this.random(2));
        });
        return;
      case 5:
        this.rarely(() => {
          this.toggle();
          this.put(0x89, 0x8b, ...this.dword(LIST + 12)); // mov [ebx + …], ecx
        });
        return this.hypercall(MULTICALL, DATA + LIST, 2);
      case 6:
        return this.slow();
      default:
        return this.stretch();
    }
  }

  /** Jumped over but for every so many times: add byte [ebx + 0x70], n; jnz. */
  rarely(what: () => void): void {
    this.put(0x80, 0x43, 0x70, 1 << this.random(8), 0x0f, 0x85);
    const at = this.bytes.length;
    this.put(0, 0, 0, 0);
    what();
    this.dword(this.bytes.length - (at + 4)).forEach((b, i) => this.bytes[at + i] = b);
  }
}

/** The guest that a seed names. */
export function pagesGuest(seed: number): Uint8Array {
  const c = new Pages(randomNumbers(seed));
  const { random } = c;
  const modifies = random(4) === 0;
  const body = (most: number) => {
    for (let n = 1 + random(most); n; n--) {
      c.something();
      if (modifies && !random(4)) c.selfModification();
    }
  };
  c.setUp();
  const top = c.bytes.length;
  body(6);
  c.call(0);
  body(3);
  c.call(1);
  body(2);
  c.relative(0xe9, top);
  c.padTo(FIRST);
  body(3);
  if (random(2)) c.call(1);
  body(2);
  c.put(0xc3);
  c.padTo(STUB);
  c.put(0xcd, 0x82, 0xc3); // int 0x82; ret
  const back = c.bytes.length;
  c.stretch();
  c.put(0xc3);
  for (const at of [MOVING, OTHER]) {
    c.padTo(at);
    c.shift = at - MOVING;
    body(3);
    // it returns from here or from the first function's page
    if (random(2)) c.put(0xc3);
    else c.relative(0xe9, back);
  }
  c.padTo(4 * PAGE);
  c.patch();
  return guestImage((image) => image.set(c.bytes, CODE - BASE));
}
