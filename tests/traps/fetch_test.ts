/**
 * The bytes of what Xen emulates are read again from the guest's code, which may not be there any more: a page
 * unmapped without a flush goes on running by what the processor remembers.
 */
import assert from "node:assert/strict";
import { CODE, DATA, HC, imm, KCS, kernel, registers, spot } from "./kernel.ts";
import { SELF } from "../hypercalls/rig.ts";
import { run } from "./selectors.ts";

const [PHYSDEV, SET_IOPL] = [33, 6];

const EMULATED: [name: string, code: number[]][] = [
  ["MOV from CR0 [emulate.mov_from_cr]", [0x0f, 0x20, 0xc0]],
  ["IN [emulate.in]", [0xe4, 0x60]],
  ["CLI [emulate.cli]", [0xfa]],
];
for (const [name, code] of EMULATED) {
  Deno.test(`code unmapped under ${name}: #PF at it, of a read, and nothing done`, async () => {
    const { guest, frame } = await kernel();
    assert.equal(guest.call(PHYSDEV, SET_IOPL, guest.write(guest.va(30), 1)), 0);
    const entry = guest.write(
      guest.va(DATA),
      guest.mfns[CODE] << 12 | 0x67,
      guest.mfns[CODE] >>> 20,
    );
    // mapped to itself in the first round, unmapped in the second
    const round = [
      ...[0xb8, ...imm(HC.updateVa), 0xbb, ...imm(guest.va(CODE))],
      ...[0x8b, 0x0d, ...imm(entry), 0x8b, 0x15, ...imm(entry + 4), 0x31, 0xf6, 0xcd, 0x82],
      ...code,
      ...[0xc7, 0x05, ...imm(entry), ...imm(0), 0xc7, 0x05, ...imm(entry + 4), ...imm(0)],
    ];
    run(guest, [...round, 0xe9, ...imm(-round.length - 5)]);
    assert.equal(registers(guest).eip, spot(guest, 14));
    const [error, eip, cs] = frame(3);
    const at = guest.va(CODE, round.length - 20 - code.length);
    assert.deepEqual([error, eip, cs & 0xffff, guest.shared(8)], [0, at, KCS, at]);
    assert.equal(registers(guest).eax, 0, "the hypercall's result");
  });
}

Deno.test("an instruction across two pages is read from both, wherever they lie [emulate.mov_from_cr] [emulate.in]", async () => {
  const { guest, rig } = await kernel();
  assert.equal(guest.call(PHYSDEV, SET_IOPL, guest.write(guest.va(30), 1)), 0);
  const [first, second, behind] = [44, 45, 60];
  const mfn = guest.mfns[behind];
  assert.equal(guest.call(HC.updateVa, guest.va(second), mfn << 12 | 0x67, mfn >>> 20, 2), 0);
  const cases: [code: number[], eax: number][] = [
    [[0x0f, 0x20, 0xc0], 0x80050033],
    [[0x66, 0x0f, 0x20, 0xc0], 0x80050033],
    [[0xe4, 0x60], 0xff],
  ];
  for (const [code, eax] of cases) {
    for (let before = 1; before < code.length; before++) {
      const at = 0x1000 - before;
      rig.core.frame(guest.mfns[first]).set(code.slice(0, before), at);
      rig.core.frame(guest.mfns[second]).fill(0xf4); // what lies beside the first in the machine
      rig.core.frame(mfn).set([...code.slice(before), 0xeb, 0xfe]);
      run(guest, [0x31, 0xc0, 0xe9, ...imm(guest.va(first, at) - guest.va(CODE, 7))]);
      const { eip, eax: got } = registers(guest);
      assert.deepEqual([got, eip], [eax, guest.va(first, at) + code.length], code.join());
      for (const page of [first, behind]) { // what was decoded there is dropped
        guest.call(HC.mmuext, guest.write(guest.va(32), 16, guest.mfns[page], 0), 1, 0, SELF);
      }
    }
  }
});
