/**
 * A run of steps by the guest's own instructions, interpreted or translated: what each access gave, and
 * what each hypercall answered, must be what the model allows. Stores that went anywhere else show in
 * the comparison of all memory.
 */
import assert from "node:assert/strict";
import { C_EIP, MACHINE, R_SP } from "../../../core/wasm/layout.ts";
import { ARGS, HC, words64 } from "../../pagetables/rig.ts";
import { A, D, type Frame, XEN } from "./frame.ts";
import {
  CALL,
  CODE,
  DONE,
  FAULT,
  KINDS,
  LIST,
  RECORD,
  RESULT,
  START,
  STATUS,
  TAG,
  TOP,
} from "./guest.ts";
import { decrease } from "./memory.ts";
import { isUpper, mmuUpdate, updateVaMapping } from "./mmu_update.ts";
import { mmuext } from "./mmuext.ts";
import type { Pair, Side } from "./pair.ts";
import { BASE, type Item } from "./acts.ts";
import { emulate, emulated, faultOf, translate, type Translation } from "./stores.ts";

/** Bytes of the argument page for each item. */
const ARGUMENTS = 32;
const BUDGET = 20_000;
const RUNNING = 1;
/** Slices that a list may take. */
const SLICES = 60;

/** What a record holds, and how its outcome is judged. */
interface Order {
  words: number[];
  judge(result: number, status: number): void;
}

/** A run: everything is prepared first, then the guest goes through it, then it is judged in order. */
export function execute(pair: Pair, side: Side, items: Item[]): void {
  if (!pair.canRun(side)) return;
  if (!side.warm) warm(pair, side);
  tag(pair);
  side.flush();
  const orders = items.map((item, n) => order(pair, side, item, n));
  go(pair, side, orders.map((o) => o.words), BUDGET);
  const list = new DataView(pair.memory(side.mfns[LIST]).slice().buffer);
  pair.syncArguments();
  const running = pair.rig.core.domain_state(side.core.id) === RUNNING;
  for (const [n, o] of orders.entries()) {
    const word = (k: number) => list.getUint32(n * RECORD + k * 4, true);
    o.judge(word(RESULT), word(STATUS));
    pair.forgetFreed();
    // with its code, list or arguments gone nobody knows what the rest did; it is destroyed (perform)
    if (side.lost || !pair.canRun(side)) return;
  }
  assert.ok(running, "the guest has lost its way");
}

/** Goes through harmless lists in short slices, so that the loop is translated where there is a translator. */
function warm(pair: Pair, side: Side): void {
  side.warm = true;
  if (!pair.translator) return;
  const records = Array.from({ length: 40 }, (_, n) => {
    const kind = 1 + n % 4; // read, write, modify, locked
    return n % 8 === 7 ? [CALL + HC.vm_assist, 0, 99] : [kind, ARGS + 2048, 0];
  });
  for (let n = 0; n < 12; n++) go(pair, side, records, 37 + n);
  pair.syncArguments();
}

/** Lets the guest go through a list. */
export function go(pair: Pair, side: Side, records: number[][], budget: number): void {
  const { rig } = pair, { core } = rig;
  const list = MACHINE + side.mfns[LIST] * 4096;
  rig.bytes.fill(0, list, list + (records.length + 1) * RECORD);
  records.forEach((words, n) =>
    words.forEach((w, k) => rig.view.setUint32(list + n * RECORD + k * 4, w, true))
  );
  core.slice_end();
  const cpu = core.inspect_cpu(side.core.id, 0);
  rig.view.setBigUint64(cpu + C_EIP, BigInt(START), true);
  rig.view.setBigUint64(cpu + R_SP, BigInt(TOP), true);
  const last = list + (records.length - 1) * RECORD + STATUS * 4;
  for (let n = 0; n < SLICES && rig.view.getUint32(last, true) === 0; n++) {
    core.machine_run(0n, budget);
    pair.translator?.sample();
  }
  if (core.domain_state(side.core.id) === RUNNING) pair.enter(side.core.id);
}

