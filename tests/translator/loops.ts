/**
 * Guests that loop over random but well-behaved instructions: arithmetic on registers and on memory,
 * conditional jumps forward, calls and returns; one in four writes over constants of its own code. They stay in their loops, so that what is hot is
 * translated and runs for long.
 */
import { BASE, CODE, guestImage, randomNumbers } from "../guests/random_code.ts";

/** Registers that instructions may use: all but ESP and EBX, which points at the data. */
const REGISTERS = [0, 1, 2, 5, 6, 7];
export const DATA = BASE + 0x2000;

/** Machine code in the making. */
export class Code {
  readonly bytes: number[] = [];
  /** Where constants stand in the code that it may write over, and where such addresses are wanted. */
  readonly constants: number[] = [];
  readonly patches: number[] = [];
  constructor(readonly random: (below: number) => number) {}
  pick<T>(list: readonly T[]): T {
    return list[this.random(list.length)];
  }
  register(): number {
    return this.pick(REGISTERS);
  }
  put(...bytes: number[]): void {
    this.bytes.push(...bytes);
  }
  dword(v: number): number[] {
    return [v & 255, v >>> 8 & 255, v >>> 16 & 255, v >>> 24];
  }
  /** ModRM (and displacement) of a register, or of a place in the data page. */
  operand(reg: number): number[] {
    if (this.random(3)) return [0xc0 | reg << 3 | this.register()];
    return [0x43 | reg << 3, this.random(0x40)]; // [ebx + disp8]
  }

  instruction(): void {
    const { random } = this;
    const width = random(4) ? 1 : 0; // the opcode's low bit: dword, or byte
    const prefix = width && !random(6) ? [0x66] : [];
    const immediate = width ? (prefix.length ? 2 : 4) : 1;
    const bytes = () => Array.from({ length: immediate }, () => random(256));
    // byte registers 4..7 are AH CH DH BH: BH would move the data pointer
    const reg = width ? this.register() : this.pick([0, 1, 2, 4, 5, 6]);
    const rm = (n: number) => width ? this.operand(n) : [0x43 | n << 3, random(0x40)];
    switch (random(14)) {
      case 0:
      case 1:
      case 2:
        return this.put(...prefix, random(8) << 3 | width, ...rm(reg)); // alu r/m, r
      case 3:
        return this.put(...prefix, random(8) << 3 | 2 | width, ...rm(reg)); // alu r, r/m
      case 4:
        return this.put(...prefix, 0x80 | width, ...rm(random(8)), ...bytes());
      case 5:
        return this.put(...prefix, 0xc0 | width, ...rm(random(8)), random(40)); // shifts
      case 6:
        return this.put(...prefix, 0xd2 | width, ...rm(random(8)));
      case 7:
        return this.put(...prefix, 0xfe | width, ...rm(random(2))); // inc, dec
      case 8:
        return this.put(...prefix, 0xf6 | width, ...rm(this.pick([2, 3, 4, 5]))); // not neg mul imul
      case 9:
        return this.put(0x0f, 0x40 | random(16), 0xc0 | this.register() << 3 | this.register());
      case 10:
        return this.put(0x0f, 0x90 | random(16), 0x43, random(0x40)); // setcc
      case 11:
        return this.put(
          0x0f,
          this.pick([0xa3, 0xab, 0xaf, 0xb6, 0xb7, 0xbc, 0xbd, 0xbe, 0xbf, 0xc1]),
          0xc0 | this.register() << 3 | this.register(),
        );
      case 12:
        return this.put(...prefix, this.pick([0x88, 0x8a]) | width, ...rm(reg)); // mov
      default:
        return this.put(this.pick([0xf5, 0xf8, 0xf9, 0x98, 0x99, 0x9e, 0x9f, 0x27, 0x2f, 0xfc]));
    }
  }

  /** MOV of a constant to a register, and a store into some such constant: by MOV or by STOSB. */
  selfModification(): void {
    this.put(0xb8 | this.register());
    this.constants.push(this.bytes.length);
    this.put(...this.dword(this.random(0x7fffffff)));
    // every sixteenth time, so that there is a translation to be overwritten: add byte [ebx + 0x70], 0x10
    this.put(0x80, 0x43, 0x70, 0x10, 0x75, 6); // jnz behind the store
    if (this.random(2)) this.put(0x88, 0x2d); // mov [address], ch
    else this.put(0xbf); // mov edi, address; stosb
    this.patches.push(this.bytes.length);
    this.put(0, 0, 0, 0);
    if (this.bytes[this.bytes.length - 5] === 0xbf) this.put(0xaa);
    this.put(0xb8 | this.register());
    this.constants.push(this.bytes.length);
    this.put(...this.dword(this.random(0x7fffffff)));
  }

  /** Fills in the addresses of constants. */
  patch(): void {
    for (const at of this.patches) {
      // mostly the constant right behind it
      const near = this.constants.find((c) => c > at) ?? 0;
      const to = this.random(4) ? near : this.pick(this.constants);
      this.dword(CODE + to).forEach((b, i) => this.bytes[at + i] = b);
    }
  }

  /** Some instructions, a part of them jumped over on a condition, or pushed and popped around. */
  stretch(): void {
    const at = this.bytes.length;
    const shape = this.random(4);
    if (shape === 0) this.put(0x70 | this.random(16), 0);
    const register = this.register();
    if (shape === 1) this.put(0x50 | register);
    for (let n = 1 + this.random(5); n; n--) this.instruction();
    if (shape === 0) this.bytes[at + 1] = this.bytes.length - at - 2;
    if (shape === 1) this.put(0x58 | register);
  }
}

/** The guest that a seed names. */
export function loopGuest(seed: number): Uint8Array {
  const c = new Code(randomNumbers(seed));
  c.put(0xbb, ...c.dword(DATA)); // mov ebx, DATA
  const top = c.bytes.length;
  const call = c.bytes.length;
  c.put(0xe8, 0, 0, 0, 0);
  const modifies = c.random(4) === 0;
  for (let n = 2 + c.random(6); n; n--) {
    c.stretch();
    if (modifies && c.random(2)) c.selfModification();
  }
  c.put(0xe9, ...c.dword(top - (c.bytes.length + 5)));
  const target = c.bytes.length - (call + 5);
  c.dword(target).forEach((b, i) => c.bytes[call + 1 + i] = b);
  for (let n = 1 + c.random(3); n; n--) c.stretch();
  c.put(0xc3);
  c.patch();
  return guestImage((image) => image.set(c.bytes, CODE - BASE));
}
