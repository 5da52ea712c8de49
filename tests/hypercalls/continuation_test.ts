/** Calls that are cut short: done again from where they stopped, with counts that add up (pv-abi §3.2). */
import assert from "node:assert/strict";
import { C_EIP, C_INSN_EIP, CPU, R_BX, R_CX, R_DX, R_SI } from "../../core/wasm/layout.ts";
import { BASE, type Guest, Rig, SELF } from "./rig.ts";

const EINVAL = -22, EFAULT = -14;
const HC = { mmuUpdate: 1, console: 18, grant: 20, mmuext: 26 };
const INSN = BASE + 0x1234;

async function start(options = 0): Promise<Guest> {
  return (await Rig.create(1)).addGuest({ options }).enter();
}

/**
 * A hypercall as INT 0x82 makes it: again with the registers it left for as long as EIP is back at the
 * instruction. @returns its result, and how often it was made
 */
function whole(guest: Guest, nr: number, ...args: number[]): { result: number; calls: number } {
  const view = () => guest.rig.core.view();
  const registers = [R_BX, R_CX, R_DX, R_SI];
  registers.forEach((at, n) => view().setBigUint64(CPU + at, BigInt((args[n] ?? 0) >>> 0), true));
  view().setBigUint64(CPU + C_INSN_EIP, BigInt(INSN), true);
  for (let calls = 1;; calls++) {
    assert.ok(calls < 1000, "it does not end");
    view().setBigUint64(CPU + C_EIP, BigInt(INSN + 2), true);
    const now = registers.map((at) => view().getUint32(CPU + at, true));
    const result = guest.call(nr, ...now);
    if (view().getUint32(CPU + C_EIP, true) !== INSN) return { result, calls };
    assert.equal(result, nr, "EAX is the number again");
    assert.equal(view().getUint32(CPU + R_SI, true), now[3], "ESI is not touched");
  }
}

/** Fills pages from LIST on with requests, 16 bytes each. */
const LIST = 40, DONE = 20;
const requests = (guest: Guest, count: number, request: (n: number) => number[]) => {
  for (let n = 0; n < count; n++) guest.write(guest.va(LIST, n * 16), ...request(n));
  guest.write(guest.va(DONE), 77);
};
const done = (guest: Guest) => guest.read(guest.va(DONE));

Deno.test("mmu_update: more requests than one call takes, and an error among the last [mmu_update] [mmu_update.done] [errno.EINVAL]", async () => {
  const guest = await start();
  const [low, high] = [guest.mfns[30] << 12 | 0, guest.mfns[30] >>> 20];
  const total = 5000;
  requests(guest, total, (n) => [low + (n % 512) * 8, high, n, 0]);
  const all = whole(guest, HC.mmuUpdate, guest.va(LIST), total, guest.va(DONE), SELF);
  assert.equal(all.result, 0);
  assert.ok(all.calls > 1);
  assert.equal(done(guest), total);
  for (let n = total - 512; n < total; n++) {
    assert.equal(guest.read(guest.va(30, (n % 512) * 8)), n);
  }
  guest.write(guest.va(LIST, 4500 * 16), 0, 0, 0, 0);
  const failed = whole(guest, HC.mmuUpdate, guest.va(LIST), total, guest.va(DONE), SELF);
  assert.deepEqual([failed.result, done(guest)], [EINVAL, 4500]);
  const blind = whole(guest, HC.mmuUpdate, guest.va(LIST), 4400, 0, SELF);
  assert.deepEqual([blind.result, blind.calls > 1], [0, true], "without a count too");
});

Deno.test("mmu_update: the mark of a call that goes on, in a guest's hand [mmu_update.done]", async () => {
  const guest = await start();
  const [low, high] = [guest.mfns[30] << 12, guest.mfns[30] >>> 20];
  requests(guest, 2, (n) => [low + n * 8, high, n + 5, 0]);
  assert.equal(guest.call(HC.mmuUpdate, guest.va(LIST), 0x80000002, guest.va(DONE), SELF), 0);
  assert.equal(done(guest), 79, "counted on from what stands there");
  assert.equal(guest.read(guest.va(30, 8)), 6);
  assert.equal(guest.call(HC.mmuUpdate, 0, 0x80000000, 0, SELF), 0);
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
});

