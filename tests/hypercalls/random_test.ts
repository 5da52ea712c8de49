/** Any hypercall with any arguments: nothing may trap in the core, and every count stays right. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { CPU, R_SP } from "../../core/wasm/layout.ts";
import { BAD_POINTERS, BASE, type Guest, PAGES, Rig, SELF } from "./rig.ts";

const RUNNING = 1;

const number = fc.oneof(
  { weight: 6, arbitrary: fc.nat(12) },
  { weight: 2, arbitrary: fc.nat(63) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(SELF, 0x7ff1, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff),
  },
);
const pointer = fc.oneof(
  { weight: 6, arbitrary: fc.nat(PAGES * 1024 - 1).map((word) => BASE + word * 4) },
  { weight: 2, arbitrary: fc.nat(PAGES * 4096 - 1).map((byte) => BASE + byte) },
  { weight: 1, arbitrary: fc.constantFrom(0, ...BAD_POINTERS) },
);
const argument = fc.oneof(number, pointer);
const call = fc.record({
  nr: fc.oneof(
    { weight: 20, arbitrary: fc.nat(42) },
    { weight: 1, arbitrary: fc.constantFrom(48, 49, 63, 64, 0xffffffff) },
  ),
  args: fc.tuple(argument, argument, argument, argument, argument),
  /** What the structures that arguments may point to hold: words of small numbers, frames, pointers. */
  words: fc.array(
    fc.oneof(
      { weight: 4, arbitrary: fc.nat(20).map((n) => ({ plain: n })) },
      { weight: 2, arbitrary: fc.nat(PAGES - 1).map((page) => ({ mfn: page })) },
      { weight: 2, arbitrary: fc.nat(PAGES - 1).map((page) => ({ entry: page })) },
      { weight: 1, arbitrary: pointer.map((plain) => ({ plain })) },
    ),
    { minLength: 16, maxLength: 16 },
  ),
});

type Word = { plain: number } | { mfn: number } | { entry: number };

function value(guest: Guest, word: Word): number {
  if ("plain" in word) return word.plain;
  return "mfn" in word ? guest.mfns[word.mfn] : (guest.mfns[word.entry] << 12) | 0x63;
}

/** Domain options: by the rules of 2007 or not, with grant tables of version 2 or not. */
const options = fc.constantFrom(0, 4, 8, 12);

Deno.test("random hypercalls trap nothing and lose count of nothing [hypercall.random]", async () => {
  const rig = await Rig.create(3);
  const other = rig.addGuest();
  let ended = 0;
  fc.assert(
    fc.property(fc.array(call, { maxLength: 80, size: "max" }), options, (calls, options) => {
      let guest = rig.addGuest({ vcpus: 2, options });
      try {
        for (const { nr, args, words } of calls) {
          if (guest.state !== RUNNING) {
            ended++;
            rig.inside.slice_end();
            rig.core.exports.domain_destroy(guest.domid);
            guest = rig.addGuest({ vcpus: 2, options });
          }
          wake(guest);
          rig.core.view().setBigUint64(CPU + R_SP, BigInt(guest.va(4)), true);
          for (const page of [40, 41]) {
            rig.core.frame(guest.mfns[page]).fill(0);
            const view = new DataView(
              rig.core.bytes().buffer,
              rig.core.frameAddress(guest.mfns[page]),
            );
            words.forEach((word, n) => view.setUint32(n * 4, value(guest, word), true));
          }
          guest.call(
            nr,
            ...args.map((a, n) =>
              n > 0 && n < 4 && (a & 3) === 0 && a >= BASE ? guest.va(40 + (n & 1)) : a
            ),
          );
          const findings = rig.inside.audit(guest.domid);
          assert.equal(findings, 0, `hypercall ${nr}(${args}): ${finding(rig)}`);
        }
      } finally {
        rig.inside.slice_end();
        rig.core.exports.domain_destroy(guest.domid);
      }
      assert.equal(other.state, RUNNING);
    }),
    { numRuns: 250 },
  );
  assert.ok(ended > 0, "some of them end the domain");
});

/** The first thing the audit found: what, frame, and two words (pagetables/audit.ts). */
function finding({ core }: Rig): string {
  return [0, 4, 8, 12].map((at) => core.view().getUint32(core.mailbox + at, true)).join(" ");
}

/** Makes vCPU 0 run again after it blocked or went down: the host restarts it by an event. */
function wake(guest: Guest): void {
  const { rig } = guest;
  for (let tries = 0; rig.inside.inspect_current() !== guest.domid << 16; tries++) {
    rig.inside.slice_end();
    if (tries > 4) return replace(guest);
    rig.inside.slice_begin(1n << 62n, 100_000);
  }
}

/** A guest that put itself to sleep for good makes room for a new one. */
function replace(guest: Guest): void {
  guest.rig.core.exports.domain_destroy(guest.domid);
  const fresh = guest.rig.addGuest({ vcpus: 2 });
  Object.assign(guest, { domid: fresh.domid, mfns: fresh.mfns });
  guest.enter();
}
