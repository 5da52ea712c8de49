/**
 * Guests that are kernels with a program: two address spaces that map two pages the other way round, descriptors of their
 * own, a stretch of code in ring 3, system calls, upcalls and multicalls. They loop over PUSHA and POPA, also across
 * pages that are not there or hold code, over accesses to such, loads of segment registers, good and bad ones, and over switches
 * of address space. Handlers of faults go on behind the eight bytes that the faulting instruction stands in.
 */
import { BASE, Bytes, elf, randomNumbers } from "../guests/random_code.ts";
import { kernelPrologue } from "./kernels_prologue.ts";
import {
  CODE_AT,
  DATA,
  GAP,
  GDT_MACHINE,
  KDS,
  LIST,
  OPS,
  OWN_TABLES,
  PTES,
  SAVED_ESP,
  SHARED,
  TAIL,
  UCS,
  UDS,
  USER_STACK,
  VARIABLE,
} from "./kernels_layout.ts";
import { Code } from "./loops.ts";

const PAGE = 0x1000, SLOT = 8;
const UPDATE_DESCRIPTOR = 10,
  MULTICALL = 13,
  UPDATE_VA = 14,
  VERSION = 17,
  MMUEXT = 26,
  SELF = 0x7ff0;
/** Counters in the data page that no random operand reaches: displacements from EBX. */
const ROUNDS = 0x78, CALLS = 0x74;
const [EAX, ECX, EDX, EBX, ESP, , ESI] = [0, 1, 2, 3, 4, 5, 6];

/** Words of descriptors that update_descriptor takes: flat data of both rings, based, limited, absent, growing down, code. */
const DESCRIPTORS = [
  [0xffff, 0xcff300],
  [0xffff, 0xcfb300],
  [0x1000ffff, 0xcff300],
  [0x10, 0xc0f300],
  [0xffff, 0xcf7300],
  [0xffff, 0xcff700],
  [0xffff, 0xcffb00],
  [0xffff, 0xcfb200],
];
/** ES, DS, FS, GS: ModRM of MOV from EAX, POP, segment override. */
const SEGMENTS: [modrm: number, pop: number[], override: number][] = [
  [0xc0, [0x07], 0x26],
  [0xd8, [0x1f], 0x3e],
  [0xe0, [0x0f, 0xa1], 0x64],
  [0xe8, [0x0f, 0xa9], 0x65],
];

/** Of a place whose address follows. */
const ACCESSES = [
  [0xa1], // mov eax, []
  [0xa2], // mov [], al
  [0xa3],
  [0x01, 0x05], // add [], eax
  [0x2b, 0x0d], // sub ecx, []
  [0x87, 0x0d], // xchg [], ecx
  [0xff, 0x35], // push []
  [0x8f, 0x05], // pop []
  [0xfe, 0x05], // inc byte []
  [0xf7, 0x35], // div dword []
  [0xff, 0x15], // call []
  [0x0f, 0xb6, 0x0d], // movzx ecx, byte []
  [0x0f, 0xb1, 0x0d], // cmpxchg [], ecx
  [0x0f, 0x10, 0x05], // movups xmm0, []
  [0x0f, 0x11, 0x05],
  [0xdd, 0x05], // fld qword []
];
/** By ESP: POP EAX, POPA, RET, RET 4, POP of a place that is there. */
const POPS = [[0x58], [0x61], [0xc3], [0xc2, 4, 0], [0x8f, 0x43, 0]];

class Kernel extends Code {
  user = false;
  readonly absolute: [at: number, target: number][] = [];

  mov(register: number, value: number): void {
    this.put(0xb8 + register, ...this.dword(value));
  }

  /** An instruction that may fault, with room behind it for its handler to come back to. */
  slot(...instruction: number[]): void {
    while (instruction.length < SLOT) instruction.push(0x90);
    this.put(...instruction);
  }

  /** dec dword [ebx + counter]; jnz */
  countDown(counter: number, to: number): void {
    this.put(0xff, 0x4b, counter, 0x0f, 0x85);
    this.put(...this.dword(to - (this.bytes.length + 4)));
  }

  hypercall(number: number, ...args: number[]): void {
    this.put(0x53); // push ebx
    args.forEach((value, n) => this.mov([EBX, ECX, EDX, ESI][n], value));
    this.mov(EAX, number);
    this.put(0xcd, 0x82, 0x5b);
  }

  /** mov dword [address], value */
  store(address: number, value: number): void {
    this.put(0xc7, 5, ...this.dword(address), ...this.dword(value));
  }

