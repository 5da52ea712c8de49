/** Grants between two domains: what is allowed works, and every check has a test that tries to get past it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addGranter,
  APPLICATION,
  ARGS,
  BAD_COPY,
  BAD_DOMAIN,
  BAD_HANDLE,
  BAD_PAGE,
  BAD_REF,
  CONTAINS_PTE,
  COPY,
  DENIED,
  flags,
  GENERAL,
  grant,
  GRANT_TABLE_OP,
  GRANTED,
  grantMap,
  grantUnmap,
  HOST,
  map,
  type MapOp,
  OKAY,
  PERMIT,
  READING,
  READONLY,
  RO_ENTRY,
  signed,
  WINDOW,
  WRITING,
} from "./grants.ts";
import { BAD_POINTERS, BASE, type Guest, HOLE, Rig, SELF, UNMAPPED } from "./rig.ts";

/** The L1 entry of a page, from the guest's own table. */
const entry = (guest: Guest, page: number) => guest.read64(guest.va(2, page * 8));

/** Every count of the guest's frames is right. */
function audit(guest: Guest): void {
  guest.enter();
  assert.equal(guest.rig.inside.audit(guest.domid), 0);
}

async function pair() {
  const rig = await Rig.create(2);
  const owner = addGranter(rig), user = addGranter(rig);
  return { rig, owner, user };
}

Deno.test("a granted frame is mapped, shared and given back [grant_table_op.map_grant_ref] [grant_table_op.unmap_grant_ref]", async () => {
  const { owner, user } = await pair();
  owner.write(owner.va(GRANTED), 0x600df00d);
  grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
  user.enter();
  const own = user.mfns[WINDOW];
  const { status, handle } = grantMap(user, { dom: owner.domid });
  assert.equal(status, OKAY);
  assert.equal(entry(user, WINDOW) & 0xfff0000000000fffn, 0x8000000000000063n);
  assert.equal(Number(entry(user, WINDOW) >> 12n & 0xffffffn), owner.mfns[GRANTED]);
  assert.equal(flags(owner, 9), PERMIT | READING | WRITING);
  assert.equal(grantUnmap(user, handle), OKAY);
  assert.equal(entry(user, WINDOW), 0n);
  assert.equal(flags(owner, 9), PERMIT);
  assert.equal(grantUnmap(user, handle), BAD_HANDLE);
  assert.equal(map(user, WINDOW, own, 0x63), 0);
  for (const guest of [owner, user]) audit(guest);
});

Deno.test("flags of the mapping: read-only, for applications, by the entry's own address", async () => {
  const { owner, user } = await pair();
  grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
  user.enter();
  for (
    const [how, low] of [[HOST | READONLY, 0x61n], [HOST | APPLICATION, 0x67n], [
      HOST,
      0x63n,
    ]] as const
  ) {
    const { status, handle } = grantMap(user, { dom: owner.domid, how });
    assert.equal(status, OKAY);
    assert.equal(entry(user, WINDOW) & 0xfffn, low);
    assert.equal(flags(owner, 9), PERMIT | READING | (how & READONLY ? 0 : WRITING));
    assert.equal(grantUnmap(user, handle), OKAY);
  }
  const at = user.mfns[2] * 4096 + WINDOW * 8;
  const { status, handle } = grantMap(user, { dom: owner.domid, how: HOST | CONTAINS_PTE, at });
  assert.equal(status, OKAY);
  assert.equal(grantUnmap(user, handle, at), OKAY);
});

