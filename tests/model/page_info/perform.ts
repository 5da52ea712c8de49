/** One step, by the core and by the model: both must answer the same. */
import assert from "node:assert/strict";
import { ARGS, HC, words64 } from "../../pagetables/rig.ts";
import { setGdt, updateDescriptor, useLdt } from "./descriptors.ts";
import { execute } from "./execute.ts";
import { performGrant } from "./perform_grants.ts";
import { allocate, decrease, exchange } from "./memory.ts";
import { isUpper, mmuUpdate, updateVaMapping, updateVaMappingOther } from "./mmu_update.ts";
import { mmuext } from "./mmuext.ts";
import type { Pair, Side } from "./pair.ts";
import { type Act, BASE, type ExtOp, type Step, type Update } from "./acts.ts";

/** Offsets in the argument page: a second list, and the word that counts what was done. */
const LIST = 512, DONE = 4088;
const UPDATE_DESCRIPTOR = 10;
const UNTOUCHED = 77;

type Of<K extends Act["op"]> = Extract<Act, { op: K }>;

export function perform(pair: Pair, s: Step): void {
  if (s.op === "destroy") return pair.replace(s.slot);
  const side = pair.sides[s.slot];
  pair.enter(side.core.id);
  pair.touchArguments(side);
  pair.syncArguments();
  act(pair, side, s);
  pair.syncArguments();
  pair.forgetFreed();
  // It has its arguments elsewhere now, and where the call's results went nobody knows: it is of no more use.
  const useless = side.lost || !pair.canCall(side) || (s.op === "run" && !pair.canRun(side));
  if (useless) pair.replace(s.slot, true);
}

function act(pair: Pair, side: Side, s: Step): void {
  const { core, model } = side, { world } = pair;
  const call = (nr: number, ...args: number[]) => pair.call(side, s.multi, nr, ...args);
  switch (s.op) {
    case "mmu_update":
      return update(pair, side, s, call);
    case "mmuext":
      return extended(pair, side, s, call);
    case "va_mapping": {
      const value = (BigInt(pair.mfn(s.target)) << 12n) | s.flags;
      const domid = s.other === undefined ? undefined : domidOf(side, s.other);
      const [low, high] = words64(value);
      const result = domid === undefined
        ? call(HC.update_va_mapping, s.va, low, high, s.flush)
        : call(HC.update_va_mapping_otherdomain, s.va, low, high, s.flush, domid);
      const expected = domid === undefined
        ? updateVaMapping(world, model, s.va, value)
        : updateVaMappingOther(world, model, s.va, value, domid);
      if (expected === 0 && s.flush === 1) side.flush();
      if (expected === 0 && s.flush === 2) side.flush(Math.floor(s.va / 4096));
      return pair.agree(side, result, expected, "update_va_mapping");
    }
    case "remap": {
      const va = BASE + s.pfn * 4096;
      const value = (BigInt(side.mfns[s.pfn]) << 12n) | (s.writable ? 0x63n : 0x21n);
      const result = call(HC.update_va_mapping, va, ...words64(value), 2);
      const expected = updateVaMapping(world, model, va, value);
      if (expected === 0) side.flush(Math.floor(va / 4096));
      return pair.agree(side, result, expected, "update_va_mapping");
    }
    case "set_gdt": {
      const list = s.targets.map((t) => pair.mfn(t) % 2 ** 32);
      const result = call(HC.set_gdt, core.args(list), s.entries);
      return pair.agree(side, result, setGdt(world, model, list, s.entries), "set_gdt");
    }
    case "update_descriptor": {
      const address = (BigInt(pair.mfn(s.page)) << 12n) + BigInt(s.offset);
      const result = call(UPDATE_DESCRIPTOR, ...words64(address, s.value));
      return assert.equal(
        result,
        updateDescriptor(world, model, address, s.value),
        "update_descriptor",
      );
    }
    case "selector":
      return assert.equal(
        core.descriptor((s.index << 3) | 4),
        useLdt(world, model, s.index),
        "a selector of the LDT",
      );
    case "access": {
      const value = ((BigInt(pair.mfn(s.target)) << 12n) | 0x61n) >> (s.va & 4 ? 32n : 0n);
      const va = s.va - s.va % s.size;
      return pair.access(
        side,
        { va, size: s.size, value: BigInt.asUintN(s.size * 8, value), locked: s.kind === "locked" },
        s.kind,
        s.user,
      );
    }
    case "run":
      return execute(pair, side, s.items);
    case "reserve":
      return reserve(pair, side, s, call);
    case "exchange": {
      const pages = s.pages.filter((t) => "pfn" in t);
      const pfns = pages.map((t) => t.pfn), mfns = pages.map((t) => pair.mfn(t));
      const list = core.args(mfns, LIST), out = core.args(pfns, LIST + 64);
      const n = pages.length;
      const words = [list, n, 0, 0, 0x7ff0, out, n, 0, 0, 0x7ff0, 0];
      const result = call(HC.memory_op, 11, core.args(words));
      const given = pfns.map((_, i) => core.word(LIST + 64 + i * 4));
      const [expected, done] = exchange(world, model, mfns, pfns, given);
      assert.deepEqual([result, core.word(40)], [expected, done], "exchange");
      for (let i = 0; i < done; i++) side.mfns[pfns[i]] = given[i];
      return;
    }
    case "assist": {
      const result = call(HC.vm_assist, s.on ? 0 : 1, s.type);
      pair.agree(side, result, s.type < 6 ? 0 : -22, "vm_assist");
      if (s.type < 6) model.assists[s.on ? "add" : "delete"](s.type);
      return;
    }
    default:
      return performGrant(pair, side, s, call);
  }
}

