/**
 * Page faults: every combination of P, R/W, U/S and NX at two levels, against each kind of access from
 * rings 1 and 3. The rules are the Intel SDM's, volume 3, 4.6 (access rights, with CR0.WP set and SMEP
 * and SMAP clear, as Xen has them) and 4.7 (error codes); 4.8 (accessed and dirty bits).
 */
import assert from "node:assert/strict";
import {
  A,
  BASE,
  Bench,
  CODE_PAGE,
  D,
  FREE,
  NX,
  P,
  PAGE,
  RW,
  STACK_PAGE,
  US,
  va,
} from "./bench.ts";

const bench = await Bench.create();
const PF = 14;
const TARGET = FREE;

/** A kind of access: bytes, and which rights it needs. EBX holds the address. */
interface Access {
  name: string;
  code: number[];
  write: boolean;
  fetch?: boolean;
  /** Faults otherwise if it is not aligned. */
  aligned?: boolean;
}
const ACCESSES: Access[] = [
  { name: "mov eax, [ebx]", code: [0x8b, 0x03], write: false },
  { name: "cmp [ebx], eax", code: [0x39, 0x03], write: false },
  { name: "test byte [ebx], 1", code: [0xf6, 0x03, 1], write: false },
  { name: "push dword [ebx]", code: [0xff, 0x33], write: false },
  { name: "bt [ebx], eax", code: [0x0f, 0xa3, 0x03], write: false },
  { name: "bound eax, [ebx]", code: [0x62, 0x03], write: false },
  { name: "mov [ebx], eax", code: [0x89, 0x03], write: true },
  { name: "pop dword [ebx]", code: [0x8f, 0x03], write: true },
  { name: "sete [ebx]", code: [0x0f, 0x94, 0x03], write: true },
  { name: "add [ebx], eax", code: [0x01, 0x03], write: true },
  { name: "not byte [ebx]", code: [0xf6, 0x13], write: true },
  { name: "lock inc dword [ebx]", code: [0xf0, 0xff, 0x03], write: true },
  { name: "xchg [ebx], eax", code: [0x87, 0x03], write: true },
  { name: "xadd [ebx], eax", code: [0x0f, 0xc1, 0x03], write: true },
  // a failing comparison writes the old value back
  { name: "cmpxchg [ebx], ecx", code: [0x0f, 0xb1, 0x0b], write: true },
  { name: "cmpxchg8b [ebx]", code: [0x0f, 0xc7, 0x0b], write: true },
  { name: "bts [ebx], eax", code: [0x0f, 0xab, 0x03], write: true },
  { name: "rcl dword [ebx], 1", code: [0xd1, 0x13], write: true },
  { name: "shld [ebx], eax, 3", code: [0x0f, 0xa4, 0x03, 3], write: true },
  { name: "fld qword [ebx]", code: [0xdd, 0x03], write: false },
  { name: "fldenv [ebx]", code: [0xd9, 0x23], write: false },
  { name: "frstor [ebx]", code: [0xdd, 0x23], write: false },
  { name: "fstp tword [ebx]", code: [0xdb, 0x3b], write: true },
  { name: "fnstcw [ebx]", code: [0xd9, 0x3b], write: true },
  { name: "fnsave [ebx]", code: [0xdd, 0x33], write: true },
  { name: "fxsave [ebx]", code: [0x0f, 0xae, 0x03], write: true, aligned: true },
  { name: "movq mm0, [ebx]", code: [0x0f, 0x6f, 0x03], write: false },
  { name: "movups xmm0, [ebx]", code: [0x0f, 0x10, 0x03], write: false },
  { name: "movups [ebx], xmm0", code: [0x0f, 0x11, 0x03], write: true },
  { name: "addps xmm0, [ebx]", code: [0x0f, 0x58, 0x03], write: false, aligned: true },
  { name: "movntdq [ebx], xmm0", code: [0x66, 0x0f, 0xe7, 0x03], write: true, aligned: true },
  { name: "clflush [ebx]", code: [0x0f, 0xae, 0x3b], write: false },
  { name: "jmp ebx", code: [0xff, 0xe3], write: false, fetch: true },
];

const RIGHTS = [0, P, P | RW, P | US, P | RW | US].flatMap((r) => [BigInt(r), BigInt(r) | NX]);
// EAX is small, so that bit offsets stay in the page and BOUND finds it inside
const REGISTERS = { eax: 4, ecx: 0x77, ebx: va(TARGET, 0x100) };

interface Expected {
  vector: number | null;
  error: number | null;
}

/** What the manual says of an access to a page with these rights, the levels' taken together. */
function expected(
  rights: bigint[],
  access: Access,
  ring: 1 | 3,
): Expected {
  const kind = (access.write ? 2 : 0) | (ring === 3 ? 4 : 0) | (access.fetch ? 16 : 0);
  const all = rights.reduce((a, b) => a & b);
  const fault = (present: number) => ({ vector: PF, error: kind | present });
  if (!(all & 1n)) return fault(0);
  if (ring === 3 && !(all & 4n)) return fault(1);
  if (access.write && !(all & 2n)) return fault(1); // CR0.WP: in ring 1 as well
  if (access.fetch && rights.some((r) => r & NX)) return fault(1);
  return { vector: null, error: null };
}

