/**
 * Privileged instructions as a guest executes them, in ring 1 and in ring 3: which of them Xen does for
 * it, which are #GP(0) at the instruction, which do not exist. Golden lines priv.*, msr.*, iopl.*, dbg.*.
 */
import assert from "node:assert/strict";
import { Bench, CODE32, CODE_PAGE, KCS, type Result, type Setup, va } from "../cpu/bench.ts";

const bench = await Bench.create();
const GP = 13, UD = 6, DB = 1;
const WHERE = va(CODE_PAGE);
const DATA = va(20);

/** What became of an instruction: "" or the fault, which must be at the instruction and change nothing. */
function outcome(r: Result, setup: Partial<Setup>): string {
  if (r.vector === null) return "";
  assert.equal(r.eip, setup.eip ?? WHERE, "the fault is not at the instruction");
  return r.error === null ? `#${r.vector}` : `#${r.vector}:${r.error}`;
}
const NONE = "", REFUSED = `#${GP}:0`, UNDEFINED = `#${UD}`;

/** Runs bytes in a ring. */
function run(code: number[], ring: 1 | 3, setup: Partial<Setup> = {}) {
  const r = bench.run({ code, ring, ...setup });
  return { ...r, outcome: outcome(r, setup) };
}

/** Asserts what both rings get. */
function both(code: number[], kernel: string, user: string, setup: Partial<Setup> = {}): void {
  const name = code.map((b) => b.toString(16).padStart(2, "0")).join(" ");
  assert.equal(run(code, 1, setup).outcome, kernel, `${name} in ring 1`);
  assert.equal(run(code, 3, setup).outcome, user, `${name} in ring 3`);
}

function hypercall(nr: number, ...args: number[]): number {
  bench.guest.enter();
  const r = bench.guest.call(nr, ...args);
  bench.guest.rig.inside.slice_end();
  return r;
}

function setIopl(level: number): void {
  assert.equal(hypercall(33, 6, bench.guest.write(va(9), level)), 0);
}
const movToCr = (cr: number, eax: number) => run([0x0f, 0x22, 0xc0 | cr << 3], 1, { eax });
const movFromCr = (cr: number) => run([0x0f, 0x20, 0xc0 | cr << 3], 1).eax;

Deno.test("CLI and STI: allowed by IOPL they do nothing, else #GP [emulate.cli] [emulate.sti]", () => {
  for (let level = 0; level < 4; level++) {
    setIopl(level);
    for (const code of [[0xfa], [0xfb]]) {
      both(code, level >= 1 ? NONE : REFUSED, level >= 3 ? NONE : REFUSED);
      if (level) assert.equal(run(code, 1).eflags & 0x200, 0x200);
    }
  }
  setIopl(0);
});

Deno.test("POPF and PUSHF do not trap; IF, IOPL and the event mask stay [emulate.popf]", () => {
  for (const ring of [1, 3] as const) {
    for (const image of [0x2, 0x3002, 0x3202, 0x1002]) {
      bench.guest.write(DATA, image);
      const mask = bench.guest.sharedByte(1);
      const r = run([0x9d, 0x9c, 0x58], ring, { esp: DATA }); // popf; pushf; pop eax
      assert.deepEqual([r.outcome, r.eax & 0x3200], [NONE, 0x200]);
      assert.equal(bench.guest.sharedByte(1), mask);
    }
  }
});

Deno.test("IN and OUT by IOPL and by the kernel's bitmap, which both rings may use [emulate.in] [emulate.out] [emulate.iobitmap]", () => {
  const forms: [number[], number][] = [
    [[0xe4, 0x60], 1],
    [[0xe5, 0x60], 4],
    [[0x66, 0xe5, 0x60], 2],
    [[0xec], 1],
    [[0xed], 4],
    [[0x66, 0xed], 2],
    [[0xe6, 0x60], 1],
    [[0xe7, 0x60], 4],
    [[0xee], 1],
    [[0xef], 4],
  ];
  for (const [code] of forms) both(code, REFUSED, REFUSED, { edx: 0x60 });
  const bitmap = va(22);
  assert.equal(hypercall(33, 7, bench.guest.write(va(9), bitmap, 0x100)), 0);
  for (let allowed = 0; allowed < 8; allowed++) {
    bench.guest.write(bitmap + 12, ~(1 << allowed)); // port 0x60 + allowed
    for (const [code, width] of forms) {
      const good = allowed === 0 && width === 1 ? NONE : REFUSED;
      both(code, good, good, { edx: 0x60 });
    }
  }
  bench.guest.write(bitmap + 12, 0);
  for (const [code] of forms) {
    const r = run(code, 3, { edx: 0x60, eax: 0x12345678 });
    assert.equal(r.outcome, NONE);
    const out = [0xe6, 0xe7, 0xee, 0xef].includes(code.at(-1)!) ||
      [0xe6, 0xe7].includes(code.at(-2)!);
    const ones = code[0] === 0x66
      ? 0x1234ffff
      : [0xe4, 0xec].includes(code[0])
      ? 0x123456ff
      : 0xffffffff;
    assert.equal(r.eax, out ? 0x12345678 : ones);
  }
  // the last port, and beyond the bitmap's end
  assert.equal(hypercall(33, 7, bench.guest.write(va(9), bitmap, 0x64)), 0);
  both([0xed], NONE, NONE, { edx: 0x60 });
  both([0xed], REFUSED, REFUSED, { edx: 0x61 });
  assert.equal(hypercall(33, 7, bench.guest.write(va(9), 0, 0)), 0);
  both([0xec], REFUSED, REFUSED, { edx: 0x60 });
});

