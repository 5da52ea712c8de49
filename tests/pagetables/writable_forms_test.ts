/** Stores into a live L1 by every kind of instruction that writes memory, run as a guest's code (golden ptwr.*). */
import assert from "node:assert/strict";
import { CPU, R_AX, R_CX } from "../../core/wasm/layout.ts";
import { type Guest, Rig } from "../hypercalls/rig.ts";
import { park, registers, run, spot, tables } from "../traps/selectors.ts";

const KCS = 0xe019, HC = { trapTable: 0, vmAssist: 21 };
const TABLE = 2, ENTRY = 60; // the L1 that maps all pages, and a page of no other use
const A = 0x20n, D = 0x40n;

async function start(): Promise<Guest> {
  const guest = (await Rig.create(1)).addGuest();
  park(guest.enter());
  tables(guest);
  assert.equal(guest.call(HC.vmAssist, 0, 2), 0);
  const list = [6, 13, 14].flatMap((v) => [v | KCS << 16, spot(guest, 1)]);
  guest.call(HC.trapTable, guest.write(guest.va(30), ...list, 0, 0));
  return guest;
}

const imm = (n: number) => [n, n >>> 8, n >>> 16, n >>> 24].map((b) => b & 0xff);
const address = (guest: Guest) => guest.va(TABLE, ENTRY * 8);
const entry = (guest: Guest) => guest.read64(address(guest));
const initial = (guest: Guest) => BigInt(guest.mfns[ENTRY]) << 12n | 0x63n;

/** Runs code with EDI at the entry. @returns whether it came to its end */
function store(guest: Guest, code: number[], eax = 0, ecx = 0): boolean {
  const [low, high] = [initial(guest) & 0xffffffffn, initial(guest) >> 32n].map(Number);
  assert.equal(guest.call(14, guest.va(ENTRY), low, high, 2), 0);
  run(guest, [0xb8, ...imm(eax), 0xb9, ...imm(ecx), 0xbf, ...imm(address(guest)), ...code]);
  return registers(guest).eip !== spot(guest, 1);
}

/** Name, code, EAX, ECX, and what becomes of an entry of flags 0x63. */
type Form = [string, number[], number, number, (e: bigint) => bigint];
const FORMS: Form[] = [
  ["and dword", [0x83, 0x27, 0xfd], 0, 0, (e) => e & ~2n],
  ["or byte", [0x80, 0x0f, 0x04], 0, 0, (e) => e | 4n],
  ["xor dword", [0x31, 0x07], 0x42, 0, (e) => e ^ 0x42n],
  ["add dword", [0x01, 0x07], 0x200, 0, (e) => e + 0x200n],
  ["adc dword", [0xf9, 0x83, 0x17, 0x03], 0, 0, (e) => e + 4n],
  ["sub word", [0x66, 0x83, 0x2f, 0x20], 0, 0, (e) => e - 0x20n],
  ["inc dword", [0xff, 0x07], 0, 0, (e) => e + 1n],
  ["dec byte", [0xfe, 0x0f], 0, 0, (e) => e - 1n],
  ["not byte", [0xf6, 0x57, 0x07], 0, 0, (e) => e | 0xffn << 56n],
  ["neg dword", [0xf7, 0x5f, 0x04], 0, 0, (e) => e],
  ["bts register", [0x0f, 0xab, 0x07], 9, 0, (e) => e | 0x200n],
  ["btr immediate", [0x0f, 0xba, 0x37, 6], 0, 0, (e) => e & ~D],
  ["lock btc", [0xf0, 0x0f, 0xba, 0x3f, 5], 0, 0, (e) => e ^ A],
  ["lock xadd", [0xf0, 0x0f, 0xc1, 0x07], 0x400, 0, (e) => e + 0x400n],
  ["xchg byte", [0x86, 0x07], 0x21, 0, (e) => e & ~0xffn | 0x21n],
  ["cmpxchg byte", [0x0f, 0xb0, 0x0f], 0x63, 0x61, (e) => e & ~0xffn | 0x61n],
  ["mov dword", [0xc7, 0x47, 0x00, 0, 0, 0, 0], 0, 0, (e) => e & ~0xffffffffn],
  ["mov byte", [0xc6, 0x07, 0x61], 0, 0, (e) => e & ~0xffn | 0x61n],
  ["mov upper half", [0x89, 0x47, 0x04], 0x80000000, 0, (e) => e | 1n << 63n],
  ["stosd", [0xab], 0, 0, (e) => e & ~0xffffffffn],
  ["rep stosd", [0xf3, 0xab], 0, 2, () => 0n],
  ["std; rep stosd", [0x83, 0xc7, 0x04, 0xfd, 0xf3, 0xab, 0xfc], 0, 2, () => 0n],
  ["setz", [0x31, 0xc0, 0x0f, 0x95, 0x07], 0, 0, (e) => e & ~0xffn],
  ["pop", [0x6a, 0x00, 0x8f, 0x07], 0, 0, (e) => e & ~0xffffffffn],
  ["movnti", [0x0f, 0xc3, 0x07], 0, 0, (e) => e & ~0xffffffffn],
  ["shl dword by 0", [0xc1, 0x27, 0x00], 0, 0, (e) => e],
  ["rol dword", [0xc1, 0x07, 0x20], 0, 0, (e) => e],
];

