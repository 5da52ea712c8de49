/**
 * A kernel that makes the hypercalls it finds in a list, one after the other and from ring 1 or ring 3,
 * and lets nothing stop it: every exception and every upcall leads to the next of them.
 *
 * And one that only counts, and must go on doing so.
 */
import { BASE, type Guest, type Rig } from "../rig.ts";

/** Pages of the guest: its code, trap table, stack, the list, what calls point to, shared_info. */
export const CODE = 8, TRAPS = 9, STACK = 11, LIST = 12, DATA = 13, STRUCTS = 14, SHARED = 18;
/** Pages from STRUCTS on that hold what calls point to: a structure for each call, and lists. */
export const STRUCT_PAGES = 4;
/** Pages before this one keep the guest going; calls play with the others too, but less. */
export const FIRST = 19;
/** Bytes of a call in the list: six registers, a result, the ring. */
export const CALL = 32;
export const CALLS = 4096 / CALL;

const va = (page: number) => BASE + page * 4096;
const NEXT = va(DATA), COUNT = va(DATA) + 4;
const TOP = va(STACK) + 4096;
const USER_STACK = va(DATA) + 2048;
const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;

const [EAX, ECX, EDX, EBX, ESP, , ESI, EDI] = [0, 1, 2, 3, 4, 5, 6, 7];

class Code {
  readonly bytes: number[] = [];
  put(...values: number[]): this {
    this.bytes.push(...values);
    return this;
  }
  dword(v: number): this {
    return this.put(v & 255, (v >>> 8) & 255, (v >>> 16) & 255, v >>> 24);
  }
  get at(): number {
    return va(CODE) + this.bytes.length;
  }
  /** mov r, imm */
  set(register: number, value: number): this {
    return this.put(0xb8 + register).dword(value);
  }
  hypercall(nr: number, ...args: number[]): this {
    [EBX, ECX, EDX, ESI, EDI].slice(0, args.length).forEach((r, n) => this.set(r, args[n]));
    return this.set(EAX, nr).put(0xcd, 0x82);
  }
  /** mov r, [ebp + offset] */
  load(register: number, offset: number): this {
    return this.put(0x8b, 0x45 | (register << 3), offset);
  }
  push(value: number): this {
    return this.put(0x68).dword(value);
  }
  jump(to: number): this {
    return this.put(0xe9).dword(to - (this.at + 4));
  }
}

/** Where every handler is: known once the prologue's length is. */
function caller(handler: number): { code: Code; handler: number } {
  const c = new Code();
  c.set(ESP, TOP);
  c.hypercall(0, va(TRAPS)).hypercall(3, KDS, TOP).hypercall(4, KCS, handler, KCS, handler);
  const next = c.at;
  c.set(ESP, TOP);
  c.push(KDS).put(0x1f).push(KDS).put(0x07); // ds and es: the way into ring 3 took them
  c.put(0xff, 0x05).dword(COUNT); // inc [COUNT]
  c.put(0x8b, 0x2d).dword(NEXT); // mov ebp, [NEXT]
  c.put(0x83, 0x05).dword(NEXT).put(CALL); // add [NEXT], CALL
  c.put(0x81, 0x25).dword(NEXT).dword(4096 - CALL); // and [NEXT], 4096 - CALL
  c.put(0x81, 0xe5).dword(4096 - CALL); // and ebp, 4096 - CALL
  c.put(0x81, 0xc5).dword(va(LIST)); // add ebp, LIST
  c.put(0x83, 0x7d, 28, 0, 0x75); // cmp [ebp + 28], 0; jne ring 3
  const branch = c.bytes.length;
  c.put(0);
  const registers = () => [EAX, EBX, ECX, EDX, ESI, EDI].forEach((r, n) => c.load(r, n * 4));
  registers();
  c.put(0xcd, 0x82, 0x89, 0x45, 24); // int 0x82; mov [ebp + 24], eax
  c.jump(next);
  c.bytes[branch] = c.bytes.length - branch - 1;
  registers();
  c.push(UDS).push(USER_STACK).push(0x202).push(UCS);
  const user = c.at + 6;
  c.push(user).put(0xcf); // iret
  c.put(0xcd, 0x82, 0x0f, 0x0b); // int 0x82; ud2
  return { code: c, handler: next };
}

const { handler: HANDLER } = caller(0);
const { code: CALLER } = caller(HANDLER);

/** A guest that makes hypercalls, ready to run. */
export function addCaller(rig: Rig, options = 0): Guest {
  const guest = rig.addGuest({ vcpus: 2, options, entry: va(CODE) });
  const page = (n: number) => rig.core.frame(guest.mfns[n]);
  page(CODE).set(CALLER.bytes);
  const traps = new DataView(page(TRAPS).buffer, page(TRAPS).byteOffset, 4096);
  for (let vector = 0; vector < 255; vector++) {
    const dpl = vector % 3 === 0 ? 3 : 0;
    traps.setUint32(vector * 8, vector | (dpl << 8) | (KCS << 16), true);
    traps.setUint32(vector * 8 + 4, HANDLER, true);
  }
  // ring 3 may run the code and use the data: the tables hold no count of that
  const table = new DataView(page(2).buffer, page(2).byteOffset, 4096);
  for (const n of [CODE, DATA, LIST, STRUCTS, STRUCTS + 1]) table.setUint8(n * 8, 0x67);
  return guest;
}

/** Times a guest has come round. */
export const rounds = (guest: Guest): number => guest.read(COUNT);

/** A guest that counts, in ring 1, and does nothing else. */
export function addCounter(rig: Rig): Guest {
  const guest = rig.addGuest({ entry: va(CODE) });
  const code = new Code();
  code.put(0xff, 0x05).dword(COUNT).put(0xeb, 0xf8); // inc [COUNT]; jmp back
  rig.core.frame(guest.mfns[CODE]).set(code.bytes);
  return guest;
}