/** What lies at the address: an endless jump, or two bounds that EAX is between. */
function prepare(access: Access): void {
  bench.put(va(TARGET, 0x104), new Array(0x200).fill(0));
  bench.put(va(TARGET, 0x100), access.fetch ? [0xeb, 0xfe] : [0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]);
}

function check(rights: bigint[], access: Access, ring: 1 | 3, address = va(TARGET, 0x100)): void {
  prepare(access);
  const what = `${access.name} in ring ${ring} with ${rights.map((r) => r.toString(16))}`;
  const before = bench.get(va(TARGET, 0x100), 8);
  const r = bench.run({ code: access.code, ring, ...REGISTERS, ebx: address });
  const e = expected(rights, access, ring);
  assert.equal(r.vector, e.vector, what);
  assert.equal(r.error, e.error, what);
  if (e.vector === null) return;
  assert.equal(r.cr2, address, what);
  // a fetch faults at its own address, all else at the instruction that made the access
  assert.equal(r.eip, access.fetch ? address : va(CODE_PAGE), what);
  assert.deepEqual([r.eax, r.ecx, r.ebx, r.esp], [4, 0x77, address, va(STACK_PAGE, 0x800)]);
  assert.deepEqual(bench.get(va(TARGET, 0x100), 8), before, what);
  assert.equal(r.eflags & 0x10000, 0x10000, `${what}: RF in the frame`);
}

Deno.test("P, R/W, U/S and NX of a level-1 entry, with every kind of access", () => {
  for (const rights of RIGHTS) {
    for (const access of ACCESSES) {
      for (const ring of [1, 3] as const) {
        const what = `${access.name} in ring ${ring} with ${rights.toString(16)}`;
        prepare(access);
        bench.protect(TARGET, rights);
        check([rights], access, ring);
        if (!(rights & 1n)) continue;
        // accessed and dirty: set by what went well, and only by that
        const leaf = bench.bits(TARGET);
        const well = expected([rights], access, ring).vector === null;
        assert.equal((leaf & BigInt(A)) !== 0n, well, `${what}: A`);
        assert.equal((leaf & BigInt(D)) !== 0n, well && access.write, `${what}: D`);
      }
    }
  }
});

Deno.test("a write to a page that was only read before sets D", () => {
  bench.protect(TARGET, P | RW | US);
  const read = ACCESSES[0], write = ACCESSES.find((a) => a.name === "mov [ebx], eax")!;
  check([7n], read, 3);
  assert.equal(bench.bits(TARGET), BigInt(P | RW | US | A));
  check([7n], write, 3);
  assert.equal(bench.bits(TARGET), BigInt(P | RW | US | A | D));
});

Deno.test("the rights of both levels count, and A is set in both", () => {
  // page 3 serves as a second level-1 table, behind entry 1 of the level-2 table
  const table = 3, address = BASE + 0x200000 + 0x100;
  const frame = (page: number) => BigInt(bench.guest.mfns[page]) << 12n;
  bench.put(va(table), new Array(PAGE).fill(0));
  for (const upper of RIGHTS) {
    for (const lower of RIGHTS) {
      for (const access of ACCESSES) {
        for (const ring of [1, 3] as const) {
          prepare(access);
          bench.guest.write64(va(table), upper & 1n && lower ? frame(TARGET) | lower : 0n);
          bench.setEntry(1, 1, () => upper ? frame(table) | upper : 0n);
          check([upper & 1n ? lower : 0n, upper], access, ring, address);
          const well = expected([lower, upper], access, ring).vector === null;
          if (well) {
            assert.equal(bench.guest.read64(va(1, 8)) & BigInt(A | D), BigInt(A));
            assert.equal(
              bench.guest.read64(va(table)) & BigInt(A | D),
              BigInt(access.write ? A | D : A),
            );
          }
        }
      }
    }
  }
  bench.setEntry(1, 1, () => 0n);
});