Deno.test("every kind of store into an L1 is a checked update [ptwr.mov] [ptwr.rmw] [ptwr.cmpxchg] [ptwr.strings]", async () => {
  const guest = await start();
  for (const [name, code, eax, ecx, expected] of FORMS) {
    assert.equal(store(guest, code, eax, ecx), true, `${name} faults`);
    assert.equal(entry(guest).toString(16), expected(initial(guest)).toString(16), name);
    assert.equal(guest.rig.inside.audit(guest.domid), 0, name);
  }
});

Deno.test("what would make an entry that may not be is #PF, with nothing changed [ptwr.refused] [ptwr.cmpxchg]", async () => {
  const guest = await start();
  const refused: Form[] = [
    ["or with PAT", [0x80, 0x0f, 0x80], 0, 0, (e) => e],
    ["add that names another frame", [0x81, 0x07, ...imm(0x40000000)], 0, 0, (e) => e],
    ["xchg with a table, writable", [0x87, 0x07], (guest.mfns[1] << 12) | 0x63, 0, (e) => e],
    ["cmpxchg", [0x0f, 0xb1, 0x0f], Number(initial(guest)), 0x63, (e) => e],
    ["mov byte with PWT", [0xc6, 0x07, 0x6b], 0, 0, (e) => e],
    ["stosd", [0xab], 0x63, 0, (e) => e],
    ["bts PCD", [0x0f, 0xba, 0x2f, 4], 0, 0, (e) => e],
    ["mov segment", [0x8c, 0x47, 0x06], 0, 0, (e) => e],
  ];
  for (const [name, code, eax, ecx, expected] of refused) {
    const before = guest.sharedByte(1);
    assert.equal(store(guest, code, eax, ecx), false, `${name} is let through`);
    assert.equal(entry(guest), expected(initial(guest)), name);
    assert.equal(
      guest.shared(8) >>> 0,
      (address(guest) + (name === "mov segment" ? 6 : 0)) >>> 0,
      "CR2",
    );
    assert.equal(guest.rig.inside.audit(guest.domid), 0, name);
    guest.setSharedByte(1, before);
  }
});