  pushAll(): void {
    if (this.random(2)) {
      this.put(0x60);
      this.stretch();
      this.put(0x61);
      return;
    }
    const crossing = this.pick([2, 4, 8, 16, 20, 28]);
    const pushed = [VARIABLE + PAGE + crossing, CODE_AT + crossing, DATA + 0x800];
    const at = this.user
      ? this.pick([...pushed, USER_STACK + crossing, USER_STACK, USER_STACK + 32])
      : this.pick(pushed);
    this.onStack(at, () => {
      this.slot(0x60);
      if (this.random(2)) {
        this.put(0xc6, 5, ...this.dword(VARIABLE + this.random(PAGE)), this.random(256));
      }
      this.slot(0x61);
    });
  }

  /** POPA whose words lie across the end of what is mapped. */
  popAllFaulting(): void {
    this.onStack(TAIL + PAGE - this.pick([4, 8, 16, 28, 32, 30]), () => this.slot(0x61));
  }

  /** Accesses of each kind to a page that is not there, or across into it. */
  absent(): void {
    if (!this.random(3)) return this.onStack(GAP, () => this.slot(...this.pick(POPS)));
    const crossing = this.random(4) ? this.random(PAGE - 16) : -1 - this.random(3);
    this.slot(...this.pick(ACCESSES), ...this.dword(GAP + crossing));
  }

  onStack(at: number, what: () => void): void {
    this.put(0x89, 0x25, ...this.dword(SAVED_ESP));
    this.mov(ESP, at);
    what();
    this.put(0x8b, 0x25, ...this.dword(SAVED_ESP));
    this.mov(EBX, DATA);
  }

  segment(): void {
    const [modrm, pop, override] = this.pick(SEGMENTS);
    const rpl = this.user ? 3 : 1;
    const own = () => (1 + this.random(15)) * 8 | this.pick([rpl, 3]);
    const selector = this.random(2) ? this.pick([KDS, UDS, UDS, UCS, 0, 3, 0x1234]) : own();
    this.put(0x89, 0x25, ...this.dword(SAVED_ESP));
    if (this.random(2)) {
      this.mov(EAX, selector);
      this.slot(0x8e, modrm);
    } else {
      this.put(0x68, ...this.dword(selector));
      this.slot(...pop);
    }
    if (this.random(2)) {
      this.slot(
        override,
        this.pick([0x8b, 0x01]),
        0x05 | this.register() << 3,
        ...this.dword(DATA + 4 * this.random(8)),
      );
    }
    this.mov(EAX, this.user ? UDS : KDS);
    this.put(0x8e, 0xd8, 0x8e, 0xc0, 0x36, 0x8b, 0x25, ...this.dword(SAVED_ESP));
    if (!this.random(3)) this.put(0x8c, 0xe0 | this.random(2) << 3); // mov eax, fs or gs
  }

  variable(): void {
    const at = VARIABLE + 4 * this.random(2 * PAGE / 4 - 0x40);
    this.put(
      this.pick([0x01, 0x03, 0x31, 0x89, 0x8b]),
      0x05 | this.pick([EAX, ECX, EDX]) << 3,
      ...this.dword(at),
    );
  }

  /** Reads a page that ring 3 may not read. */
  kernelPage(): void {
    const at = SHARED + 0xc00 + 4 * this.random(0x80);
    this.slot(this.pick([0x03, 0x8b]), 0x05 | this.pick([EAX, ECX, EDX]) << 3, ...this.dword(at));
  }

  changeDescriptor(): void {
    const [low, high] = this.pick(DESCRIPTORS);
    this.put(
      0x53,
      0x8b,
      0x1d,
      ...this.dword(GDT_MACHINE),
      0x83,
      0xc3,
      8 * (1 + this.random(15)),
      0x31,
      0xc9,
    );
    this.mov(EDX, low);
    this.mov(ESI, high);
    this.mov(EAX, UPDATE_DESCRIPTOR);
    this.put(0xcd, 0x82, 0x5b);
  }

  switchSpace(): void {
    this.hypercall(MMUEXT, OPS + 12 * this.random(2), 1, 0, SELF);
  }

  /** Hypercalls in a loop, an upcall on the way back from some of them. */
  upcalls(): void {
    this.put(0xc7, 0x43, CALLS, ...this.dword(1 + this.random(6)));
    const top = this.bytes.length;
    if (this.random(3)) this.put(0x66, 0xc7, 5, ...this.dword(SHARED), 1, 0); // pending, not masked
    this.hypercall(VERSION, 0, 0);
    if (this.random(2)) this.stretch();
    this.countDown(CALLS, top);
  }