Deno.test("what was not granted is not mapped", async () => {
  const { owner, user } = await pair();
  const mfn = owner.mfns[GRANTED];
  const me = user.domid;
  user.enter();
  const refused = (expected: number, op: Partial<MapOp> = {}) => {
    assert.equal(grantMap(user, { dom: owner.domid, ...op }).status, expected);
    assert.equal(flags(owner, 9) & (READING | WRITING), 0);
  };
  grant(owner, 9, 0, me, mfn);
  refused(GENERAL); // no permission at all
  grant(owner, 9, 2, me, mfn);
  refused(GENERAL); // accept_transfer
  grant(owner, 9, PERMIT, me + 1, mfn);
  refused(GENERAL); // for somebody else
  grant(owner, 9, RO_ENTRY, me, mfn);
  refused(GENERAL); // to read only
  assert.equal(
    grantUnmap(user, grantMap(user, { dom: owner.domid, how: HOST | READONLY }).handle),
    0,
  );
  for (const bad of [0, user.mfns[GRANTED], 0xffffff, 0xffffffff]) {
    grant(owner, 9, PERMIT, me, bad);
    refused(BAD_PAGE); // not the granter's frame: it cannot give what it has not
  }
  grant(owner, 9, PERMIT, me, owner.mfns[0]);
  refused(GENERAL); // a page table, to write
  grant(owner, 9, PERMIT, me, mfn);
  refused(BAD_REF, { ref: 512 });
  refused(BAD_REF, { ref: 0xffffffff });
  refused(BAD_REF, { how: 0 });
  refused(BAD_DOMAIN, { dom: 1234 });
  refused(BAD_DOMAIN, { dom: SELF });
  refused(DENIED, { dom: 0 });
  for (const at of [0x40000000, HOLE, 0xfffff000]) refused(GENERAL, { at });
  for (
    const at of [mfn * 4096, user.mfns[2] * 4096 + 4, user.mfns[1] * 4096, owner.mfns[2] * 4096]
  ) {
    refused(GENERAL, { at, how: HOST | CONTAINS_PTE }); // no L1 of the caller's
  }
  audit(owner);
  audit(user);
});

Deno.test("an unmap takes away nothing but the mapping it names [xsa.224] [xsa.234] [grant_table_op.unmap_grant_ref]", async () => {
  const { owner, user } = await pair();
  grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
  user.enter();
  const own = entry(user, WINDOW + 1);
  const { handle } = grantMap(user, { dom: owner.domid });
  for (const bad of [handle + 1, 1023, 1024, 0xffffffff]) {
    assert.equal(grantUnmap(user, bad), BAD_HANDLE);
  }
  assert.equal(grantUnmap(user, handle, user.va(WINDOW + 1)), GENERAL);
  assert.equal(grantUnmap(user, handle, UNMAPPED), GENERAL);
  assert.equal(grantUnmap(user, handle, HOLE), GENERAL);
  assert.equal(entry(user, WINDOW + 1), own);
  owner.enter();
  assert.equal(grantUnmap(owner, handle), BAD_HANDLE); // another's handle
  user.enter();
  assert.equal(grantUnmap(user, handle), OKAY);
});

Deno.test("a frame mapped by another domain outlives its owner, and is no table meanwhile [domain.destroy_mapped]", async () => {
  const { rig, owner, user } = await pair();
  grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
  user.enter();
  const { handle } = grantMap(user, { dom: owner.domid });
  owner.enter();
  map(owner, GRANTED, owner.mfns[GRANTED], 0x61); // its own writable mapping is gone
  const pin = owner.write(owner.va(ARGS), 0, owner.mfns[GRANTED], 0);
  assert.equal(owner.call(26, pin, 1, 0, SELF), -22); // pin as L1
  assert.equal(rig.core.exports.domain_destroy(owner.domid), -16, "a slice runs");
  rig.inside.slice_end();
  assert.equal(rig.core.exports.domain_destroy(owner.domid), 0);
  let other = rig.addGuest();
  while (other.domid !== owner.domid) { // until the number comes round again
    assert.ok(!other.mfns.includes(owner.mfns[GRANTED]));
    rig.core.exports.domain_destroy(other.domid);
    other = rig.addGuest();
  }
  assert.equal(grantUnmap(user.enter(), handle), OKAY);
  audit(user);
  audit(other);
});