/**
 * Each page that is no table in use gets a word of its own, so that what is read tells where it was read. It is
 * no present entry and no present descriptor.
 */
function tag(pair: Pair): void {
  const code = pair.sides.flatMap((side) => side.core.mfns.slice(CODE));
  for (const f of pair.world.frames()) {
    if (!f.count || f.owner === XEN || (f.isTable && f.typeCount) || code.includes(f.mfn)) continue;
    f.words[511] = BigInt(0x5a000000 + f.mfn * 16);
    pair.rig.setEntry(f.mfn, 511, f.words[511]);
  }
}

function order(pair: Pair, side: Side, item: Item, n: number): Order {
  const { world } = pair, { model, core } = side;
  const args = (words: number[]) => core.args(words, n * ARGUMENTS);
  const hypercall = (nr: number, registers: number[], expected: () => number): Order => ({
    words: [CALL + nr, ...registers],
    judge(result, status) {
      const answer = expected();
      if (!pair.canRun(side)) return;
      assert.equal(status, DONE, `${item.op} came back`);
      assert.equal(result | 0, answer, item.op);
    },
  });
  const map = (va: number, value: bigint, flush: number) =>
    hypercall(HC.update_va_mapping, [va, ...words64(value), flush], () => {
      const expected = updateVaMapping(world, model, va, value);
      if (expected === 0 && flush === 1) side.flush();
      if (expected === 0 && flush === 2) side.flush(Math.floor(va / 4096));
      return expected;
    });
  switch (item.op) {
    case "access":
      return access(pair, side, item);
    case "va_mapping":
      return map(item.va, (BigInt(pair.mfn(item.target)) << 12n) | item.flags, item.flush);
    case "remap":
      return map(
        BASE + item.pfn * 4096,
        (BigInt(side.mfns[item.pfn]) << 12n) | (item.writable ? 0x63n : 0x21n),
        0,
      );
    case "mmuext": {
      const [o] = item.list;
      const cmd = o.cmd === 8 || o.cmd === 9 ? o.cmd - 2 : o.cmd; // (bitmaps of vCPUs apart)
      const flush = cmd === 7 || cmd === 11;
      const op = {
        cmd,
        arg1: flush ? o.va : pair.mfn(o.target) % 2 ** 32,
        arg2: pair.mfn(o.source) % 2 ** 32,
      };
      const at = args([op.cmd, op.arg1, op.arg2]);
      return hypercall(HC.mmuext_op, [at, 1, 0, 0x7ff0], () => {
        const { result } = mmuext(world, model, [op], 0x7ff0);
        if (result === 0 && [5, 6, 10].includes(op.cmd)) side.flush();
        if (result === 0 && flush) side.flush(Math.floor(o.va / 4096));
        return result;
      });
    }
    case "reserve": {
      const mfn = pair.mfn(item.pages[0]) % 2 ** 32;
      const at = args([ARGS + n * ARGUMENTS + 20, 1, 0, 0, 0x7ff0, mfn]);
      return hypercall(HC.memory_op, [1, at], () => decrease(world, model, [mfn], 0));
    }
    case "mmu_update": {
      const [u] = item.list;
      const ptr = (BigInt(pair.mfn(u.page)) << 12n) + BigInt(u.index * 8 + u.command);
      const value = (BigInt(pair.mfn(u.target)) << 12n) | u.flags;
      const at = args(words64(ptr, value));
      return hypercall(HC.mmu_update, [at, 1, 0, 0x7ff0], () => {
        const upper = isUpper(world.frame(pair.mfn(u.page)));
        const { result } = mmuUpdate(world, model, [{ ptr, value }], 0x7ff0);
        if (result === 0 && u.command !== 1 && upper) side.flush();
        return result;
      });
    }
  }
}