/** -1 and -2 stand for the domain itself and another. */
function domidOf(side: Side, domid: number): number {
  if (domid === -1) return side.core.id;
  return domid === -2 ? (side.core.id > 1 ? side.core.id - 1 : 2) : domid;
}

export type Call = (nr: number, ...args: number[]) => number;

function update(pair: Pair, side: Side, s: Of<"mmu_update">, call: Call): void {
  const { core } = side;
  const request = (u: Update) => ({
    ptr: (BigInt(pair.mfn(u.page)) << 12n) + BigInt(u.index * 8 + u.command),
    value: (BigInt(pair.mfn(u.target)) << 12n) | u.flags,
  });
  const list = s.list.map(request);
  const foreign = ((s.foreign & ~0xffff) | (domidOf(side, (s.foreign << 16) >> 16) & 0xffff)) >>> 0;
  const at = core.args(words64(...list.flatMap((r) => [r.ptr, r.value])));
  core.args([UNTOUCHED], DONE);
  // what stands in the table when its turn comes says whether it needs a flush; to be safe, any success
  const result = call(HC.mmu_update, at, list.length, ARGS + DONE, foreign);
  const levels = list.map((r) => isUpper(pair.world.frame(Number(r.ptr >> 12n))));
  const expected = mmuUpdate(pair.world, side.model, list, foreign);
  pair.agree(side, result, expected.result, "mmu_update");
  if (pair.canCall(side)) {
    assert.equal(core.word(DONE), expected.done ?? UNTOUCHED, "done of mmu_update");
  }
  const upper = levels.slice(0, expected.done ?? 0).includes(true);
  if (upper && list.length === 1 && s.list[0].command !== 1) side.flush();
}

function extended(pair: Pair, side: Side, s: Of<"mmuext">, call: Call): void {
  const { core } = side;
  const operation = (o: ExtOp) => {
    if (o.cmd === 13) return { cmd: 13, arg1: o.va, arg2: o.entries };
    if (o.cmd === 7 || o.cmd === 11) return { cmd: o.cmd, arg1: o.va, arg2: 0 };
    if (o.cmd === 8 || o.cmd === 9) return { cmd: o.cmd - 2, arg1: o.va, arg2: 0 };
    return { cmd: o.cmd, arg1: pair.mfn(o.target) % 2 ** 32, arg2: pair.mfn(o.source) % 2 ** 32 };
  };
  const list = s.list.map(operation);
  const foreign = domidOf(side, s.foreign);
  core.args(list.flatMap((o) => [o.cmd, o.arg1, o.arg2]));
  core.args([UNTOUCHED], DONE);
  const result = call(HC.mmuext_op, ARGS, list.length, ARGS + DONE, foreign);
  const expected = mmuext(pair.world, side.model, list, foreign);
  pair.agree(side, result, expected.result, "mmuext_op");
  if (pair.canCall(side)) {
    assert.equal(core.word(DONE), expected.done ?? UNTOUCHED, "done of mmuext_op");
  }
  for (const o of list.slice(0, expected.done ?? 0)) {
    if (o.cmd === 5 || o.cmd === 6 || o.cmd === 10) side.flush();
    if (o.cmd === 7 || o.cmd === 11) side.flush(Math.floor(o.arg1 / 4096));
  }
}

function reserve(pair: Pair, side: Side, s: Of<"reserve">, call: Call): void {
  const { core, model } = side;
  const { cmd } = s;
  const pages = cmd === 1 ? s.pages : s.pages.filter((t) => "pfn" in t);
  const pfns = pages.map((t) => "pfn" in t ? t.pfn : 0);
  const list = pages.map((t, i) => cmd === 1 ? pair.mfn(t) % 2 ** 32 : pfns[i]);
  const at = core.args(list, LIST);
  const words = [at, list.length, s.order, 0, 0x7ff0];
  const result = call(HC.memory_op, cmd, core.args(words));
  const given = Array.from({ length: result }, (_, i) => core.word(LIST + i * 4));
  const expected = cmd === 1
    ? decrease(pair.world, model, list, s.order)
    : allocate(pair.world, model, list.length, s.order, given, cmd === 6 ? pfns : undefined);
  pair.agree(side, result, expected, "memory_op");
  if (cmd === 1) return;
  given.forEach((mfn, i) => side.mfns[pfns[i]] = mfn);
}
