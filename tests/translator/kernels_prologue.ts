/** How the guests of kernels.ts begin: their pages' rights, the second address space, GDT, trap table and handlers. */
import { BASE, Bytes } from "../guests/random_code.ts";
import {
  CODE_AT,
  COUNTERS,
  DATA,
  EXIT,
  FAULT,
  FAULT_WITH_CODE,
  FAULTS_SEEN,
  GAP,
  GDT_MACHINE,
  KCS,
  KDS,
  L1,
  L2,
  L3,
  MFN_LIST,
  OPS,
  OWN_TABLES,
  PTES,
  SHARED,
  SHARED_INFO,
  STACK_TOP,
  SYSTEM_CALL,
  TAIL,
  TRAP_TABLE,
  UPCALL,
  USER_STACK,
  VARIABLE,
} from "./kernels_layout.ts";

const M2P = 0xf5800000, SELF = 0x7ff0, SLOT = 8;
const NEW_BASEPTR = 5, PIN_L3 = 2;
const [EAX, ECX, EDX, EBX, ESP, , ESI, EDI] = [0, 1, 2, 3, 4, 5, 6, 7];
/** Exceptions that push an error code. */
const WITH_CODE = [8, 10, 11, 12, 13, 14, 17];
const RW = 0x67, READ_ONLY = 0x61;
/** In a vcpu_info. */
const CR2 = 8;

/**
 * Writes the prologue.
 *
 * @param pages of the image
 * @param hypercalls handlers return by the iret hypercall
 */
