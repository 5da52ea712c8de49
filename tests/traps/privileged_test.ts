/** Privileged instructions from both rings, decoded from guest bytes; hostile bytes and registers. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { C_EIP, C_SEG, MACHINE, R_AX, R_CX, R_DI, R_DX, R_SI } from "../../core/wasm/layout.ts";
import { KCS, KDS, machine, page, READ_ONLY, UCS, UDS, UNMAPPED, USER } from "./machine.ts";

const m = await machine();
const { x } = m;
const CODE = page(6); // both rings can fetch from it

function place(bytes: number[], user: boolean): void {
  bytes.forEach((b, n) => m.view(6).setUint8(n, b));
  m.enter(user ? UCS : KCS, CODE, 2, user ? UDS : KDS, user ? page(USER) + 0x800 : page(0) + 0x800);
  for (const seg of [0, 3]) x.load_segment(seg, user ? UDS : KDS);
  m.cpu.setUint32(C_EIP, CODE + bytes.length, true);
}
const reg = (at: number, value?: number): number => {
  if (value !== undefined) m.cpu.setUint32(at, value, true);
  return m.cpu.getUint32(at, true);
};

/** Runs an instruction; its fault, or "" and then EAX is what it left. */
function run(bytes: number[], { user = false, eax = 0, ecx = 0, edx = 0 } = {}): string {
  place(bytes, user);
  reg(R_AX, eax);
  reg(R_CX, ecx);
  reg(R_DX, edx);
  x.insn_privileged();
  return m.fault();
}

Deno.test("what both rings are refused [emulate.hlt] [emulate.lmsw] [emulate.invd] [emulate.rdpmc] [emulate.lgdt_lidt] [emulate.lldt_ltr] [emulate.invlpg] [emulate.sysexit] [emulate.xsetbv] [emulate.vmx] [emulate.monitor]", () => {
  const refused: [string, number[]][] = [
    ["d:0", [0xf4]],
    ["d:0", [0xf3, 0xf4]],
    ["d:0", [0x0f, 0x08]],
    ["d:0", [0x0f, 0x33]],
    ["d:0", [0x0f, 0x35]],
    ["d:0", [0x0f, 0x07]],
    ["d:0", [0x0f, 0x01, 0x10]],
    ["d:0", [0x0f, 0x01, 0x18]],
    ["d:0", [0x0f, 0x01, 0xf0]],
    ["d:0", [0x0f, 0x01, 0x38]],
    ["d:0", [0x0f, 0x00, 0xd0]],
    ["d:0", [0x0f, 0x00, 0xd8]],
    ["6:0", [0x0f, 0x01, 0xd1]],
    ["6:0", [0x0f, 0x01, 0xf8]],
    ["6:0", [0x0f, 0x01, 0xc1]],
    ["6:0", [0x0f, 0x01, 0xc8]],
    ["6:0", [0x0f, 0x01, 0xc9]],
    ["6:0", [0xf0, 0x0f, 0x06]],
    ["6:0", [0x0f, 0x20, 0xc8]],
    ["6:0", [0x0f, 0x22, 0xe8]],
    ["6:0", [0x0f, 0xaa]],
  ];
  for (const [expected, bytes] of refused) {
    for (const user of [false, true]) {
      assert.equal(
        run(bytes, { user }),
        expected,
        bytes.map((b) => b.toString(16)).join(" "),
      );
    }
  }
});

Deno.test("what the kernel alone may do [emulate.clts] [emulate.wbinvd] [emulate.mov_from_cr]", () => {
  for (
    const bytes of [[0x0f, 0x06], [0x0f, 0x09], [0x0f, 0x20, 0xc0], [0x0f, 0x20, 0xe0], [
      0x0f,
      0x21,
      0xf8,
    ], [0x66, 0x0f, 0x20, 0xd0]]
  ) {
    assert.equal(run(bytes), "");
    assert.equal(run(bytes, { user: true }), "d:0");
  }
  assert.equal(run([0x0f, 0x32], { ecx: 0x277 }), "");
  assert.equal(run([0x0f, 0x32], { ecx: 0x277, user: true }), "d:0");
});

Deno.test("CR0 changes in TS only, CR4 in the guest's bits only, CR3 to valid tables only [emulate.mov_to_cr] [emulate.cr3] [emulate.cr4]", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffffffff }), (eax) => {
      assert.equal(run([0x0f, 0x22, 0xc0], { eax }), ((eax ^ 0x80050033) & ~8) === 0 ? "" : "d:0");
      assert.equal(run([0x0f, 0x22, 0xe0], { eax }), "");
      run([0x0f, 0x20, 0xe0]);
      assert.equal(reg(R_AX), ((eax & 0xc) | 0x660) >>> 0);
      run([0x0f, 0x20, 0xd8]);
      const before = reg(R_AX);
      const fault = run([0x0f, 0x22, 0xd8], { eax });
      assert.equal(fault, eax === before ? "" : "d:0");
      run([0x0f, 0x20, 0xd8]);
      assert.equal(reg(R_AX), before);
    }),
    { numRuns: 300 },
  );
  assert.equal(run([0x0f, 0x22, 0xc0], { eax: 0x8005003b }), "");
  assert.equal(x.probe_ts(), 1);
  assert.equal(run([0x0f, 0x06]), "");
  assert.equal(x.probe_ts(), 0);
  run([0x0f, 0x22, 0xe0], { eax: 0 });
});

