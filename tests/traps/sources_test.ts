/** Every exception a guest's own code raises, from both rings: its vector, error code, EIP and frame (golden trap.*). */
import assert from "node:assert/strict";
import { CPU, R_AX, R_BX, R_CX, R_DX, R_SI } from "../../core/wasm/layout.ts";
import { type Guest, Rig } from "../hypercalls/rig.ts";
import { descriptor, loadSelectors, park, registers, run, spot, tables } from "./selectors.ts";

const KCS = 0xe019, KDS = 0xe021, UCS = 0xe02b, UDS = 0xe033;
const HC = {
  trapTable: 0,
  stackSwitch: 3,
  callbacks: 4,
  fpu: 5,
  updateVa: 14,
  version: 17,
  event: 32,
};
const CODE = 22, DATA = 40, STACK = 31, UPCALL = 60;
const NP = 0xcf3300; // ring 1 data that is not present

async function start() {
  const guest = (await Rig.create(1)).addGuest();
  park(guest.enter());
  const table = tables(guest);
  const user = guest.mfns[DATA];
  assert.equal(guest.call(HC.updateVa, guest.va(DATA), user << 12 | 0x67, user >>> 20, 2), 0);
  table.gdt(5, descriptor(NP));
  const list = Array.from({ length: 32 }, (_, v) => [v | KCS << 16, spot(guest, v)]).flat();
  assert.equal(guest.call(HC.trapTable, guest.write(guest.va(30), ...list, 0, 0)), 0);
  guest.call(HC.stackSwitch, KDS, guest.va(STACK));
  guest.call(HC.callbacks, KCS, spot(guest, UPCALL), KCS, 0);
  return { guest, table };
}

const imm = (n: number) => [n, n >>> 8, n >>> 16, n >>> 24].map((b) => b & 0xff);
const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17];

interface Source {
  vector: number;
  /** Bytes up to the instruction at fault, and that instruction; addresses are in the page DATA. */
  before?: (data: number) => number[];
  code: (data: number) => number[];
  error?: number;
  /** A trap: EIP is behind the instruction. */
  trap?: boolean;
  rings?: (1 | 3)[];
}

function sourceTest(name: string, source: Source): void {
  Deno.test(name, async () => {
    for (const ring of source.rings ?? [1, 3] as const) {
      const { guest } = await start();
      const data = guest.va(DATA);
      const before = source.before?.(data) ?? [], code = source.code(data);
      const first = ring === 1 ? 0 : 8 + 26; // what loadSelectors puts before
      if (ring === 1) run(guest, [...before, ...code]);
      else {
        const user = { cs: UCS, ss: UDS, esp: guest.va(DATA, 0x800) };
        loadSelectors(guest, { ds: UDS, es: UDS, fs: 0, gs: 0 }, user, [...before, ...code]);
      }
      const after = registers(guest);
      assert.equal(after.eip, spot(guest, source.vector), `ring ${ring}`);
      const frame = Array.from({ length: 6 }, (_, n) => guest.read(after.esp + n * 4) >>> 0);
      if (WITH_ERROR.includes(source.vector)) {
        assert.equal(frame.shift(), source.error ?? 0, `ring ${ring}: error code`);
      }
      // EIP: at the instruction, or behind it
      const offset = first + before.length + (source.trap ? code.length : 0);
      assert.equal(frame[0] - guest.va(CODE), offset, `ring ${ring}: EIP`);
      assert.equal(frame[1] & 0xffff, ring === 1 ? KCS : UCS);
      assert.equal(frame[2] & 0x3000, 0, "IOPL");
      if (ring === 3) assert.equal(frame[4], UDS);
      assert.equal(after.cpl, 1);
      assert.equal(guest.state, 1);
    }
  });
}

