/** Jump tables are read where the region is collected, by the TLB of the space that runs. */
import assert from "node:assert/strict";
import {
  C_TLB_TAG,
  CPU,
  R_AX,
  R_ZERO,
  TLB,
  TLB_ADDEND,
  TLB_ENTRY_SIZE,
} from "../../core/wasm/layout.ts";
import { PLACE_REGISTER } from "../../jit/isa/forms.ts";
import { handlerPlan } from "../../jit/isa/plan.ts";
import type { DecodedInstruction } from "../../jit/translator/region.ts";
import { tableTargets } from "../../jit/translator/tables.ts";

const TABLE = 0xc0005ff0;
const EIP = 0xc0001000;
const TAG = 0x24;
const HOST = 0x150000;

/** A core's memory with four words of a table at the end of a page that the TLB knows. */
function memory(words: number[]): DataView {
  const view = new DataView(new ArrayBuffer(0x200000));
  view.setUint32(CPU + C_TLB_TAG, TAG, true);
  const entry = TLB + (TABLE >>> 12 & 0xfff) * TLB_ENTRY_SIZE;
  view.setBigUint64(entry, BigInt((TABLE & ~0xfff) >>> 0 | 0) & 0xffffffffn | BigInt(TAG), true);
  view.setUint32(entry + TLB_ADDEND, HOST - (TABLE & ~0xfff), true);
  words.forEach((w, n) => view.setUint32(HOST + (TABLE & 0xfff) + 4 * n, w, true));
  return view;
}

/** jmp [TABLE + 4 * eax], or another instruction. */
function jump(name = "jmp_indirect", more: Partial<DecodedInstruction> = {}): DecodedInstruction {
  const handler = handlerPlan().handlers.find((h) =>
    h.row.name === name && h.size === 4 && h.place !== PLACE_REGISTER
  );
  const operands = { base: R_ZERO, index: R_AX, scale: 2, displacement: TABLE | 0 };
  return { handler, ...operands, ...more } as DecodedInstruction;
}

Deno.test("a jump table is read up to its page's end, or to what is no code near", () => {
  const four = [EIP + 16, EIP + 32, EIP + 48, EIP + 64];
  assert.deepEqual(tableTargets(memory([...four, EIP + 80]), jump(), EIP), four);
  assert.deepEqual(tableTargets(memory([EIP + 16, 7, EIP]), jump(), EIP), [EIP + 16]);
  assert.deepEqual(tableTargets(memory(four), jump("call_indirect"), EIP), four);
});

Deno.test("only a table is read as one, and only where the TLB says what is there", () => {
  const view = memory([EIP, EIP]);
  assert.deepEqual(tableTargets(view, jump("inc"), EIP), []);
  assert.deepEqual(tableTargets(view, jump("jmp_indirect", { base: R_AX }), EIP), []);
  assert.deepEqual(tableTargets(view, jump("jmp_indirect", { scale: 0 }), EIP), []);
  view.setUint32(CPU + C_TLB_TAG, TAG + 2, true);
  assert.deepEqual(tableTargets(view, jump(), EIP), []);
});