function access(pair: Pair, side: Side, item: Extract<Item, { op: "access" }>): Order {
  let va = item.va - item.va % 4;
  if (va % 4096 >= TAG && item.kind !== "read") va -= 8;
  const entry = (BigInt(pair.mfn(item.target)) << 12n) | 0x61n;
  const value = Number(BigInt.asUintN(32, va & 4 ? entry >> 32n : entry));
  const words = [KINDS[item.kind], va, value];
  return {
    words,
    judge: (result, status) => judge(pair, side, { va, value, kind: item.kind }, result, status),
  };
}

interface Access {
  va: number;
  value: number;
  kind: "read" | "write" | "modify" | "locked";
}

function judge(pair: Pair, side: Side, a: Access, result: number, status: number): void {
  const { world } = pair, { model } = side;
  const write = a.kind !== "read";
  const now = translate(world, model, a.va);
  const where = `${a.kind} of ${a.va.toString(16)}`;
  const known = side.cached.get(Math.floor(a.va / 4096)) ?? [];
  // a frame that has become a table, or free, must be out of reach whatever is cached
  const reach = ({ frame: f }: Translation) =>
    f.count > 0 && (!write || f.type === "writable" || !f.typeCount);
  const allowed = [...(now ? [now] : []), ...known]
    .filter((t) => faultOf(t, write, false) === undefined && reach(t));
  if (status === FAULT || !allowed.length) return faulted(pair, side, a, now, result, status);
  assert.equal(status, DONE, where);
  side.remember(a.va, now);
  const word = (f: Frame) => new DataView(f.bytes.buffer).getUint32(a.va % 4096, true);
  if (!write) {
    const free = (v: number, f: Frame) => f.isTable && !(a.va & 4) ? v & ~Number(A | D) : v;
    // the machine-to-phys table's contents are not compared here, and shared_info's change all the time
    const unknown = allowed.some(({ frame }) => frame.owner < 0 || frame.xenHeap);
    const right = unknown || allowed.some(({ frame: f }) => free(word(f), f) === free(result, f));
    assert.ok(right, `${where} gives ${result.toString(16)}, which is in no frame it may reach`);
    return;
  }
  // of several frames it may have gone to, the one whose tag was found there afterwards
  const hit = allowed.find(({ frame }) => Number(frame.words[511] & 0xffffffffn) === result);
  if (hit && faultOf(now, write, false) === 3 && emulated(model, now, { va: a.va, size: 4 })) {
    // By an old translation, or carried out by the hypervisor, which leaves that translation alone, and
    // so the tag that is found: there is no telling. Rare enough to give the domain up.
    side.lost = true;
    for (const { frame: f } of allowed) f.bytes.set(pair.memory(f.mfn));
    return;
  }
  if (!hit) return faulted(pair, side, a, now, result, status);
  const { frame } = hit;
  if (frame.mfn === side.core.sharedInfo) side.lost = true; // it may have asked for an upcall
  const stored = a.kind === "write" ? a.value : word(frame) | a.value;
  new DataView(frame.bytes.buffer).setUint32(a.va % 4096, stored, true);
}

/** A page fault, or a store that the hypervisor carried out. */
function faulted(
  pair: Pair,
  side: Side,
  a: Access,
  now: Translation | undefined,
  result: number,
  status: number,
): void {
  const { world } = pair, { model } = side;
  const write = a.kind !== "read";
  const fault = faultOf(now, write, false);
  assert.notEqual(fault, undefined, `${a.kind} of ${a.va.toString(16)} faults`);
  const index = Math.floor(a.va / 8) % 512;
  let done = false;
  if (write && fault === 3) {
    const old = Number(BigInt.asUintN(32, now!.frame.words[index] >> (a.va & 4 ? 32n : 0n)));
    const value = BigInt((a.kind === "write" ? a.value : old | a.value) >>> 0);
    const store = { va: a.va, size: 4, value, locked: a.kind === "locked" };
    done = emulated(model, now, store) && emulate(world, model, now!.frame, store);
  }
  assert.equal(status, done ? DONE : FAULT, `${a.kind} of ${a.va.toString(16)}: fault or not`);
  if (!done) return assert.equal(result, fault, "the error code");
  side.remember(a.va, now); // its tag was read
}