sourceTest("#DE: division by zero [trap.#DE]", {
  vector: 0,
  before: () => [0x31, 0xc9],
  code: () => [0xf7, 0xf1],
});
sourceTest("#DB: ICEBP, behind it [trap.#DB]", { vector: 1, code: () => [0xf1], trap: true });
sourceTest("#BP: INT3, behind it [trap.#BP]", { vector: 3, code: () => [0xcc], trap: true });
sourceTest("#OF: INTO, behind it [trap.#OF]", {
  vector: 4,
  before: () => [0xb0, 0x7f, 0x04, 0x01], // mov al,127; add al,1
  code: () => [0xce],
  trap: true,
});
sourceTest("#BR: BOUND, at it [trap.#BR]", {
  vector: 5,
  before: (
    data,
  ) => [
    0xb8,
    9,
    0,
    0,
    0,
    0xc7,
    0x05,
    ...imm(data),
    0,
    0,
    0,
    0,
    0xc7,
    0x05,
    ...imm(data + 4),
    8,
    0,
    0,
    0,
  ],
  code: (data) => [0x62, 0x05, ...imm(data)],
});
sourceTest("#UD: UD2 [trap.#UD]", { vector: 6, code: () => [0x0f, 0x0b] });
sourceTest("#UD: LOCK where it may not be [trap.#UD]", { vector: 6, code: () => [0xf0, 0x90] });
sourceTest("#NP: a data segment that is not there [trap.#NP]", {
  vector: 11,
  before: () => [0xb8, 0x29, 0, 0, 0],
  code: () => [0x8e, 0xc0],
  error: 0x28,
  rings: [1],
});
sourceTest("#SS: a stack segment that is not there [trap.#SS]", {
  vector: 12,
  before: () => [0xb8, 0x29, 0, 0, 0],
  code: () => [0x8e, 0xd0],
  error: 0x28,
  rings: [1],
});
sourceTest("#GP: HLT, and a selector beyond the table [trap.#GP]", {
  vector: 13,
  code: () => [0xf4],
});
sourceTest("#GP: a selector beyond the table [trap.#GP]", {
  vector: 13,
  before: () => [0xb8, 0x01, 0x10, 0, 0],
  code: () => [0x8e, 0xc0],
  error: 0x1000,
});
sourceTest("#PF: a write to what is not mapped [trap.#PF]", {
  vector: 14,
  code: () => [0xc6, 0x05, ...imm(0x400000), 0],
  error: 2,
  rings: [1],
});
sourceTest("#PF: a program's read of the kernel's page [trap.#PF]", {
  vector: 14,
  code: () => [0xa1, ...imm(0xc0014000)],
  error: 5,
  rings: [3],
});
sourceTest("#MF: x87, at the next instruction that waits [trap.#MF]", {
  vector: 16,
  // fninit; control word without the mask of ZE; 1 / 0; then FWAIT
  before: (
    data,
  ) => [
    0xdb,
    0xe3,
    0x66,
    0xc7,
    0x05,
    ...imm(data),
    0x7b,
    0x03,
    0xd9,
    0x2d,
    ...imm(data),
    0xd9,
    0xe8,
    0xd9,
    0xee,
    0xde,
    0xf9,
  ],
  code: () => [0x9b],
});
sourceTest("#AC: an unaligned access under EFLAGS.AC, in ring 3 [trap.#AC]", {
  vector: 17,
  // with AC set an aligned one is as ever, and so is one of a byte
  before: (data) => [
    ...[0x9c, 0x81, 0x0c, 0x24, 0, 0, 4, 0, 0x9d],
    ...[0xa1, ...imm(data + 4), 0xa0, ...imm(data + 1)],
  ],
  code: (data) => [0xa1, ...imm(data + 1)],
  rings: [3],
});
sourceTest("#XM: SSE without the mask of its exception [trap.#XM]", {
  vector: 19,
  before: (data) => [
    ...[0xc7, 0x05, ...imm(data), 0x80, 0x1d, 0, 0], // MXCSR without the mask of ZE
    ...[0xc7, 0x05, ...imm(data + 4), 0, 0, 0x80, 0x3f], // 1.0
    ...[0x0f, 0xae, 0x15, ...imm(data), 0x0f, 0x57, 0xc0, 0xf3, 0x0f, 0x10, 0x0d, ...imm(data + 4)],
  ],
  code: () => [0xf3, 0x0f, 0x5e, 0xc8], // divss xmm1,xmm0
});

Deno.test("a step over an emulated instruction is #DB behind it [trap.tf_emulated]", async () => {
  const { guest } = await start();
  // pushf; or dword [esp],0x100; popf; mov eax,cr0
  run(guest, [0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x0f, 0x20, 0xc0]);
  const { eip, esp } = registers(guest);
  assert.equal(eip, spot(guest, 1));
  assert.equal(guest.read(esp) >>> 0, guest.va(CODE, 12));
  assert.equal(guest.read(esp + 8) & 0x100, 0x100, "TF is in the frame");
});

Deno.test("a handler that faults gets a frame upon its frame [trap.nested]", async () => {
  const { guest } = await start();
  const handler = guest.va(CODE, 0x20);
  guest.call(HC.trapTable, guest.write(guest.va(30), 6 | KCS << 16, handler, 0, 0));
  const code = [0x0f, 0x0b, ...Array(0x1e).fill(0x90), 0xa1, ...imm(0x400000)];
  run(guest, code);
  const { eip, esp } = registers(guest);
  assert.equal(eip, spot(guest, 14));
  const frame = Array.from({ length: 7 }, (_, n) => guest.read(esp + n * 4) >>> 0);
  assert.deepEqual([frame[0], frame[1], frame[4]], [0, handler, guest.va(CODE)]);
});

/** A bound port of its own with an event pending and masked, and shared_info mapped at DATA. */
function pendingEvent(guest: Guest): void {
  const shared = guest.rig.core.exports.domain_shared_info(guest.domid);
  assert.equal(guest.call(HC.updateVa, guest.va(DATA), shared << 12 | 0x63, shared >>> 20, 2), 0);
  guest.setSharedByte(1, 1);
  assert.equal(guest.call(HC.event, 7, guest.write(guest.va(30), 0, 0)), 0);
  const port = guest.read(guest.va(30, 4));
  assert.equal(guest.call(HC.event, 4, guest.write(guest.va(30), port)), 0);
}