  /** Three calls whose list lies across a page's end, which the calls map to something else. */
  multicall(): void {
    const list = this.random(3) ? LIST : VARIABLE + 0x100;
    const readOnly = this.random(3) === 0;
    for (let n = 0; n < 3; n++) {
      const entry = list + 32 * n;
      const args = (...values: number[]) =>
        values.forEach((v, i) => this.store(entry + 8 + 4 * i, v));
      const kind = this.random(readOnly ? 3 : 4);
      this.store(entry, [VERSION, UPDATE_VA, UPDATE_VA, MMUEXT][kind]);
      if (kind === 0) args(0, 0);
      else if (kind === 3) args(OPS + 12 * this.random(2), 1, 0, SELF);
      else {
        args(VARIABLE + PAGE * this.random(2), 0, 0, this.random(3));
        this.put(0xa1, ...this.dword(PTES + 4 * this.random(2))); // mov eax, [entry]
        if (readOnly) this.put(0x83, 0xe0, 0xfd); // and eax, ~2
        this.put(0xa3, ...this.dword(entry + 12));
      }
    }
    this.hypercall(MULTICALL, list, 3);
    for (const n of [0, 1]) {
      this.put(0x53, 0x8b, 0x0d, ...this.dword(PTES + 4 * n)); // push ebx; mov ecx, [entry]
      [[EBX, VARIABLE + n * PAGE], [EDX, 0], [ESI, 2], [EAX, UPDATE_VA]].forEach(([r, v]) =>
        this.mov(r, v)
      );
      this.put(0xcd, 0x82, 0x5b);
    }
  }

  /** Goes to ring 3 for a loop, and comes back by INT 0x81. */
  program(): void {
    for (
      const word of [
        UDS,
        USER_STACK + 0x800,
        0x202 | this.pick([0, 0, 0x400, 0x40000]) & 0x200,
        UCS,
      ]
    ) {
      this.put(0x68, ...this.dword(word));
    }
    this.put(0x68);
    this.absolute.push([this.bytes.length, this.bytes.length + 5]);
    this.put(0, 0, 0, 0, 0xcf);
    this.user = true;
    this.mov(EAX, UDS);
    this.put(0x8e, 0xd8, 0x8e, 0xc0);
    this.put(0xc7, 0x43, ROUNDS, ...this.dword(5 + this.random(40)));
    const top = this.bytes.length;
    for (let n = 1 + this.random(4); n; n--) this.something();
    this.countDown(ROUNDS, top);
    this.put(0xcd, 0x81);
    this.user = false;
  }

  something(): void {
    const both = [
      () => this.stretch(),
      () => this.stretch(),
      () => this.pushAll(),
      () => this.pushAll(),
      () => this.segment(),
      () => this.segment(),
      () => this.put(0xcd, 0x80),
      () => this.slot(0x0f, 0x0b),
      () => this.variable(),
      () => this.variable(),
      () => this.popAllFaulting(),
      () => this.absent(),
      () => this.absent(),
      () => this.kernelPage(),
      () => this.kernelPage(),
    ];
    const kernels = [
      () => this.changeDescriptor(),
      () => this.switchSpace(),
      () => this.switchSpace(),
      () => this.upcalls(),
      () => this.multicall(),
      () => this.program(),
      () => this.program(),
    ];
    this.pick(this.user ? both : [...both, ...kernels, ...kernels])();
  }

  resolve(): void {
    for (const [at, target] of this.absolute) {
      this.dword(CODE_AT + target).forEach((b, i) => this.bytes[at + i] = b);
    }
  }
}

/** The guest that a seed names. */
export function kernelsGuest(seed: number): Uint8Array {
  const c = new Kernel(randomNumbers(seed));
  while (c.bytes.length < 0x40) c.put(0x90); // what PUSHA writes over
  c.mov(EBX, DATA);
  const top = c.bytes.length;
  for (let n = 2 + c.random(6); n; n--) c.something();
  c.put(0xe9, ...c.dword(top - (c.bytes.length + 5)));
  c.resolve();
  const pages = Math.ceil((CODE_AT - BASE + c.bytes.length) / PAGE);
  const image = new Uint8Array(pages * PAGE);
  image.set(c.bytes, CODE_AT - BASE);
  // no hypercall has this number: a list that is mapped to something else is harmless
  image.fill(0xff, VARIABLE - BASE, VARIABLE - BASE + 2 * PAGE);
  const gdt = new Bytes(image, OWN_TABLES - BASE);
  for (let n = 0; n < 16; n++) {
    const [low, high] = n ? DESCRIPTORS[n % DESCRIPTORS.length] : [0, 0];
    gdt.dword(low).dword(high);
  }
  kernelPrologue(image, pages, c.random(2) === 1);
  return elf(image);
}