Deno.test("copies stay within their frames and their rights [grant_table_op.copy]", async () => {
  const { owner, user } = await pair();
  const from = owner.mfns[GRANTED], to = user.mfns[GRANTED];
  owner.write(owner.va(GRANTED, 16), 0x11112222, 0x33334444);
  grant(owner, 9, RO_ENTRY, user.domid, from);
  user.enter();
  const copy = (source: number[], dest: number[], length: number, how: number) => {
    const arg = user.write(
      user.va(ARGS),
      source[0],
      source[1] | (source[2] << 16),
      dest[0],
      dest[1] | (dest[2] << 16),
      length | (how << 16),
      77,
    );
    assert.equal(user.call(GRANT_TABLE_OP, COPY, arg, 1), 0);
    return signed(user.read(arg + 20));
  };
  assert.equal(copy([9, owner.domid, 16], [to, SELF, 4088], 8, 1), OKAY);
  assert.equal(user.read(user.va(GRANTED, 4088)), 0x11112222);
  assert.equal(user.read(user.va(GRANTED, 4092)), 0x33334444);
  assert.equal(flags(owner, 9), RO_ENTRY);
  assert.equal(copy([9, owner.domid, 16], [to, SELF, 4089], 8, 1), BAD_COPY);
  assert.equal(copy([9, owner.domid, 4095], [to, SELF, 0], 2, 1), BAD_COPY);
  assert.equal(copy([9, owner.domid, 65535], [to, SELF, 0], 65535, 1), BAD_COPY);
  assert.equal(copy([to, SELF, 0], [9, owner.domid, 0], 8, 2), GENERAL); // read-only grant
  assert.equal(copy([from, owner.domid, 0], [to, SELF, 0], 8, 0), DENIED); // by number
  assert.equal(copy([from, SELF, 0], [to, SELF, 0], 8, 0), BAD_PAGE); // another's number as one's own
  assert.equal(copy([to, SELF, 0], [user.mfns[0], SELF, 0], 8, 0), GENERAL); // into a table
  assert.equal(copy([10, owner.domid, 0], [to, SELF, 0], 8, 1), GENERAL);
  assert.equal(copy([100000, owner.domid, 0], [to, SELF, 0], 8, 1), BAD_REF);
  assert.equal(copy([9, 1234, 0], [to, SELF, 0], 8, 1), BAD_DOMAIN);
});

Deno.test("bad lists are -EFAULT, bad counts -EINVAL [grant_table_op] [errno.EFAULT] [errno.EINVAL]", async () => {
  const { user } = await pair();
  user.enter();
  for (const cmd of [0, 1, 2, 4, 5, 6, 7, 8, 10, 11, 12]) {
    for (const pointer of BAD_POINTERS) {
      assert.equal(
        user.call(GRANT_TABLE_OP, cmd, pointer, 1),
        -14,
        `${cmd} at ${pointer.toString(16)}`,
      );
    }
    assert.equal(user.call(GRANT_TABLE_OP, cmd, BASE, 0x80000000), -22);
  }
});

Deno.test("a pinned entry's flags are not looked at again, but for the first writer [grant_table_op.map_grant_ref]", async () => {
  const { owner, user } = await pair();
  grant(owner, 9, RO_ENTRY, user.domid, owner.mfns[GRANTED]);
  user.enter();
  const first = grantMap(user, { dom: owner.domid, how: HOST | READONLY });
  assert.equal(first.status, OKAY);
  owner.enter();
  grant(owner, 9, READING, user.domid, owner.mfns[GRANTED]); // taken back, too late
  user.enter();
  const again = { dom: owner.domid, at: user.va(WINDOW + 1) };
  assert.equal(grantMap(user, { ...again, how: HOST | READONLY }).status, OKAY);
  assert.equal(grantMap(user, { ...again, how: HOST }).status, GENERAL);
  for (const guest of [owner, user]) audit(guest);
});