Deno.test("CLTS, WBINVD: the kernel's [emulate.clts] [emulate.wbinvd]", () => {
  both([0x0f, 0x06], NONE, REFUSED);
  both([0x0f, 0x09], NONE, REFUSED);
  both([0xf0, 0x0f, 0x06], UNDEFINED, UNDEFINED);
  assert.equal(movToCr(0, 0x8005003b).outcome, NONE);
  assert.equal(movFromCr(0), 0x8005003b);
  run([0x0f, 0x06], 1);
  assert.equal(movFromCr(0), 0x80050033);
});

Deno.test("MOV from and to control registers, whatever mod says [emulate.mov_from_cr] [emulate.mov_to_cr]", () => {
  for (const cr of [0, 2, 3, 4]) {
    both([0x0f, 0x20, 0xc0 | cr << 3], NONE, REFUSED);
    both([0x0f, 0x20, cr << 3], NONE, REFUSED);
    const eax = run([0x0f, 0x20, 0xc0 | cr << 3], 1).eax;
    both([0x0f, 0x22, 0xc0 | cr << 3], NONE, REFUSED, { eax });
  }
  for (const cr of [1, 5, 6, 7]) {
    both([0x0f, 0x20, 0xc0 | cr << 3], UNDEFINED, UNDEFINED);
    both([0x0f, 0x22, 0xc0 | cr << 3], UNDEFINED, UNDEFINED);
  }
  for (let bit = 0; bit < 32; bit++) {
    const value = (0x80050033 ^ 1 << bit) >>> 0;
    assert.equal(movToCr(0, value).outcome, bit === 3 ? NONE : REFUSED, `CR0 bit ${bit}`);
    movToCr(0, 0x80050033);
    assert.equal(movToCr(4, (0x660 ^ 1 << bit) >>> 0).outcome, NONE, `CR4 bit ${bit}`);
    const kept = bit === 2 || bit === 3 ? 1 << bit : 0;
    assert.equal(movFromCr(4), 0x660 | kept, `CR4 bit ${bit}`);
  }
  movToCr(4, 0);
});

Deno.test("CR2 is written and read back, in vcpu_info too [emulate.cr2]", () => {
  assert.equal(movToCr(2, 0x12345678).outcome, NONE);
  assert.equal(movFromCr(2), 0x12345678);
  assert.equal(bench.guest.shared(8), 0x12345678);
});

Deno.test("CR3: its own value again, else #GP and the old one in force [emulate.cr3]", () => {
  const cr3 = movFromCr(3);
  assert.equal(movToCr(3, cr3).outcome, NONE);
  for (const bad of [0, bench.guest.mfns[20] << 12, bench.guest.mfns[1] << 12, 0xfffff000, 0xfff]) {
    assert.equal(movToCr(3, bad).outcome, REFUSED);
    assert.equal(movFromCr(3), cr3);
  }
});

