/** The steps that grant, and use grants, by the core and by the model. */
import assert from "node:assert/strict";
import { ARGS, words64 } from "../../pagetables/rig.ts";
import { CONTAINS_PTE, copy, map, place, transfer, unmap, unmapAndReplace } from "./grants.ts";
import type { Pair, Side } from "./pair.ts";
import type { Call } from "./perform.ts";
import { type Act, BASE, type Place } from "./acts.ts";

const GRANT_TABLE_OP = 20;
const MAP = 0, UNMAP = 1, TRANSFER = 4, COPY = 5, REPLACE = 7;

const signed = (word: number) => word << 16 >> 16;

/** host_addr, and the flag that goes with it. */
function address(pair: Pair, place: Place): [bigint, number] {
  if ("pfn" in place) return [BigInt(BASE + place.pfn * 4096), 0];
  if ("va" in place) return [BigInt(place.va), 0];
  return [(BigInt(pair.mfn(place.page)) << 12n) + BigInt(place.index * 8), CONTAINS_PTE];
}

/** Whether a mapping there would be in place of the arguments: the results would go to another domain. */
function hidesArguments(pair: Pair, side: Side, where: Place): boolean {
  const [at, flags] = address(pair, where);
  const own = place(pair.world, side.model, BigInt(ARGS), 0);
  const its = place(pair.world, side.model, at, flags);
  return own !== undefined && its !== undefined && own[0] === its[0] && own[1] === its[1];
}

export function performGrant(pair: Pair, side: Side, s: Act, call: Call): void {
  const { core, model } = side, { world } = pair;
  let told = false;
  const grant = (cmd: number, words: number[]) => {
    told = call(GRANT_TABLE_OP, cmd, core.args(words), 1) === 0;
  };
  // who has just put a mapping over its own arguments cannot be told how it went
  const status = (offset: number, expected: number, what: string) => {
    if (told) assert.equal(signed(core.word(offset)), expected, `status of ${what}`);
    else assert.ok(!pair.canCall(side), `${what}: the status cannot be written`);
  };
  if ("place" in s && hidesArguments(pair, side, s.place)) return;
  switch (s.op) {
    case "grant": { // the guest writes to its own table, which it has mapped somewhere
      const frame = pair.mfn(s.target) % 2 ** 32;
      const domid = pair.sides[s.to].core.id;
      const value = (BigInt(frame) << 32n) | BigInt((domid << 16) | s.flags);
      model.grantFrame.words[s.ref] = value;
      pair.rig.setEntry(model.grantFrame.mfn, s.ref, value);
      return;
    }
    case "map": {
      const [at, contains] = address(pair, s.place);
      const domid = pair.sides[s.from].core.id;
      const flags = s.flags | contains;
      grant(MAP, [...words64(at), flags, s.ref, domid, 0, 0, 0]);
      const expected = map(world, model, at, flags, s.ref, domid);
      status(18, expected.status, "map_grant_ref");
      if (expected.status || !told) return;
      assert.equal(core.word(20), expected.handle, "handle");
      assert.equal(core.word(24), expected.mfn! * 4096, "dev_bus_addr");
      return side.flush();
    }
    case "unmap": {
      const [at] = address(pair, s.place);
      grant(UNMAP, [...words64(at), 0, 0, s.handle, UNUSED]);
      const expected = unmap(world, model, at, s.handle);
      status(20, expected, "unmap_grant_ref");
      if (!expected) side.flush();
      return;
    }
    case "replace": {
      const [at] = address(pair, s.place), [from] = address(pair, s.from);
      grant(REPLACE, [...words64(at, from), s.handle, UNUSED]);
      const expected = unmapAndReplace(world, model, at, from, s.handle);
      status(20, expected, "unmap_and_replace");
      if (!expected) side.flush();
      return;
    }
    case "copy": {
      const end = (t: typeof s.source, ref: number, grant: boolean, offset: number) => ({
        grant,
        what: grant ? ref : pair.mfn(t) % 2 ** 32,
        domid: grant ? pair.sides[t.slot].core.id : 0x7ff0,
        offset,
      });
      const source = end(s.source, s.sourceRef, (s.flags & 1) !== 0, s.offset);
      const dest = end(s.dest, s.destRef, (s.flags & 2) !== 0, 0);
      const words = [source, dest].flatMap((e) => [e.what, e.domid | (e.offset << 16)]);
      grant(COPY, [...words, s.length | (s.flags << 16), UNUSED]);
      const expected = copy(world, model, source, dest, s.length);
      status(20, expected, "copy");
      return;
    }
    case "transfer": {
      const mfn = pair.mfn(s.target) % 2 ** 32, to = pair.sides[s.to];
      grant(TRANSFER, [mfn, to.core.id, s.ref, UNUSED]);
      const expected = transfer(world, model, mfn, to.core.id, s.ref);
      status(12, expected, "transfer");
      return;
    }
    default:
      throw new Error(s.op);
  }
}

/** What stands in a status field before the call. */
const UNUSED = 0x4d4d;