Deno.test("an access over a page's end: either page may fault, and nothing is done by halves", () => {
  const from = va(TARGET, PAGE - 2);
  const at = { eax: 4, ecx: 0x77, ebx: from };
  const wide = ACCESSES.filter((a) =>
    !a.fetch && !a.aligned && !/byte|sete|clflush|fnstcw/.test(a.name)
  );
  for (const ring of [1, 3] as const) {
    for (const access of wide) {
      for (const faulting of [0, 1]) {
        for (const rights of [0n, BigInt(P | US), BigInt(P | RW), BigInt(P | RW | US)]) {
          const both = [BigInt(P | RW | US), BigInt(P | RW | US)];
          both[faulting] = rights;
          both.forEach((b, i) => bench.protect(TARGET + i, b));
          bench.put(from, new Array(0x80).fill(0));
          bench.put(from, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f]);
          const before = bench.get(from, 8);
          const r = bench.run({ code: access.code, ring, ...at });
          const e = expected([rights], access, ring);
          const what = `${access.name} ring ${ring} page ${faulting} rights ${rights}`;
          assert.equal(r.vector, e.vector, what);
          assert.equal(r.error, e.error, what);
          if (e.vector === null) continue;
          assert.equal(r.cr2, faulting ? va(TARGET + 1) : from, what);
          assert.deepEqual(bench.get(from, 8), before, what);
          assert.deepEqual([r.eax, r.ecx, r.ebx, r.esp], [4, 0x77, from, va(STACK_PAGE, 0x800)]);
        }
      }
    }
  }
});

Deno.test("an instruction over a page's end: CR2 is the first byte that cannot be fetched", () => {
  const at = va(TARGET, PAGE - 2);
  const code = [0xb8, 1, 2, 3, 4]; // mov eax, 0x04030201
  for (const ring of [1, 3] as const) {
    for (
      const [rights, error] of [[0n, 0], [BigInt(P | RW), 1], [BigInt(P | US) | NX, 1]] as const
    ) {
      if (ring === 1 && rights === BigInt(P | RW)) continue; // a supervisor may run it
      bench.protect(TARGET, P | RW | US);
      bench.protect(TARGET + 1, rights);
      const r = bench.run({ code, at, ring, eax: 5 });
      assert.deepEqual(
        [r.vector, r.error, r.cr2, r.eip, r.eax],
        [PF, 16 | (ring === 3 ? 4 : 0) | error, va(TARGET + 1), at, 5],
      );
    }
    bench.protect(TARGET + 1, P | RW | US);
    assert.equal(bench.run({ code, at, ring }).eax, 0x04030201);
    // a whole instruction before the end does not touch the next page
    bench.protect(TARGET + 1, 0);
    const nop = bench.run({ code: [0x90, 0x90], at, ring, bare: true });
    assert.deepEqual([nop.vector, nop.cr2, nop.eip], [PF, va(TARGET + 1), va(TARGET + 1)]);
  }
  bench.protect(TARGET + 1, P | RW | US);
});

Deno.test("pushes and calls that fault leave the stack pointer alone", () => {
  const codes: [string, number[], boolean][] = [
    ["push eax", [0x50], true],
    ["push imm32", [0x68, 1, 2, 3, 4], true],
    ["push es", [0x06], true],
    ["pusha", [0x60], true],
    ["pushf", [0x9c], true],
    ["call rel", [0xe8, 0, 0, 0, 0], true],
    ["call ebx", [0xff, 0xd3], true],
    ["enter 8, 0", [0xc8, 8, 0, 0], true],
    ["enter 8, 3", [0xc8, 8, 0, 3], true],
    ["pop eax", [0x58], false],
    ["popa", [0x61], false],
    ["popf", [0x9d], false],
    ["pop es", [0x07], false],
    ["ret", [0xc3], false],
    ["ret 8", [0xc2, 8, 0], false],
    ["retf", [0xcb], false],
    ["iret", [0xcf], false],
    ["leave", [0xc9], false],
  ];
  // from ring 3: in ring 1 the frame would go to the very stack that faulted
  for (const [name, code, write] of codes) {
    for (const rights of write ? [0, P | RW, P | US] : [0, P | RW]) {
      bench.protect(TARGET, rights);
      const esp = va(TARGET, write ? 0x804 : 0x800);
      const ebp = name === "leave" ? esp : va(STACK_PAGE, 0x700);
      const r = bench.run({ ring: 3, code, esp, ebp, ebx: va(CODE_PAGE) });
      const what = `${name} rights ${rights}`;
      assert.deepEqual([r.vector, r.error], [PF, (write ? 2 : 0) | 4 | (rights ? 1 : 0)], what);
      assert.deepEqual([r.esp, r.eip, r.ebp], [esp, va(CODE_PAGE), ebp], what);
    }
  }
  bench.protect(TARGET, P | RW | US);
});

Deno.test("ENTER asks whether the stack below its frame may be written, and faults if not", () => {
  // SDM volume 2, ENTER: a write at the final stack pointer is tried, without being made
  bench.protect(TARGET, P | US);
  bench.protect(TARGET + 1, P | RW | US);
  const esp = va(TARGET + 1, 0x20);
  const code = [0xc8, 0x40, 0, 0];
  const r = bench.run({ ring: 3, code, esp, ebp: 7 });
  assert.deepEqual([r.vector, r.error, r.esp, r.ebp], [PF, 7, esp, 7]);
  bench.protect(TARGET, P | RW | US);
  const done = bench.run({ ring: 3, code, esp, ebp: 7 });
  assert.deepEqual([done.vector, done.esp, done.ebp], [null, esp - 0x44, esp - 4]);
});