Deno.test("MOV DR: the kernel's; DR4 and DR5 under CR4.DE; DR7.GD refused [emulate.mov_dr] [emulate.cr4]", () => {
  for (let dr = 0; dr < 8; dr++) {
    both([0x0f, 0x21, 0xc0 | dr << 3], NONE, REFUSED);
    both([0x0f, 0x23, 0xc0 | dr << 3], NONE, REFUSED, { eax: dr < 4 ? 0x1000 : 0 });
  }
  const read = (dr: number) => run([0x0f, 0x21, 0xc0 | dr << 3], 1).eax;
  const write = (dr: number, eax: number) => run([0x0f, 0x23, 0xc0 | dr << 3], 1, { eax }).outcome;
  assert.deepEqual([write(3, 0xf5800000), read(3)], [NONE, 0xf5800000]);
  assert.deepEqual([write(6, 0xffffffff), read(6), read(4)], [NONE, 0xffffefff, 0xffffefff]);
  assert.deepEqual([write(6, 0), read(6)], [NONE, 0xffff0ff0]);
  assert.deepEqual([write(7, 0x2000), read(7)], [REFUSED, 0x400]);
  assert.equal(write(7, 0x20001), REFUSED); // an I/O breakpoint without CR4.DE
  movToCr(4, 8);
  for (const dr of [4, 5]) {
    both([0x0f, 0x21, 0xc0 | dr << 3], UNDEFINED, UNDEFINED);
    both([0x0f, 0x23, 0xc0 | dr << 3], UNDEFINED, UNDEFINED);
  }
  assert.deepEqual([write(7, 0x20001), read(7)], [NONE, 0x20401]);
  write(7, 0);
  movToCr(4, 0);
});

Deno.test("I/O breakpoints: a trap behind the emulated access, for every port they cover, under CR4.DE [emulate.io_breakpoint] [trap.#DB]", () => {
  setIopl(3);
  movToCr(4, 8);
  const DR7_IO = (length: number) => 0x400 | 1 << 2 | (2 | [0, 0, 1, 0, 3][length] << 2) << 20; // breakpoint 1
  const io = (code: number[], setup: Partial<Setup> = {}) =>
    bench.run({ code, ring: 3, debug: { 1: 0x60, 7: DR7_IO(2) }, ...setup });
  const trapped = (r: Result, eip: number) => {
    assert.deepEqual([r.vector, r.eip, r.dr6 & 0x400f], [DB, WHERE + eip, 2]);
  };
  trapped(io([0xe4, 0x60]), 2);
  trapped(io([0xe4, 0x61]), 2);
  trapped(io([0xe5, 0x5d]), 2); // four ports, the last one covered
  trapped(io([0xef], { edx: 0x61 }), 1);
  for (const port of [0x5f, 0x62, 0x70]) assert.equal(io([0xe4, port]).vector, null);
  assert.equal(io([0xe5, 0x5c]).vector, null);
  trapped(io([0x6c], { edx: 0x60, edi: DATA }), 1);
  // a repeated one stops behind each element
  const rep = io([0xf3, 0x6e], { edx: 0x60, esi: DATA, ecx: 3 });
  trapped(rep, 0);
  assert.deepEqual([rep.ecx, rep.esi], [2, DATA + 1]);
  trapped(io([0xf3, 0x6e], { edx: 0x60, esi: DATA, ecx: 1 }), 2);
  // with a step, both at once; without CR4.DE, or refused, none
  const step = io([0xe4, 0x60], { eflags: 0x100 });
  assert.deepEqual([step.vector, step.eip, step.dr6 & 0x400f], [DB, WHERE + 2, 0x4002]);
  movToCr(4, 0);
  assert.equal(io([0xe4, 0x60], { debug: undefined }).vector, null);
  movToCr(4, 8);
  setIopl(0);
  assert.equal(io([0xe4, 0x60]).vector, GP);
  bench.run({ code: [0x90], debug: { 7: 0x400 } });
  movToCr(4, 0);
});

Deno.test("RDTSC and RDTSCP: everyone's, under CR4.TSD the kernel's [emulate.rdtsc] [emulate.rdtscp]", () => {
  for (const code of [[0x0f, 0x31], [0x0f, 0x01, 0xf9]]) {
    both(code, NONE, NONE);
    movToCr(4, 4);
    both(code, NONE, REFUSED);
    movToCr(4, 0);
  }
  const first = run([0x0f, 0x31], 1), second = run([0x0f, 0x31], 1);
  assert.ok(second.edx * 2 ** 32 + second.eax > first.edx * 2 ** 32 + first.eax);
  assert.equal(run([0x0f, 0x01, 0xf9], 3).ecx, 0);
});