export function kernelPrologue(image: Uint8Array, pages: number, hypercalls: boolean): void {
  const b = new Bytes(image, 0);
  const number = (address: number) => (address - BASE) >>> 12;
  const mov = (register: number, value: number) => b.put(0xb8 + register).dword(value);
  const hypercall = (nr: number) => {
    mov(EAX, nr);
    b.put(0xcd, 0x82);
  };
  const save = (register: number, at: number) => b.put(0x89, 5 | register << 3).dword(at);
  const restore = (register: number, at: number) => b.put(0x8b, 5 | register << 3).dword(at);
  /** The entry for a page of the image, into ECX. */
  const entry = (address: number, flags: number) => {
    b.put(0x8b, 0x8f).dword(4 * number(address)); // mov ecx, [edi + …]
    b.put(0xc1, 0xe1, 12, 0x81, 0xc9).dword(flags);
  };
  const updateVa = (address: number) => {
    b.put(0x31, 0xd2);
    mov(EBX, address);
    mov(ESI, 2);
    hypercall(14);
  };
  const map = (address: number, flags: number) => {
    entry(address, flags);
    updateVa(address);
  };
  /** What the low word of an entry in EAX names, as an address: the machine-to-phys table says it. */
  const follow = () => {
    b.put(0xc1, 0xe8, 12, 0x8b, 0x04, 0x85).dword(M2P);
    b.put(0xc1, 0xe0, 12, 5).dword(BASE);
  };
  const copy = (to: number, dwords: number) => {
    b.put(0x89, 0xc6); // mov esi, eax
    mov(EDI, to);
    mov(ECX, dwords);
    b.put(0xf3, 0xa5);
  };

  mov(ESP, STACK_TOP);
  b.put(0x8b, 0x6e, 60, 0x8b, 0x7e, 68, 0x8b, 0x46, 36); // ebp: pt_base; edi: mfn_list; eax: shared_info
  save(EDI, MFN_LIST);
  save(EAX, SHARED_INFO);
  b.put(0x89, 0xe8, 0x2d).dword(BASE); // mov eax, ebp; sub eax, BASE
  b.put(0xc1, 0xe8, 10, 0x8b, 0x0c, 0x07); // shr eax, 10; mov ecx, [edi + eax]
  save(ECX, OPS + 4);
  for (const address of [DATA, VARIABLE, VARIABLE + 0x1000, TAIL, USER_STACK]) map(address, RW);
  for (let n = number(CODE_AT); n < pages; n++) map(BASE + n * 0x1000, RW);
  for (const n of [0, 1]) {
    entry(VARIABLE + n * 0x1000, RW);
    save(ECX, PTES + 4 * n);
  }
  restore(ECX, SHARED_INFO);
  b.put(0x83, 0xc9, 0x63);
  updateVa(SHARED);
  b.put(0x31, 0xc9);
  updateVa(GAP);

  // the second address space
  b.put(0x8b, 0x45, 24); // mov eax, [ebp + 24]
  follow();
  b.put(0x89, 0xc2); // mov edx, eax
  copy(L2, 428 * 2);
  b.put(0x8b, 0x02); // mov eax, [edx]
  follow();
  copy(L1, 1024);
  for (const table of [OWN_TABLES, L1, L2, L3]) {
    b.put(0x83, 0x25).dword(L1 + 8 * number(table)).put(0xfd);
  }
  const [one, other] = [L1 + 8 * number(VARIABLE), L1 + 8 * number(VARIABLE) + 8];
  restore(EAX, one);
  restore(ECX, other);
  save(ECX, one);
  save(EAX, other);
  restore(EDI, MFN_LIST);
  entry(L1, RW);
  save(ECX, L2);
  entry(L2, 1);
  save(ECX, L3 + 24);
  b.put(0x8b, 0x8f).dword(4 * number(L3));
  save(ECX, OPS + 16);
  save(ECX, OPS + 28);
  for (const table of [OWN_TABLES, L1, L2, L3]) map(table, READ_ONLY);
  mov(EBX, OPS + 24);
  mov(ECX, 1);
  b.put(0x31, 0xd2);
  mov(ESI, SELF);
  hypercall(26);

  b.put(0x8b, 0x8f).dword(4 * number(OWN_TABLES));
  save(ECX, DATA);
  b.put(0xc1, 0xe1, 12);
  save(ECX, GDT_MACHINE);
  mov(EBX, DATA);
  mov(ECX, 16);
  hypercall(2); // set_gdt
  mov(EBX, TRAP_TABLE);
  hypercall(0); // set_trap_table
  mov(EBX, KCS);
  mov(ECX, UPCALL);
  mov(EDX, KCS);
  mov(ESI, UPCALL);
  hypercall(4); // set_callbacks
  mov(EBX, KDS);
  mov(ECX, STACK_TOP);
  hypercall(3); // stack_switch
  b.put(0xe9).dword(CODE_AT + 0x40 - (BASE + b.at + 4));
  if (b.at > FAULT - BASE) throw new Error("the prologue is too long");

  const inc = (n: number) => b.put(0x36, 0xff, 0x05).dword(COUNTERS + 4 * n);
  const back = () => {
    if (!hypercalls) return b.put(0xcf);
    b.put(0x50);
    return hypercall(23);
  };
  const handler = (at: number, n: number, ...code: number[]) => {
    b.at = at - BASE;
    inc(n).put(...code);
    back();
  };
  handler(FAULT, 0, 0x83, 0x04, 0x24, SLOT); // add dword [esp], 8
  const word = (n: number) => [0, 8, 16, 24].map((by) => n >>> by & 0xff);
  const add = [0x36, 0x01, 0x05, ...word(FAULTS_SEEN)]; // add [FAULTS_SEEN], eax
  handler(
    FAULT_WITH_CODE,
    1,
    0x50, // push eax
    ...[0x36, 0xa1, ...word(SHARED + CR2)],
    ...add,
    ...[0x36, 0xd1, 0x05, ...word(FAULTS_SEEN)], // rol dword [FAULTS_SEEN], 1
    ...[0x8b, 0x44, 0x24, 4], // the error code
    ...add,
    0x58,
    ...[0x83, 0xc4, 4, 0x83, 0x04, 0x24, SLOT],
  );
  handler(SYSTEM_CALL, 2);
  handler(
    UPCALL,
    3,
    0x36,
    0x66,
    0xc7,
    5,
    ...word(SHARED),
    0,
    0,
  );
  b.at = EXIT - BASE;
  b.put(0x58, 0xfc); // pop eax; cld
  mov(ESP, STACK_TOP);
  mov(ECX, KDS);
  b.put(0x8e, 0xd9, 0x8e, 0xc1, 0xff, 0xe0); // mov ds, ecx; mov es, ecx; jmp eax

  new Bytes(image, OPS - BASE).dword(NEW_BASEPTR).dword(0).dword(0).dword(NEW_BASEPTR).dword(0)
    .dword(0).dword(PIN_L3);
  const table = new Bytes(image, TRAP_TABLE - BASE);
  for (const vector of [...Array(20).keys(), 0x80, 0x81]) {
    if (vector === 2) continue;
    let address = WITH_CODE.includes(vector) ? FAULT_WITH_CODE : FAULT;
    if (vector === 0x80) address = SYSTEM_CALL;
    if (vector === 0x81) address = EXIT;
    table.put(vector, vector >= 0x80 ? 3 : 0, KCS & 0xff, KCS >>> 8).dword(address);
  }
}
