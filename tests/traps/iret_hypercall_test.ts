/** The iret hypercall in its rarer forms: virtual IOPL, TF, rings, and frames for VM86, which are answered with #GP (pv-abi §4.7). */
import assert from "node:assert/strict";
import {
  CODE,
  DATA,
  HC,
  hypercall,
  imm,
  KCS,
  KDS,
  kernel,
  push,
  registers,
  run,
  spot,
  STACK,
  UCS,
  UDS,
} from "./kernel.ts";

const UD2 = [0x0f, 0x0b], CLI = 0xfa;
const VM = 0x20000;
const ARCHITECTURAL_IOPL = 4;

const iret = (...frame: number[]) => [...push(...frame), ...hypercall(HC.iret)];
const unfixed = (sp: number) => [0xbc, ...imm(sp), ...hypercall(HC.iret)];

Deno.test("EFLAGS.IOPL is the virtual IOPL under the architectural_iopl assist, and nothing without it [iret] [emulate.cli]", async () => {
  for (const assist of [false, true]) {
    const { guest, frame, inKernel } = await kernel();
    if (assist) assert.equal(guest.call(HC.assist, 0, ARCHITECTURAL_IOPL), 0);
    for (const iopl of [0, 1, 2, 3]) {
      const to = guest.va(CODE, 0x80);
      const code = iret(0x77, to, UCS, 0x202 | iopl << 12, guest.va(DATA, 0x800), UDS);
      inKernel([...code, ...Array(0x80 - 8 - code.length).fill(0x90), CLI, ...UD2]);
      const allowed = assist && iopl === 3;
      assert.equal(registers(guest).eip, spot(guest, allowed ? 6 : 13));
      const words = frame(allowed ? 3 : 4).slice(allowed ? 0 : 1);
      assert.equal(words[0], to + (allowed ? 1 : 0));
      assert.equal(words[2] & 0x3000, assist ? iopl << 12 : 0, "as frames show it");
    }
  }
});

Deno.test("EFLAGS.TF is taken: #DB behind the target's first instruction, in each ring [iret] [trap.#DB]", async () => {
  const { guest, frame, inKernel } = await kernel();
  const to = guest.va(CODE, 0x80);
  for (const cs of [KCS, UCS]) {
    const code = iret(0x77, to, cs, 0x302, guest.va(DATA, 0x800), UDS);
    inKernel([...code, ...Array(0x80 - 8 - code.length).fill(0x90), 0x40, 0x40, 0x40]);
    const { eip, eax, flags } = registers(guest);
    assert.deepEqual([eip, eax, flags & 0x100], [spot(guest, 1), 0x78, 0]);
    const [at, shown, saved] = frame(3);
    assert.deepEqual([at, shown & 0xffff, saved & 0x100], [to + 1, cs, 0x100]);
  }
});

Deno.test("a frame of ring 3 needs its last two words, one of ring 1 does not [iret] [trap.iret_crash]", async () => {
  const end = (words: number) => 0xc0000000 + 96 * 4096 - words * 4;
  const to = spotOf(50);
  for (
    const [cs, words, lives] of [[KCS, 4, true], [UCS, 4, false], [UCS, 5, false], [
      UCS,
      6,
      true,
    ]] as const
  ) {
    const { guest, toTheEnd } = await kernel();
    spot(guest, 50);
    const frame = [0x77, to, cs, 0x202, 0xc0000800, UDS].slice(0, words);
    guest.write(end(words), ...frame);
    toTheEnd(unfixed(end(words)));
    if (lives) assert.deepEqual([guest.state, guest.code], [1, -1]);
    else assert.deepEqual([guest.state, guest.code], [2, 3]);
  }
});

function spotOf(n: number): number {
  return 0xc0000000 + 23 * 4096 + n * 16;
}

/** EIP CS EFLAGS ESP SS ES DS FS GS, as a kernel would have VM86 entered. */
const VM86 = [0x1234, 0x5678, 0x202 | VM, 0x100, 0x200, 0x300, 0x400, 0x500, 0x600];