Deno.test("no MSR write from a guest gets anything but 0 or #GP(0), and none changes a later read [emulate.wrmsr]", () => {
  const msr = fc.oneof(
    fc.integer({ min: 0, max: 0x7ff }),
    fc.integer({ min: 0xc0000000 | 0, max: 0xc0000200 | 0 }),
    fc.integer(),
  );
  fc.assert(
    fc.property(msr.filter((n) => n !== 0x10), fc.integer(), fc.integer(), (ecx, eax, edx) => {
      const read = () => {
        const fault = run([0x0f, 0x32], { ecx });
        return fault || `${reg(R_AX)} ${reg(R_DX)}`;
      };
      m.setTrap(13, 0, KCS, page(1));
      const before = read();
      assert.ok(["", "d:0"].includes(run([0x0f, 0x30], { ecx, eax, edx })));
      assert.equal(read(), before);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("MSRs that exist and are refused: 0 before there is a #GP handler, and for a relaxed domain [emulate.rdmsr_early] [option.msr_relaxed]", () => {
  const SYSENTER_CS = 0x174, UNKNOWN = 0x12345, RELAXED = 64;
  const rdmsr = (ecx: number) =>
    run([0x0f, 0x32], { ecx, eax: 5, edx: 5 }) || reg(R_AX) + reg(R_DX);
  const wrmsr = (ecx: number) => run([0x0f, 0x30], { ecx, eax: 5, edx: 5 });
  m.setTrap(13, 0, 0, 1);
  assert.deepEqual([rdmsr(SYSENTER_CS), rdmsr(UNKNOWN)], [0, "d:0"]);
  assert.deepEqual([wrmsr(SYSENTER_CS), wrmsr(UNKNOWN)], ["d:0", "d:0"]);
  m.setTrap(13, 0, KCS, page(1));
  assert.deepEqual([rdmsr(SYSENTER_CS), rdmsr(UNKNOWN)], ["d:0", "d:0"]);
  x.probe_options(RELAXED);
  assert.deepEqual([rdmsr(SYSENTER_CS), rdmsr(UNKNOWN)], [0, "d:0"]);
  assert.deepEqual([wrmsr(SYSENTER_CS), wrmsr(UNKNOWN)], ["", "d:0"]);
  assert.equal(rdmsr(SYSENTER_CS), 0);
  x.probe_options(0);
});

Deno.test("early, every MSR that exists and is refused reads 0, none that does not [emulate.rdmsr_early] [msr.mtrr]", () => {
  const early = (ecx: number) => run([0x0f, 0x32], { ecx, eax: 5, edx: 5 });
  const exist = [
    ...[0xc1, 0xc2, 0x186, 0x187], // two performance counters and what selects their events
    ...[0xe7, 0xe8, 0xfe, 0x174, 0x175, 0x176, 0x19a, 0x19b, 0x1d9],
    ...Array.from({ length: 16 }, (_, n) => 0x200 + n), // the MTRRs, variable and fixed
    ...[0x250, 0x258, 0x259, ...Array.from({ length: 8 }, (_, n) => 0x268 + n), 0x2ff],
    ...[0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102],
  ];
  for (const ecx of exist) {
    m.setTrap(13, 0, 0, 1);
    assert.deepEqual([early(ecx), reg(R_AX), reg(R_DX)], ["", 0, 0], ecx.toString(16));
    m.setTrap(13, 0, KCS, page(1));
    assert.deepEqual([early(ecx), reg(R_AX), reg(R_DX)], ["d:0", 5, 5], ecx.toString(16));
  }
  m.setTrap(13, 0, 0, 1);
  for (const ecx of [0xc3, 0x188, 0x1ff, 0x210, 0x251, 0x25a, 0x267, 0x270, 0xc0000085]) {
    assert.equal(early(ecx), "d:0", ecx.toString(16));
  }
});

Deno.test("the hypercall page is written only where the guest could write [msr.hypercall_page]", () => {
  const address = (pfn: number) => m.view(pfn).byteOffset - MACHINE;
  const write = (pfn: number, low = 0) =>
    run([0x0f, 0x30], { ecx: 0x40000000, eax: address(pfn) | low });
  assert.equal(write(1), "");
  assert.deepEqual([0, 1, 5, 6, 7].map((n) => m.view(1).getUint8(32 + n)), [
    0xb8,
    1,
    0xcd,
    0x82,
    0xc3,
  ]);
  assert.equal(m.view(1).getUint8(23 * 32), 0x50);
  assert.equal(write(1, 1), "d:0");
  for (const table of [10, 11, 12]) assert.equal(write(table), "d:0");
  assert.equal(run([0x0f, 0x30], { ecx: 0x40000000, eax: 0xfffff000 | 0, edx: 0xffff }), "d:0");
});

Deno.test("ports: allowed by IOPL, all ones; INS and OUTS stop precisely at a fault [emulate.in] [emulate.out] [emulate.ins] [emulate.outs]", () => {
  const io = (bytes: number[], user: boolean, eax = 0, edx = 0x3f8) => {
    place(bytes, user);
    reg(R_AX, eax);
    reg(R_DX, edx);
    x.insn_io();
    return m.fault();
  };
  for (let level = 0; level < 4; level++) {
    x.probe_iopl(level);
    for (const user of [false, true]) {
      const allowed = level >= (user ? 3 : 1);
      assert.equal(io([0xed], user), allowed ? "" : "d:0");
      assert.equal(reg(R_AX), allowed ? 0xffffffff : 0);
      assert.equal(io([0xe4, 0x80], user, 0x1234), allowed ? "" : "d:0");
      assert.equal(reg(R_AX), allowed ? 0x12ff : 0x1234);
      assert.equal(run([0xfa], { user }), allowed ? "" : "d:0");
    }
  }
  x.probe_iopl(1);
  place([0xf3, 0x6c], false); // REP INSB over the end of a page into an unmapped one
  reg(R_DI, page(UNMAPPED) - 3);
  reg(R_CX, 10);
  x.insn_io();
  assert.equal(m.fault(), "e:2");
  assert.equal(x.probe_fault_address() >>> 0, page(UNMAPPED));
  assert.deepEqual([reg(R_DI), reg(R_CX)], [page(UNMAPPED), 7]);
  place([0xf3, 0x6e], false);
  reg(R_SI, page(UNMAPPED));
  reg(R_CX, 10);
  x.insn_io();
  assert.equal(m.fault(), "e:0");
  assert.equal(reg(R_CX), 10);
  place([0xf3, 0x6d], false); // to a read-only page: nothing done
  reg(R_DI, page(READ_ONLY));
  reg(R_CX, 1);
  x.insn_io();
  assert.equal(m.fault(), "e:3");
  place([0xf3, 0x6d], false);
  reg(R_CX, 0);
  x.probe_iopl(0);
  x.insn_io();
  assert.equal(m.fault(), ""); // no element, no check
});

Deno.test("hostile bytes and registers: no trap of ours, and a fault leaves the registers alone", () => {
  const opcode = fc.oneof(
    fc.constantFrom(
      [0x0f, 0x00],
      [0x0f, 0x01],
      [0x0f, 0x20],
      [0x0f, 0x21],
      [0x0f, 0x22],
      [0x0f, 0x23],
      [0x0f, 0x30],
      [0x0f, 0x32],
    ),
    fc.constantFrom(
      [0x6c],
      [0x6d],
      [0x6e],
      [0x6f],
      [0xe4],
      [0xe5],
      [0xe6],
      [0xe7],
      [0xec],
      [0xed],
      [0xee],
      [0xef],
      [0xf4],
      [0xfa],
    ),
    fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 3 }),
  );
  const prefix = fc.array(
    fc.constantFrom(0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65),
    { maxLength: 16 },
  );
  const registers = fc.array(fc.integer(), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(
      prefix,
      opcode,
      fc.integer({ min: 0, max: 255 }),
      registers,
      fc.boolean(),
      fc.integer({ min: 0, max: 3 }),
      (prefix, opcode, last, values, user, iopl) => {
        x.probe_iopl(iopl);
        place([...prefix, ...opcode, last], user);
        for (const [n, v] of values.entries()) if (n !== 4) reg(n * 8, v);
        const string = opcode.length === 1 && opcode[0] >= 0x6c && opcode[0] <= 0x6f;
        const before = new Uint8Array(m.cpu.buffer, m.cpu.byteOffset, C_SEG).slice();
        x.insn_privileged();
        if (m.fault() && !string) {
          const after = new Uint8Array(m.cpu.buffer, m.cpu.byteOffset, C_SEG);
          assert.deepEqual(after, before);
        }
        assert.equal(x.probe_crashed(), 0);
        // a debug breakpoint or TSD that the bytes set must not outlive them
        run([0x0f, 0x23, 0xf8], { eax: 0 });
        run([0x0f, 0x22, 0xe0], { eax: 0 });
      },
    ),
    { numRuns: 3000 },
  );
});