Deno.test("CMPXCHG and CMPXCHG8B: registers and ZF, hit or miss [ptwr.cmpxchg] [ptwr.cmpxchg8b]", async () => {
  const guest = await start();
  const low = Number(initial(guest) & 0xffffffffn);
  const word = (at: number) => guest.rig.core.view().getUint32(CPU + at, true);
  // cmpxchg [edi],ecx
  assert.ok(store(guest, [0x0f, 0xb1, 0x0f], low, low & ~2));
  assert.deepEqual([entry(guest), word(R_AX), registers(guest).flags & 0x40], [
    initial(guest) & ~2n,
    low,
    0x40,
  ]);
  assert.ok(store(guest, [0x0f, 0xb1, 0x0f], 5, 0));
  assert.deepEqual([entry(guest), word(R_AX), registers(guest).flags & 0x40], [
    initial(guest),
    low,
    0,
  ]);
  // xor edx,edx; mov ebx,imm; xor ecx,ecx; cmpxchg8b [edi]
  const cmpxchg8b = (
    ebx: number,
  ) => [0x31, 0xd2, 0xbb, ...imm(ebx), 0x31, 0xc9, 0xf0, 0x0f, 0xc7, 0x0f];
  assert.ok(store(guest, cmpxchg8b(low & ~0x42), low));
  assert.deepEqual([entry(guest), registers(guest).flags & 0x40], [initial(guest) & ~0x42n, 0x40]);
  assert.ok(store(guest, cmpxchg8b(0), 5));
  assert.deepEqual([entry(guest), word(R_AX), registers(guest).flags & 0x40], [
    initial(guest),
    low,
    0,
  ]);
  assert.equal(store(guest, cmpxchg8b(low | 8), low), false);
  assert.equal(entry(guest), initial(guest));
  assert.equal(word(R_CX), 0);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("a new pte by halves: upper half first, lower half first, and the quirk between [ptwr.upper_half] [ptwr.mov]", async () => {
  const guest = await start();
  // Linux of 2007: set_pte writes high, then low; pte_clear low, then high
  const low = (guest.mfns[61] << 12 | 0x61) >>> 0;
  const setPte = [0x89, 0x4f, 0x04, 0x89, 0x07];
  assert.ok(store(guest, setPte, low, 0));
  assert.equal(entry(guest), BigInt(low));
  assert.ok(store(guest, setPte, low, 0x80000000));
  assert.equal(entry(guest), BigInt(low) | 1n << 63n);
  // an upper half that makes the old lower half name nothing it may: P goes, and then all is replaced
  assert.ok(store(guest, [0x89, 0x4f, 0x04], 0, 0x40));
  assert.equal(entry(guest), initial(guest) & ~1n | 0x40n << 32n);
  assert.ok(store(guest, [0x89, 0x4f, 0x04, 0x31, 0xc9, 0x89, 0x4f, 0x04, 0x89, 0x07], low, 0x40));
  assert.equal(entry(guest), BigInt(low));
  const clear = [0x31, 0xc0, 0x89, 0x07, 0x89, 0x47, 0x04];
  assert.ok(store(guest, clear));
  assert.equal(entry(guest), 0n);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("a store that is emulated leaves CR2 as it was [ptwr.mov] [trap.#PF]", async () => {
  const guest = await start();
  guest.setShared(8, 0x12345678);
  assert.ok(store(guest, [0xc6, 0x07, 0x61]));
  assert.equal(guest.shared(8), 0x12345678);
  assert.equal(store(guest, [0xc6, 0x07, 0x6b]), false);
  assert.equal(guest.shared(8) >>> 0, address(guest));
});

Deno.test("SSE, MMX and x87 stores of 8 bytes fault; so does a plain page [ptwr.wide] [ptwr.plain]", async () => {
  const guest = await start();
  // movq [edi],xmm0; movq [edi],mm0; movlps [edi],xmm0; fst qword [edi]; fistp qword [edi]
  const wide = [[0x66, 0x0f, 0xd6, 0x07], [0x0f, 0x7f, 0x07], [0x0f, 0x13, 0x07], [0xdd, 0x17], [
    0xdf,
    0x3f,
  ]];
  for (const code of wide) {
    const loads = code[0] > 0xd0 ? [0xd9, 0xee] : [];
    assert.equal(store(guest, [...loads, ...code]), false, code.join());
    assert.equal(entry(guest), initial(guest));
  }
  assert.equal(
    guest.call(14, guest.va(50), guest.mfns[50] << 12 | 0x61, guest.mfns[50] >>> 20, 2),
    0,
  );
  assert.equal(
    store(guest, [0xc6, 0x05, ...imm(guest.va(50)), 0]),
    false,
    "read-only, and no table",
  );
});

Deno.test("through another mapping of the table, and with TF set [ptwr.alias] [ptwr.step]", async () => {
  const guest = await start();
  const [low, high] = [guest.mfns[TABLE] << 12 | 0x61, guest.mfns[TABLE] >>> 20];
  assert.equal(guest.call(14, guest.va(51), low, high, 2), 0);
  assert.ok(store(guest, [0xc6, 0x05, ...imm(guest.va(51, ENTRY * 8)), 0x61]));
  assert.equal(entry(guest), initial(guest) & ~2n);
  // pushf; or dword [esp],0x100; popf; mov byte [edi],0x61: #DB behind the store
  guest.call(HC.trapTable, guest.write(guest.va(30), 1 | KCS << 16, spot(guest, 2), 0, 0));
  store(guest, [0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0xc6, 0x07, 0x61]);
  assert.equal(registers(guest).eip, spot(guest, 2));
  assert.equal(entry(guest), initial(guest) & ~2n);
  const behind = guest.va(22) + 15 + 9 + 3;
  assert.equal(guest.read(registers(guest).esp) >>> 0, behind);
});