Deno.test("VM86: the frame is copied below kernel_sp, wherever it was, upon itself too [trap.vm86] [trap.iret_vm86]", async () => {
  const { guest, frame, inKernel } = await kernel();
  const below = guest.va(STACK) - 40;
  for (const at of [guest.va(26, 0x100), below, below - 8, below + 8, below - 36, below + 36]) {
    inKernel([0x90]);
    guest.setSharedByte(1, 0x55);
    guest.write(at, 0x77, ...VM86);
    run(guest, unfixed(at));
    const { eip, esp, ss, cs, cpl, eax, flags } = registers(guest);
    assert.deepEqual([eip, esp, ss, cs, cpl, eax], [spot(guest, 13), below, KDS, KCS, 1, 0x77]);
    assert.deepEqual(frame(10), [0, ...VM86], at.toString(16));
    assert.equal(flags & VM, 0);
    assert.equal(guest.sharedByte(1), 0, "EFLAGS.IF was on");
  }
});

Deno.test("VM86: the #GP entry's flag masks events, and EFLAGS.IF does; TF, NT and RF stay behind [trap.iret_vm86] [trap.mask]", async () => {
  for (const [entry, flags, mask] of [[0, 0x202, 0], [4, 0x202, 1], [0, 2, 1], [4, 2, 1]]) {
    const { guest, handlers, frame, inKernel } = await kernel();
    handlers([13, spot(guest, 13), entry]);
    const words = VM86.with(2, flags | VM | 0x14100);
    inKernel([0x90]);
    run(guest, iret(0x77, ...words));
    const after = registers(guest);
    assert.equal(after.eip, spot(guest, 13));
    assert.equal(guest.sharedByte(1), mask);
    assert.equal(after.flags & (VM | 0x14100), 0);
    assert.equal(frame(4)[3], words[2], "the frame shows all of them");
  }
});

Deno.test("VM86: a frame that lies where it is to go is left there, even with its end cut off [trap.iret_vm86]", async () => {
  const { guest, inKernel, rig } = await kernel();
  inKernel([0x90]);
  const end = guest.va(96);
  guest.call(HC.stackSwitch, KDS, end + 24);
  guest.write(end - 16, 0x77, ...VM86.slice(0, 3));
  run(guest, unfixed(end - 16));
  const { eip, esp, eax } = registers(guest);
  assert.deepEqual([eip, esp, eax], [spot(guest, 13), end - 16, 0x77]);
  assert.deepEqual([0, 4, 8].map((n) => guest.read(end - 16 + n)), [0, VM86[0], VM86[1]]);
  assert.equal(rig.inside.audit(guest.domid), 0);
});

Deno.test("VM86 by a hostile kernel: stacks and handlers that are none end the domain and nothing else [trap.iret_vm86] [trap.bad_stack]", async () => {
  const end = 0xc0000000 + 96 * 4096;
  const cases: [
    why: string,
    change: Partial<{ ss: number; sp: number; from: number; cs: number }>,
  ][] = [
    ["kernel_sp in the hole", { sp: 0xf6000000 }],
    ["kernel_sp at 0", { sp: 8 }],
    ["kernel_sp in a table", { sp: 0xc0000800 }],
    ["kernel_ss is code: #GP, whose frame cannot be written either", { ss: KCS }],
    ["the frame is cut", { from: end - 36 }],
    ["no handler of #GP", { cs: 0 }],
  ];
  for (
    const [why, { ss = KDS, sp = 0xc0000000 + STACK * 4096, from = 0xc001a100, cs = KCS }] of cases
  ) {
    const { guest, handlers, rig, toTheEnd } = await kernel();
    handlers([13, spot(guest, 13), 0, cs]);
    guest.call(HC.stackSwitch, ss, sp);
    guest.write(from, 0x77, ...VM86.slice(0, Math.min(9, (end - from) / 4 - 1)));
    toTheEnd(unfixed(from));
    assert.deepEqual([guest.state, guest.code], [2, 3], why);
    assert.equal(rig.inside.audit(guest.domid), 0);
  }
});