Deno.test("an entry that one domain uses is not another's to use [grant_table_op.map_grant_ref]", async () => {
  const { owner, user } = await pair();
  grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
  user.enter();
  assert.equal(grantMap(user, { dom: owner.domid }).status, OKAY);
  owner.enter();
  grant(owner, 9, PERMIT | READING | WRITING, owner.domid, owner.mfns[GRANTED]);
  assert.equal(grantMap(owner, { dom: owner.domid }).status, GENERAL);
});

Deno.test("a mapping outlives its granter, whose number becomes another's [grant_table_op.unmap_grant_ref]", async () => {
  const rig = await Rig.create(4);
  const user = addGranter(rig), owner = addGranter(rig);
  grant(owner, 9, PERMIT, user.domid, owner.mfns[GRANTED]);
  user.enter();
  const { status, handle } = grantMap(user, { dom: owner.domid });
  assert.equal(status, OKAY);
  rig.inside.slice_end();
  rig.core.exports.domain_destroy(owner.domid);
  let next = addGranter(rig);
  while (next.domid !== owner.domid) {
    rig.inside.slice_end();
    rig.core.exports.domain_destroy(next.domid);
    next = addGranter(rig);
  }
  grant(next, 9, PERMIT, user.domid, next.mfns[GRANTED]);
  user.enter();
  assert.equal(grantMap(user, { dom: next.domid, at: user.va(WINDOW + 1) }).status, OKAY);
  assert.equal(grantUnmap(user, handle), OKAY);
  assert.equal(
    flags(next, 9),
    PERMIT | READING | WRITING,
    "the new domain's grant is still in use",
  );
  for (const guest of [next, user]) audit(guest);
});

Deno.test("random maps, unmaps and copies leave every count right", async () => {
  const rig = await Rig.create(1);
  const guest = addGranter(rig);
  const page = fc.oneof(fc.integer({ min: GRANTED, max: GRANTED + 3 }), fc.nat(3));
  const step = fc.oneof(
    fc.record({ op: fc.constant("grant" as const), ref: fc.nat(3), flags: fc.nat(7), page }),
    fc.record({ op: fc.constant("map" as const), ref: fc.nat(4), how: fc.nat(31), at: fc.nat(5) }),
    fc.record({ op: fc.constant("unmap" as const), handle: fc.nat(6), at: fc.nat(5) }),
    fc.record({ op: fc.constant("overwrite" as const), at: fc.nat(5) }),
    fc.record({ op: fc.constant("copy" as const), ref: fc.nat(4), to: page, how: fc.nat(3) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      for (const s of steps) {
        guest.enter();
        if (s.op === "grant") grant(guest, 16 + s.ref, s.flags, guest.domid, guest.mfns[s.page]);
        else if (s.op === "map") {
          const at = s.how & CONTAINS_PTE
            ? guest.mfns[2] * 4096 + (WINDOW + s.at) * 8
            : guest.va(WINDOW + s.at);
          grantMap(guest, { dom: guest.domid, ref: 16 + s.ref, how: s.how, at });
        } else if (s.op === "unmap") {
          const at = s.handle & 1
            ? guest.va(WINDOW + s.at)
            : guest.mfns[2] * 4096 + (WINDOW + s.at) * 8;
          grantUnmap(guest, s.handle, at);
        } else if (s.op === "overwrite") map(guest, WINDOW + s.at, guest.mfns[WINDOW + s.at], 0x63);
        else {
          const source = s.how & 1 ? 16 + s.ref : guest.mfns[GRANTED];
          const dest = s.how & 2 ? 16 + s.ref : guest.mfns[s.to];
          const self = s.how === 0 ? SELF : guest.domid;
          const arg = guest.write(guest.va(ARGS), source, self, dest, self, 64 | (s.how << 16), 0);
          assert.equal(guest.call(GRANT_TABLE_OP, COPY, arg, 1), 0);
        }
        assert.equal(rig.inside.audit(guest.domid), 0, JSON.stringify(s));
      }
    }),
    { numRuns: 60 },
  );
});