const unmask = (guest: Guest) => [0xc6, 0x05, ...imm(guest.va(DATA, 1)), 0];

Deno.test("an exception's frame first, the event's on top, at the handler's first instruction [trap.order] [event.unmask]", async () => {
  const { guest } = await start();
  pendingEvent(guest);
  run(guest, [...unmask(guest), 0x0f, 0x0b]);
  const { eip, esp } = registers(guest);
  assert.equal(eip, spot(guest, UPCALL));
  assert.equal(guest.read(esp) >>> 0, spot(guest, 6), "the event interrupts the handler of #UD");
  assert.equal(guest.read(esp + 12) >>> 0, guest.va(CODE, 7));
  // with flag 4 the handler comes first, masked
  const masked = await start();
  masked.guest.call(
    HC.trapTable,
    masked.guest.write(masked.guest.va(30), 6 | 4 << 8 | KCS << 16, spot(masked.guest, 6), 0, 0),
  );
  pendingEvent(masked.guest);
  run(masked.guest, [...unmask(masked.guest), 0x0f, 0x0b]);
  assert.equal(registers(masked.guest).eip, spot(masked.guest, 6));
});

Deno.test("an event unmasked by a store comes on the way back from the next hypercall [trap.upcall] [event.unmask] [hypercall.direct]", async () => {
  const { guest } = await start();
  pendingEvent(guest);
  // unmask; xen_version(0); and behind it
  const call = [0xb8, HC.version, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x82];
  run(guest, [...unmask(guest), ...call, 0x90]);
  const { eip, esp, eax } = registers(guest);
  assert.equal(eip, spot(guest, UPCALL));
  assert.equal(guest.read(esp) >>> 0, guest.va(CODE, 7 + call.length), "the hypercall is done");
  assert.equal(eax, 0x00040011);
  assert.equal(guest.sharedByte(0), 1, "pending is the guest's to clear");
  assert.equal(guest.read(esp + 4) >>> 16, 0, "the mask that was");
  assert.equal(guest.sharedByte(1), 1);
});

Deno.test("any mask byte but 0 holds events back [event.mask]", async () => {
  for (const byte of [1, 2, 0x80, 0xff]) {
    const { guest } = await start();
    pendingEvent(guest);
    guest.setSharedByte(1, byte);
    run(guest, [0xb8, HC.version, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x82, 0x90]);
    assert.notEqual(registers(guest).eip, spot(guest, UPCALL));
    assert.equal(guest.sharedByte(1), byte);
  }
});

Deno.test("a hypercall changes EAX and nothing else [hypercall.registers] [hypercall.direct]", async () => {
  const { guest } = await start();
  const view = guest.rig.core.view();
  for (const nr of [HC.version, 99]) {
    const values: [at: number, value: number][] = [[R_BX, 7], [R_CX, 0], [R_DX, 0x12345678], [
      R_SI,
      0x9abcdef0,
    ]];
    const set = values.flatMap(([at, value]) => [0xb8 + (at - R_AX) / 8, ...imm(value)]);
    // flags as they stand are pushed before and after
    run(guest, [...set, 0xf9, 0x9c, 0xb8, nr, 0, 0, 0, 0xcd, 0x82, 0x9c]);
    const { eax, esp } = registers(guest);
    assert.equal(eax | 0, nr === 99 ? -38 : 4096);
    for (const [at, value] of values) assert.equal(view.getUint32(CPU + at, true), value, `${at}`);
    assert.equal(guest.read(esp), guest.read(esp + 4), "flags");
    assert.equal(guest.read(esp) & 1, 1);
  }
});

Deno.test("from ring 3 the gate is closed: #GP with INT 0x82's code [hypercall.direct] [trap.int82]", async () => {
  const { guest } = await start();
  const user = { cs: UCS, ss: UDS, esp: guest.va(DATA, 0x800) };
  loadSelectors(guest, { ds: UDS, es: UDS, fs: 0, gs: 0 }, user, [0xcd, 0x82]);
  const { eip, esp } = registers(guest);
  assert.equal(eip, spot(guest, 13));
  assert.equal(guest.read(esp), 0x82 * 8 + 2);
});

Deno.test("RDMSR of what the processor has reads 0 while there is no handler of #GP [emulate.rdmsr_early]", async () => {
  const { guest } = await start();
  const LSTAR = 0xc0000082;
  const rdmsr = [0xb8, ...imm(0x5555), 0xb9, ...imm(LSTAR), 0x0f, 0x32];
  run(guest, rdmsr);
  assert.equal(registers(guest).eip, spot(guest, 13));
  guest.call(HC.trapTable, 0);
  run(guest, rdmsr);
  assert.deepEqual([registers(guest).eax, guest.state], [0, 1]);
});
