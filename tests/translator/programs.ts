/**
 * Guests of many small programs, run one after another: each loops some dozen times over random
 * instructions with conditions, inner loops, calls, indirect jumps, faults now and then, accesses across a
 * page's end, and stores into its own code. Handlers of faults go on behind the eight bytes that the
 * faulting instruction stands in; those of events and of INT 0x80 count and return.
 */
import { BASE, Bytes, CODE, elf, randomNumbers } from "../guests/random_code.ts";
import { Code } from "./loops.ts";

const FAULT = BASE + 0x100, FAULT_WITH_CODE = BASE + 0x140, RETURN = BASE + 0x180;
const COUNTERS = BASE + 0xff0;
const TRAP_TABLE = BASE + 0x1000;
const STACK_TOP = BASE + 0x2000;
/** Two pages that operands lie in. */
const DATA = BASE + 0x2000;
const CODE_AT = CODE + 0x1000;
/** Offset of mfn_list in start_info (xen/include/public/xen.h). */
const MFN_LIST = 68;
/** Bytes of the slot that a faulting instruction stands in. */
const SLOT = 8;
/** Exceptions that push an error code. */
const WITH_CODE = [8, 10, 11, 12, 13, 14, 17];
const [EAX, ECX, EDX, EBX, ESP, , ESI] = [0, 1, 2, 3, 4, 5, 6];

/** Counters in the data page that no random operand reaches: displacements from EBX. */
const FIRST_COUNTER = 0x48, LAST_COUNTER = 0x6c;
/** What Code.selfModification counts by is at 0x70. */
const ROUNDS = 0x78;

class Programs extends Code {
  /** Where absolute addresses stand that name a place in the code. */
  readonly absolute: [at: number, target: number][] = [];
  #counter = FIRST_COUNTER;

  jump(opcode: number[], to: number): void {
    this.put(...opcode, ...this.dword(to - (this.bytes.length + opcode.length + 4)));
  }

  /** A jump or call whose target comes later. @returns what sets it */
  jumpLater(...opcode: number[]): () => void {
    this.put(...opcode, 0, 0, 0, 0);
    const end = this.bytes.length;
    return () => {
      this.dword(this.bytes.length - end).forEach((b, i) => this.bytes[end - 4 + i] = b);
    };
  }