Deno.test("mmuext_op: more operations than one call takes [mmuext_op.done] [mmuext_op] [errno.EINVAL]", async () => {
  const guest = await start();
  const total = 5000;
  for (let n = 0; n < total; n++) guest.write(guest.va(LIST, n * 12), 7, n * 4096, 0);
  guest.write(guest.va(DONE), 77);
  const all = whole(guest, HC.mmuext, guest.va(LIST), total, guest.va(DONE), SELF);
  assert.deepEqual([all.result, done(guest), all.calls > 1], [0, total, true]);
  guest.write(guest.va(LIST, 4800 * 12), 4, 0, 0);
  const failed = whole(guest, HC.mmuext, guest.va(LIST), total, guest.va(DONE), SELF);
  assert.deepEqual([failed.result, done(guest)], [EINVAL, 4800]);
});

Deno.test("console_io: a long text, in pieces, in order [console_io.write]", async () => {
  const guest = await start(1);
  const line = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\n";
  const text = new TextEncoder().encode(line.repeat(500).padEnd(31500 + 4 - 31500 % 4, "\n"));
  const words = new Uint32Array(text.buffer, 0, Math.floor(31500 / 4));
  guest.write(guest.va(LIST), ...words);
  const { result, calls } = whole(guest, HC.console, 0, words.length * 4, guest.va(LIST));
  assert.deepEqual([result, calls > 1], [0, true]);
  const said = guest.rig.lines.filter((l) => l.includes("0123456789"));
  assert.equal(said.length, 500);
  assert.ok(said.every((l) => l.endsWith(line.trimEnd())));
});

Deno.test("grant_table_op: a long list has its status in each element; one beyond is -EFAULT [grant_table_op.copy] [grant_table_op] [errno.EFAULT]", async () => {
  const guest = await start();
  const total = 400;
  for (let n = 0; n < total; n++) guest.write(guest.va(LIST, n * 24), 0, 0, 0, 0, 0xffff, 0x7777);
  const all = whole(guest, HC.grant, 1, guest.va(LIST), total); // unmap handles that are none
  assert.deepEqual([all.result, all.calls > 1], [0, true]);
  for (let n = 0; n < total; n++) {
    assert.equal(guest.read(guest.va(LIST, n * 24 + 20)) << 16 >> 16, -4);
  }
  const beyond = whole(guest, HC.grant, 1, guest.va(95, 4096 - 24 * 100), 300);
  assert.equal(beyond.result, EFAULT);
});

Deno.test("a long call within a multicall: its entry is changed, and the list goes on from it [multicall] [mmu_update.done]", async () => {
  const guest = await start();
  const [low, high] = [guest.mfns[30] << 12, guest.mfns[30] >>> 20];
  const total = 5000;
  requests(guest, total, (n) => [low + (n % 512) * 8, high, n, 0]);
  const entry = (n: number, ...words: number[]) =>
    guest.write(guest.va(10, n * 32), ...[...words, 0, 0, 0, 0, 0, 0].slice(0, 8));
  entry(0, 17, 0x7777, 7);
  entry(1, HC.mmuUpdate, 0x7777, guest.va(LIST), total, guest.va(DONE), SELF);
  entry(2, 17, 0x7777, 7);
  const { result, calls } = whole(guest, 13, guest.va(10), 3);
  assert.deepEqual([result, calls > 1], [0, true]);
  assert.deepEqual([0, 1, 2].map((n) => guest.read(guest.va(10, n * 32 + 4))), [4096, 0, 4096]);
  assert.equal(done(guest), total);
  assert.equal(guest.read(guest.va(30, ((total - 1) % 512) * 8)), total - 1);
});
