/** Random lives of hostile domains, which end in the middle of whatever they began: every frame comes back. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PAGE_INFO, PAGE_INFO_SIZE } from "../../core/wasm/layout.ts";
import { addGranter, grant, grantMap, grantUnmap, PERMIT } from "../hypercalls/grants.ts";
import { type Guest, Rig, SELF } from "../hypercalls/rig.ts";
import { destroy, event, free, kill, reclaim } from "./lives.ts";

const MMU_UPDATE = 1, MEMORY_OP = 12, VCPU_OP = 24, MMUEXT = 26;
const POPULATE = 6, DECREASE = 1, REGISTER_INFO = 10;
const BIND_INTERDOMAIN = 0, CLOSE = 3, SEND = 4, ALLOC_UNBOUND = 6;
const INIT_CONTROL = 11, EXPAND_ARRAY = 12;
const PIN_L1 = 0, UNPIN = 4, SET_LDT = 13;

/** What a hostile guest may do with its own frames, its neighbours' grants, and events; and the host with it. */
const step = fc.record({
  who: fc.nat(2),
  what: fc.constantFrom(
    ...["grant", "map", "unmap", "pin", "unpin", "entry", "entry", "info", "fifo", "fifoPage"],
    ...[
      "share",
      "share",
      "unbound",
      "bind",
      "close",
      "send",
      "ldt",
      "decrease",
      "populate",
      "destroy",
    ],
  ),
  a: fc.nat(7),
  b: fc.nat(7),
});

/** Whether a frame is in use, but no domain's. */
function isNobodys(rig: Rig, mfn: number): boolean {
  const info = PAGE_INFO + mfn * PAGE_INFO_SIZE;
  return rig.core.view().getUint32(info, true) > 0 &&
    rig.core.view().getUint32(info + 12, true) === 0xffff;
}

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

Deno.test("whatever domains were doing, their end gives every frame back [domain.destroy] [domain.destroy_mapped]", async () => {
  const rig = await Rig.create(4);
  const before = free(rig);
  const act = (guests: Guest[], { who, what, a, b }: Step) => {
    const guest = guests[who], other = guests[(who + 1 + (a & 1)) % 3];
    if (what === "destroy") {
      destroy(rig, guest);
      guests[who] = addGranter(rig);
      return;
    }
    guest.enter();
    const page = 40 + a, mfn = guest.mfns[page];
    switch (what) {
      case "grant":
        return grant(guest, 9 + b, PERMIT, other.domid, mfn);
      case "map":
        return grantMap(guest, { dom: other.domid, ref: 9 + b, at: guest.va(60 + a) });
      case "share":
        grant(other.enter(), 9 + b, PERMIT, guest.domid, other.mfns[page]);
        guest.enter();
        return grantMap(guest, { dom: other.domid, ref: 9 + b, at: guest.va(60 + a) });
      case "unmap":
        return grantUnmap(guest, b, guest.va(60 + a));
      case "pin": // a table of entries to pages of its own and of others, or garbage
        guest.call(14, guest.va(page), mfn << 12 | 0x61, 0, 2);
        return guest.call(MMUEXT, guest.write(guest.va(5), PIN_L1 + (b & 3), mfn, 0), 1, 0, SELF);
      case "unpin":
        return guest.call(MMUEXT, guest.write(guest.va(5), UNPIN, mfn, 0), 1, 0, SELF);
      case "entry": {
        const target = (b & 4 ? other : guest).mfns[40 + (b & 3)];
        const at = guest.write(guest.va(5), mfn << 12 | b * 8, 0, target << 12 | 0x63, 0);
        return guest.call(MMU_UPDATE, at, 1, 0, SELF);
      }
      case "info":
        return guest.call(VCPU_OP, REGISTER_INFO, 0, guest.write(guest.va(5), mfn, 0, 64 * b, 0));
      case "fifo":
        return event(guest, INIT_CONTROL, mfn, 0, 0, 0, 0, 0);
      case "fifoPage":
        return event(guest, EXPAND_ARRAY, mfn, 0);
      case "unbound":
        return event(guest, ALLOC_UNBOUND, SELF | other.domid << 16, 0);
      case "bind":
        return event(guest, BIND_INTERDOMAIN, other.domid, b, 0);
      case "close":
        return event(guest, CLOSE, b);
      case "send":
        return event(guest, SEND, b);
      case "ldt":
        return guest.call(
          MMUEXT,
          guest.write(guest.va(5), SET_LDT, guest.va(page), 512),
          1,
          0,
          SELF,
        );
      case "decrease":
        guest.write(guest.va(7), mfn);
        return guest.call(
          MEMORY_OP,
          DECREASE,
          guest.write(guest.va(5), guest.va(7), 1, 0, 0, SELF),
        );
      case "populate":
        guest.write(guest.va(7), 100 + a);
        return guest.call(
          MEMORY_OP,
          POPULATE,
          guest.write(guest.va(5), guest.va(7), 1, 0, 0, SELF),
        );
    }
  };
  let mapped = 0, pieces = 0;
  const after = fc.array(fc.tuple(step, fc.nat(40)), { maxLength: 12 });
  const steps = fc.array(step, { maxLength: 40, size: "max" });
  fc.assert(
    fc.property(steps, fc.nat(5), after, (steps, order, after) => {
      const guests = [0, 1, 2].map(() => addGranter(rig));
      for (const each of steps) act(guests, each);
      for (const guest of guests) assert.equal(rig.inside.audit(guest.domid), 0);
      // they end one after the other, in any order
      const first = guests.splice(order % 3, 1)[0];
      kill(rig, first);
      // its memory goes back in pieces, and the others do what they like between them
      const living = [...guests, guests[0]];
      for (const [each, frames] of after) {
        if (reclaim(rig, frames)) pieces++;
        if (each.what !== "destroy") act(living, each);
        for (const guest of guests) assert.equal(rig.inside.audit(guest.domid), 0);
      }
      while (reclaim(rig, 16));
      for (const guest of guests) assert.equal(rig.inside.audit(guest.domid), 0);
      if (first.mfns.some((mfn) => isNobodys(rig, mfn))) mapped++;
      for (const guest of order > 2 ? guests : guests.reverse()) destroy(rig, guest);
      assert.equal(free(rig), before);
    }),
    { numRuns: 150 },
  );
  assert.ok(pieces > 100, "others did something while its memory went back");
  assert.ok(mapped > 0, "some had frames of the dead one mapped");
});