  /** A counter of the program's own; 0 when it has used them up. */
  counter(): number {
    if (this.#counter > LAST_COUNTER) return 0;
    this.#counter += 4;
    return this.#counter - 4;
  }

  /** mov dword [ebx + displacement], value */
  setCounter(displacement: number, value: number): void {
    this.put(0xc7, 0x43, displacement, ...this.dword(value));
  }

  /** dec dword [ebx + displacement]; jnz to a place behind it. */
  countDown(displacement: number, to: number): void {
    this.put(0xff, 0x4b, displacement);
    this.jump([0x0f, 0x85], to);
  }

  innerLoop(counter: number): void {
    this.setCounter(counter, 1 + this.random(5));
    const top = this.bytes.length;
    this.stretch();
    this.countDown(counter, top);
  }

  /** jmp [table + 4 * (rounds & 3)] to one of four stretches. */
  indirect(): void {
    const register = this.pick([EAX, ECX, EDX, ESI]);
    this.put(0x8b, 0x43 | register << 3, ROUNDS, 0x83, 0xe0 | register, 3); // mov, and
    this.put(0xff, 0x24, 0x85 | register << 3);
    const table = this.bytes.length;
    this.put(0, 0, 0, 0);
    const ends: (() => void)[] = [];
    const places: number[] = [];
    for (let n = 0; n < 4; n++) {
      places.push(this.bytes.length);
      this.stretch();
      ends.push(this.jumpLater(0xe9));
    }
    this.absolute.push([table, this.bytes.length]);
    for (const place of places) {
      this.absolute.push([this.bytes.length, place]);
      this.put(0, 0, 0, 0);
    }
    ends.forEach((set) => set());
  }

  /** Something that faults when the counter that it looks at runs out. */
  fault(counter: number): void {
    this.put(0xff, 0x4b, counter); // dec dword
    const skip = this.jumpLater(0x0f, 0x85);
    const kinds: [before: number[], faulting: number[]][] = [
      [[], [0x0f, 0x0b]], // ud2
      [[], [0xa1, 0x10, 0, 0, 0]], // mov eax, [0x10]
      [[], [0x89, 0x15, 0, 0x10, 0, 0]], // mov [0x1000], edx
      [[], [0x01, 0x05, 0xfe, 0xff, 0xff, 0xff]], // add across the end of the address space
      [[0x31, 0xc9], [0xf7, 0xf1]], // div ecx
      [[0xb8, 0x34, 0x12, 0, 0], [0x8e, 0xd8]], // mov ds, ax
      [[0xb8, 0x34, 0x12, 0, 0], [0x8e, 0xd0]], // mov ss, ax
      [[], [0xcd, 0x80]],
      [[], [0xff, 0x35, 0x40, 0, 0, 0]], // push dword [0x40]
      [[0x31, 0xff], [0xab]], // stosd
    ];
    const [before, faulting] = this.pick(kinds);
    this.put(...before, ...faulting);
    while (faulting.push(0x90) <= SLOT) this.put(0x90);
    skip();
  }

  /**
   * Some dwords are copied, filled or compared within the data.
   *
   * @param data where the program's operands and counters lie in it, which stay as they are
   */
  strings(data: number): void {
    let to = 0;
    do to = 0x60 + this.random(0x1e00); while (to > data - 0x80 && to < data + 0x100);
    this.put(0xbe, ...this.dword(DATA + this.random(0x1f00))); // esi
    this.put(0xbf, ...this.dword(DATA + to)); // edi
    this.put(0xb9, ...this.dword(this.random(24))); // ecx
    if (this.random(4) === 0) this.put(0xfd); // std
    if (this.random(3)) this.put(this.pick([0xf2, 0xf3]));
    this.put(this.pick([0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xa6, 0xae]), 0xfc);
  }

  program(): void {
    this.#counter = FIRST_COUNTER;
    const { random } = this;
    // one in four has its operands across the end of a page
    const data = random(4) ? random(0x1f00) & ~3 : 0x1000 - random(0x48);
    this.put(0xbb, ...this.dword(DATA + data));
    const rounds = 10 + random(60);
    this.setCounter(ROUNDS, rounds);
    const later: { counter: number; bytes: number }[] = [];
    for (let n = random(3); n; n--) {
      const counter = this.counter();
      later.push({ counter, bytes: 0 });
      this.setCounter(counter, 1 + random(rounds));
    }
    const top = this.bytes.length;
    const calls: (() => void)[] = [];
    const modifies = random(8) === 0;
    for (let n = 1 + random(3); n; n--) {
      this.stretch();
      const counter = random(3) ? 0 : this.counter();
      if (counter) this.innerLoop(counter);
      if (random(8) === 0) this.indirect();
      if (random(4) === 0) calls.push(this.jumpLater(0xe8));
      if (random(8) === 0) this.strings(data);
      if (modifies && random(2)) this.selfModification();
      const fault = later.pop();
      if (fault) this.fault(fault.counter);
    }
    this.countDown(ROUNDS, top);
    // on by an indirect jump: a region is not to hold all programs there are
    this.put(0xb8);
    const onwards = this.bytes.length;
    this.put(0, 0, 0, 0, 0xff, 0xe0);
    if (calls.length) {
      for (const set of calls) set();
      this.stretch();
      this.put(0xc3);
    }
    this.absolute.push([onwards, this.bytes.length]);
  }

  resolve(): void {
    for (const [at, target] of this.absolute) {
      this.dword(CODE_AT + target).forEach((b, i) => this.bytes[at + i] = b);
    }
    for (const patch of this.patches) {
      const near = this.constants.find((c) => c > patch) ?? this.constants[0];
      const to = this.random(4) ? near : this.pick(this.constants);
      this.dword(CODE_AT + to).forEach((b, i) => this.bytes[patch + i] = b);
    }
  }
}

function prologue(image: Uint8Array): void {
  const b = new Bytes(image, 0);
  const mov = (register: number, value: number) => b.put(0xb8 + register).dword(value);
  const hypercall = (number: number) => {
    mov(EAX, number);
    b.put(0xcd, 0x82);
  };
  mov(ESP, STACK_TOP);
  // the data's two pages change places, so that their frames do not follow one another
  b.put(0x8b, 0x7e, MFN_LIST); // mov edi, [esi + …]
  for (const n of [0, 1]) {
    b.put(0x8b, 0x4f, 4 * ((DATA - BASE) / 4096 + 1 - n)); // mov ecx, [edi + …]
    b.put(0xc1, 0xe1, 12, 0x83, 0xc9, 0x63, 0x31, 0xd2); // shl ecx, 12; or ecx, flags; xor edx, edx
    mov(EBX, DATA + n * 4096);
    mov(ESI, 2); // UVMF_INVLPG
    hypercall(14); // update_va_mapping
  }
  mov(EBX, TRAP_TABLE);
  hypercall(0); // set_trap_table
  mov(EBX, 0xe019);
  mov(ECX, RETURN);
  mov(EDX, 0xe019);
  mov(ESI, RETURN);
  hypercall(4); // set_callbacks
  mov(EBX, 0xe021);
  mov(ECX, STACK_TOP);
  hypercall(3); // stack_switch
  b.put(0xe9).dword(CODE_AT - (BASE + b.at + 4));

  const inc = (n: number) => b.put(0xff, 0x05).dword(COUNTERS + 4 * n);
  b.at = FAULT - BASE;
  inc(0).put(0x83, 0x04, 0x24, SLOT, 0xcf); // add dword [esp], 8; iret
  b.at = FAULT_WITH_CODE - BASE;
  inc(1).put(0x83, 0xc4, 4, 0x83, 0x04, 0x24, SLOT, 0xcf); // the error code goes first
  b.at = RETURN - BASE;
  inc(2).put(0xcf);

  const table = new Bytes(image, TRAP_TABLE - BASE);
  for (const vector of [...Array(20).keys(), 0x80]) {
    if (vector === 2) continue;
    const handler = vector === 0x80 ? RETURN : WITH_CODE.includes(vector) ? FAULT_WITH_CODE : FAULT;
    table.put(vector, vector === 0x80 ? 3 : 0, 0x19, 0xe0).dword(handler);
  }
}

export interface ProgramsGuest {
  /** An ELF file. */
  image: Uint8Array;
  /** Where each program begins; the last is where the guest stays when all are done. */
  starts: number[];
}

/** The guest of so many programs that a seed names. */
export function programsGuest(seed: number, programs: number): ProgramsGuest {
  const c = new Programs(randomNumbers(seed));
  const starts: number[] = [];
  for (let n = 0; n < programs; n++) {
    starts.push(CODE_AT + c.bytes.length);
    c.program();
  }
  starts.push(CODE_AT + c.bytes.length);
  c.put(0xeb, 0xfe);
  c.resolve();
  const size = CODE_AT - BASE + c.bytes.length;
  const image = new Uint8Array(size + 0xfff & ~0xfff);
  image.set(c.bytes, CODE_AT - BASE);
  const data = new Programs(randomNumbers(seed + 1));
  for (let n = DATA - BASE; n < CODE_AT - BASE; n++) image[n] = data.random(256);
  prologue(image);
  return { image: elf(image), starts };
}
