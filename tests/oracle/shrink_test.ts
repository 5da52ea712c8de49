/** A difference is shrunk to the instruction that makes it, from a state with nothing in it. */
import assert from "node:assert/strict";
import { Random } from "../random.ts";
import { allForms } from "./forms.ts";
import { generateCase } from "./generate.ts";
import { runsI386 } from "../i386.ts";
import { GuestWorld } from "./run.ts";
import { shrink } from "./shrink.ts";

const ADD = [0x01, 0xd8]; // add eax, ebx
const includes = (code: number[]) => code.some((b, i) => b === ADD[0] && code[i + 1] === ADD[1]);

Deno.test({
  name: "the shortest program that differs, and no other",
  ignore: !await runsI386(),
  async fn() {
    const { forms } = allForms();
    const nop = forms.find((f) => f.row.name === "cld")!;
    const c = {
      ...generateCase(new Random(1), nop),
      // mov ecx, edx; add eax, ebx; xor esi, esi; neg edi
      code: [0x89, 0xd1, ...ADD, 0x31, 0xf6, 0xf7, 0xdf],
    };
    c.registers = c.registers.map((r, n) => n === 4 ? r : r | 0x10101);
    const world = await GuestWorld.create();
    try {
      // as if the interpreter got this instruction wrong whenever EBX is odd
      const wrong = (at: typeof c) =>
        includes(at.code) && at.registers[3] & 1 ? ["eax: wrong"] : [];
      const short = await shrink(world, c, wrong);
      assert.deepEqual(short.code, ADD);
      assert.deepEqual([...short.registers].filter((_, n) => n !== 4), [0, 0, 0, 1, 0, 0, 0]);
      assert.ok(short.memory.every((b) => b === 0));
      // what differs in another way is no step towards it
      const other = (at: typeof c) => at.code.length < 6 ? ["edx: wrong"] : ["eax: wrong"];
      assert.equal((await shrink(world, c, other)).code.length, 6);
      // and what differs no more is left as it is
      assert.equal(await shrink(world, c, () => []), c);
    } finally {
      world.close();
    }
  },
});