const refused: [string, number[][], string][] = [
  ["HLT, with prefixes too [emulate.hlt]", [[0xf4], [0xf3, 0xf4]], REFUSED],
  ["LMSW [emulate.lmsw]", [[0x0f, 0x01, 0xf0]], REFUSED],
  ["INVD [emulate.invd]", [[0x0f, 0x08]], REFUSED],
  ["INVLPG [emulate.invlpg]", [[0x0f, 0x01, 0x38]], REFUSED],
  ["RDPMC [emulate.rdpmc]", [[0x0f, 0x33]], REFUSED],
  ["LGDT, LIDT [emulate.lgdt_lidt]", [[0x0f, 0x01, 0x10], [0x0f, 0x01, 0x18]], REFUSED],
  ["LLDT, LTR [emulate.lldt_ltr]", [[0x0f, 0x00, 0xd0], [0x0f, 0x00, 0xd8]], REFUSED],
  ["SYSEXIT, SYSRET [emulate.sysexit]", [[0x0f, 0x35], [0x0f, 0x07]], REFUSED],
  ["SWAPGS, RSM [emulate.sysexit]", [[0x0f, 0x01, 0xf8], [0x0f, 0xaa]], UNDEFINED],
  ["SYSENTER, SYSCALL", [[0x0f, 0x34], [0x0f, 0x05]], UNDEFINED],
  [
    "VMCALL, VMLAUNCH, VMRESUME, VMXOFF, VMRUN, VMMCALL, CLAC, STAC [emulate.vmx]",
    [0xc1, 0xc2, 0xc3, 0xc4, 0xd8, 0xd9, 0xca, 0xcb].map((b) => [0x0f, 0x01, b]),
    UNDEFINED,
  ],
  ["MONITOR, MWAIT [emulate.monitor]", [[0x0f, 0x01, 0xc8], [0x0f, 0x01, 0xc9]], UNDEFINED],
  [
    "XGETBV, XSETBV: there is no XSAVE [emulate.xsetbv]",
    [[0x0f, 0x01, 0xd0], [0x0f, 0x01, 0xd1]],
    UNDEFINED,
  ],
  [
    "the forced-emulation prefix before anything else than CPUID [emulate.forced]",
    [[0x90], [0x0f, 0x31], [0x66, 0x0f, 0xa2]].map((
      code,
    ) => [0x0f, 0x0b, 0x78, 0x65, 0x6e, ...code]),
    UNDEFINED,
  ],
];
for (const [name, codes, expected] of refused) {
  Deno.test(`refused in both rings: ${name}`, () => {
    for (const code of codes) both(code, expected, expected, { eax: DATA, ecx: 0, edx: 0 });
  });
}

Deno.test("CPUID, plain and forced, in both rings [emulate.cpuid] [emulate.forced]", () => {
  for (const code of [[0x0f, 0xa2], [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2]]) {
    for (const ring of [1, 3] as const) {
      const r = run(code, ring, { eax: 0x40000000, ecx: 0 });
      assert.deepEqual([r.outcome, r.eip, r.ebx], [NONE, WHERE + code.length, 0x566e6558]);
    }
  }
});

Deno.test("SGDT SIDT SLDT STR SMSW trap in no ring, and tell of the hypervisor's [emulate.store_tables]", () => {
  for (const ring of [1, 3] as const) {
    assert.equal(run([0x0f, 0x00, 0xc8], ring).eax, 0xe040);
    assert.equal(run([0x0f, 0x00, 0xc0], ring).eax, 0);
    assert.equal(run([0x0f, 0x01, 0xe0], ring).eax & 0xffff, 0x33);
    for (const reg of [0, 1]) {
      bench.guest.write(DATA, 0x55555555, 0x55555555);
      assert.equal(run([0x0f, 0x01, reg << 3], ring, { eax: DATA }).outcome, NONE);
      assert.notDeepEqual(bench.get(DATA, 6), Array(6).fill(0x55));
      assert.deepEqual(bench.get(DATA + 6, 2), [0x55, 0x55]);
    }
  }
});

Deno.test("the instruction is fetched through CS, whatever its base [emulate.based_cs]", () => {
  const segments = {
    1: { selector: KCS, attributes: CODE32 & ~0x6000 | 0x2000, base: WHERE - 0x100 },
  };
  const based = { segments, eip: 0x100 };
  assert.equal(run([0x0f, 0x06], 1, based).outcome, NONE);
  assert.equal(run([0x0f, 0x20, 0xc0], 1, based).eax, 0x80050033);
});

Deno.test("TF is honoured after an emulated instruction, and not after a refused one [emulate.step]", () => {
  for (const code of [[0x0f, 0x20, 0xc0], [0x0f, 0x06], [0x0f, 0x31], [0x0f, 0xa2], [0x0f, 0x32]]) {
    const r = bench.run({ code, eflags: 0x100, ecx: 0x1b });
    assert.deepEqual([r.vector, r.eip, r.dr6 & 0x4000], [DB, WHERE + code.length, 0x4000]);
  }
  const r = bench.run({ code: [0xf4], eflags: 0x100 });
  assert.deepEqual([r.vector, r.eip], [GP, WHERE]);
});

