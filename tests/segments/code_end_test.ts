/** Code at the end of its segment: of one with a limit, and of one that ends with all offsets. */
import assert from "node:assert/strict";
import { C_EIP, CPU } from "../../core/wasm/layout.ts";
import { descriptor } from "../traps/selectors.ts";
import { CODE, imm, KCS, kernel, registers, spot } from "../traps/kernel.ts";

const VALUE = 0x12345678, MOV = [0xb8, ...imm(VALUE)], LOOP = [0xeb, 0xfe];
const SELECTOR = 5 * 8 | 1;
/** Where in its page the code at the end begins. */
const AT = 0x800;

/** Jumps to offset `eip` of a code segment with these words, which is where `MOV` lies. */
async function atEnd(eip: number, base: number, limit: number, kind: number) {
  const made = await kernel();
  const { guest, table, inKernel } = made;
  table.gdt(5, descriptor(kind, guest.va(CODE, base), limit));
  const jump = [0xea, ...imm(eip), SELECTOR, 0];
  const front = 8; // bytes that loadSelectors puts in front
  inKernel([...jump, ...Array(AT - front - jump.length).fill(0x90), ...MOV, ...LOOP]);
  return made;
}

Deno.test("an instruction may go round from the last offset of a 4 GiB code segment to the first [descriptor.limit]", async () => {
  for (const back of [1, 2, 3, 4, 5]) {
    const { guest } = await atEnd(2 ** 32 - back, AT + back, 0xfffff, 0xcfbb00);
    const { eip, cs, eax } = registers(guest);
    assert.deepEqual([eip, cs, eax], [5 - back, SELECTOR, VALUE], `${back} bytes before the end`);
    assert.equal(guest.rig.core.view().getUint32(CPU + C_EIP + 4, true), 0);
  }
});

Deno.test("one that goes over another limit is #GP(0), and does nothing [descriptor.limit]", async () => {
  for (let inside = 0; inside <= MOV.length; inside++) {
    const { guest, frame } = await atEnd(AT, 0, AT + inside - 1, 0x4fbb00);
    const [error, eip, cs] = frame(3);
    assert.deepEqual([registers(guest).eip, error], [spot(guest, 13), 0]);
    const done = inside === MOV.length; // then it is the next one that lies beyond
    assert.equal(registers(guest).eax === VALUE, done);
    const [at, selector] = inside === 0
      ? [guest.va(CODE, 8), KCS] // the jump
      : [done ? AT + MOV.length : AT, SELECTOR];
    assert.deepEqual([eip, cs & 0xffff], [at, selector], `${inside} bytes inside`);
  }
});