/** RDMSR in ring 1: its 64 bits, or null for #GP(0). */
function rdmsr(ecx: number): bigint | null {
  const r = run([0x0f, 0x32], 1, { ecx });
  if (r.outcome !== NONE) assert.equal(r.outcome, REFUSED);
  return r.outcome === NONE ? BigInt(r.edx) << 32n | BigInt(r.eax) : null;
}
const wrmsr = (ecx: number, value: bigint) =>
  run([0x0f, 0x30], 1, { ecx, eax: Number(value & 0xffffffffn), edx: Number(value >> 32n) })
    .outcome;

Deno.test("RDMSR and WRMSR are the kernel's [emulate.rdmsr] [emulate.wrmsr]", () => {
  both([0x0f, 0x32], NONE, REFUSED, { ecx: 0x1b });
  both([0x0f, 0x30], NONE, REFUSED, { ecx: 0xc0000080, eax: 0x800, edx: 0 });
});

Deno.test("MSRs that read as Xen has them, and are not to be written [msr.apic_base] [msr.pat] [msr.tsc] [msr.efer] [msr.misc]", () => {
  assert.equal(rdmsr(0x1b), 0xfee00900n);
  assert.equal(rdmsr(0x277), 0x0000050100070406n);
  assert.equal(rdmsr(0xc0000080), 0x800n);
  assert.ok(rdmsr(0x10)! > 0n);
  for (const [msr, value] of [[0x1b, 0xfee00900n], [0x277, 0x50100070406n], [0x10, 0n]] as const) {
    assert.equal(wrmsr(msr, value), REFUSED, msr.toString(16));
  }
  assert.deepEqual([0n, 0x800n, 0xd00n, 0x801n].map((v) => wrmsr(0xc0000080, v)), [
    REFUSED,
    NONE,
    REFUSED,
    REFUSED,
  ]);
  assert.equal(rdmsr(0x1a0)! & 1n, 1n);
  assert.equal(wrmsr(0x1a0, 0n), NONE); // ignored
  assert.equal(rdmsr(0x1a0)! & 1n, 1n);
  assert.deepEqual([rdmsr(0x140), wrmsr(0x140, 1n), wrmsr(0x140, 0n)], [0n, REFUSED, NONE]);
  for (const zero of [0x17, 0x8b, 0xce, 0x198, 0x199, 0x19c, 0x345, 0x40000000]) {
    assert.equal(rdmsr(zero), 0n);
  }
  assert.equal(rdmsr(0x3a), 1n);
  for (const ignored of [0x199, 0xe7, 0xe8, 0x1b0]) assert.equal(wrmsr(ignored, 5n), NONE);
});

Deno.test("machine-check banks: there, without errors [msr.mca]", () => {
  assert.equal(rdmsr(0x179), 2n);
  assert.equal(rdmsr(0x17a), 0n);
  for (let n = 0; n < 8; n++) assert.notEqual(rdmsr(0x400 + n), null);
  for (const status of [0x401, 0x405]) assert.equal(rdmsr(status), 0n);
  // a kernel clears them as it starts
  for (let n = 0; n < 8; n++) assert.equal(wrmsr(0x400 + n, 0n), NONE);
  assert.equal(wrmsr(0x408, 0n), REFUSED);
  assert.equal(rdmsr(0x408), null);
});

Deno.test("MSRs of 64-bit guests, of SYSENTER and MTRRs, and unknown ones: #GP [msr.bases] [msr.sysenter] [msr.mtrr] [msr.unknown]", () => {
  const none = [
    ...[0xc0000100, 0xc0000101, 0xc0000102, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084],
    ...[0x174, 0x175, 0x176],
    ...[0xfe, 0x200, 0x20f, 0x2ff, 0x250, 0x268],
    ...[
      0x12345,
      0xc0001234,
      0x1d9,
      0x6e0,
      0x802,
      0xc0010114,
      0x40000001,
      0x40000100,
      0x48,
      0x49,
      0xda0,
      0x10a,
    ],
  ];
  for (const msr of none) {
    assert.equal(rdmsr(msr), null, msr.toString(16));
    assert.equal(wrmsr(msr, 0n), REFUSED, msr.toString(16));
  }
});
