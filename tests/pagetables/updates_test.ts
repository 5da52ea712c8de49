/** mmu_update and update_va_mapping: lists, counts, domains, and what each command does (golden mmu.*, uva.*). */
import assert from "node:assert/strict";
import { A, BASE, D, DOMID_SELF, HC, OP, P, RW, words64 } from "./rig.ts";
import { DATA, DATA2, domain, EBUSY, EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from "./tables.ts";

Deno.test("mmu_update stops at the first bad request and says how far it got [mmu_update] [mmu_update.done] [mmu_update.unknown] [errno.EFAULT] [errno.ENOSYS] [errno.EINVAL]", async () => {
  const d = await domain();
  const list = d.args(
    words64(
      d.at(DATA, 0),
      1n,
      d.at(DATA, 1),
      2n,
      d.at(2, DATA2),
      9n | d.pte(DATA2, P),
      d.at(DATA, 3),
      4n,
    ),
    512,
  );
  d.args([77], 256);
  const done = d.args([77], 256);
  assert.equal(d.hypercall(HC.mmu_update, list, 4, done, DOMID_SELF), EINVAL);
  assert.equal(d.word(256), 2);
  assert.deepEqual([0, 1, 2, 3].map((i) => d.rig.entry(d.mfns[DATA], i)), [1n, 2n, 0n, 0n]);
  assert.equal(d.hypercall(HC.mmu_update, list, 0, done, DOMID_SELF), 0);
  assert.equal(d.word(256), 0);
  assert.equal(d.hypercall(HC.mmu_update, 0xf5800000, 1, done, DOMID_SELF), EFAULT);
  assert.equal(d.hypercall(HC.mmu_update, 0x10000000, 1, done, DOMID_SELF), EFAULT);
  assert.equal(d.hypercall(HC.mmu_update, list, 1, 0xf5800000, DOMID_SELF), 0, "done is optional");
  for (const command of [4n, 5n, 6n, 7n]) {
    assert.equal(d.mmuUpdate(d.at(2, DATA2) | command, 0n), ENOSYS);
  }
});

Deno.test("no other domain's tables or frames, whatever the number [mmu_update.foreign] [mmuext_op.foreign] [update_va_mapping_otherdomain] [errno.EPERM] [errno.ESRCH]", async () => {
  const d = await domain();
  const list = d.args(words64(d.at(2, DATA2), d.pte(DATA2, P)), 512);
  const done = d.args([77], 256);
  const expected: [number, number, number][] = [
    [0, EPERM, 0],
    [0x7ff2, EPERM, 0],
    [0x7ff3, ESRCH, 0],
    [1234, ESRCH, 0],
    [d.id, ESRCH, 0], // its own number does not stand for DOMID_SELF
    [(1 << 16) | DOMID_SELF, EPERM, 0],
    [(1235 << 16) | DOMID_SELF, ESRCH, 77],
  ];
  for (const [domid, error, count] of expected) {
    d.args([77], 256);
    assert.equal(d.hypercall(HC.mmu_update, list, 1, done, domid), error, `${domid}`);
    assert.equal(d.word(256), count, `${domid}: done`);
  }
  // DOMID_IO: frames that are no RAM, of which none is allowed
  assert.equal(d.mmuUpdate(d.at(2, DATA2), d.pte(DATA, P), 0x7ff1), EBUSY);
  assert.equal(d.mmuUpdate(d.at(2, DATA2), (0xfee00n << 12n) | P, 0x7ff1), EPERM);
  const [low, high] = words64(d.pte(DATA, P));
  const other = (domid: number) =>
    d.hypercall(HC.update_va_mapping_otherdomain, d.va(DATA2), low, high, 2, domid);
  assert.deepEqual([0, 0x7ff1, 0x7ff2, 1234].map(other), [EPERM, EPERM, EPERM, ESRCH]);
  assert.equal(other(DOMID_SELF), 0);
  for (const [domid, error] of [[0, EPERM], [0x7ff1, EPERM], [1234, ESRCH]]) {
    const ops = d.args([OP.PIN_L1, d.mfns[DATA], 0], 512);
    assert.equal(d.hypercall(HC.mmuext_op, ops, 1, 0, domid), error);
  }
  d.sound();
});

Deno.test("update_va_mapping goes by the tables that are loaded [update_va_mapping] [update_va_mapping.bitmap] [errno.EINVAL] [errno.EFAULT]", async () => {
  const d = await domain();
  assert.equal(d.updateVa(0x40000000, d.pte(DATA, P)), EINVAL, "no L2");
  assert.equal(d.updateVa(0xc8000000, d.pte(DATA, P)), EINVAL, "no L1");
  assert.equal(d.updateVa(0xf5800000, d.pte(DATA, P)), EINVAL, "the hypervisor's");
  assert.equal(d.updateVa(0xfffff000, 0n), EINVAL);
  assert.equal(d.mmuUpdate(d.at(1, 10), d.pte(1, P)), 0);
  assert.equal(
    d.updateVa(BASE + 10 * 0x200000, d.pte(DATA, P)),
    EINVAL,
    "an L2 in the place of an L1",
  );
  assert.equal(d.updateVa(d.va(DATA) + 0x123, d.pte(DATA2, P)), 0, "the offset does not matter");
  assert.equal(d.updateVa(d.va(DATA), d.pte(DATA2, P | A), 0xf5800001), EFAULT, "a bad bitmap");
  assert.equal(d.rig.entry(d.mfns[2], DATA), d.pte(DATA2, P | A), "is found after the change");
  d.sound();
});

Deno.test("MACHPHYS_UPDATE sets what every guest can read, for own frames only [mmu_update.machphys] [mmu.m2p]", async () => {
  const d = await domain();
  const m2p = (mfn: number) => d.load(0xf5800000 + mfn * 4).value;
  assert.equal(m2p(d.mfns[DATA]), BigInt(DATA));
  assert.equal(d.mmuUpdate(d.at(DATA, 0) | 1n, 0x12345n), 0);
  assert.equal(m2p(d.mfns[DATA]), 0x12345n);
  for (const bad of [0n, 512n, BigInt(d.rig.core.machine_size() - 1), 0xffffffffffn]) {
    assert.equal(d.mmuUpdate((bad << 12n) | 1n, 1n), EINVAL);
  }
  assert.equal(m2p(d.sharedInfo), 0xffffffffn);
  assert.equal(m2p(0), 0xffffffffn);
});

Deno.test("PRESERVE_AD keeps A and D of the entry it replaces, whatever the new frame [mmu_update.preserve_ad]", async () => {
  const d = await domain();
  const PRESERVE = 2n;
  const set = (value: bigint) => assert.equal(d.mmuUpdate(d.at(2, 40), value), 0);
  const entry = () => d.rig.entry(d.mfns[2], 40);
  for (const kept of [0n, A, D, A | D]) {
    for (const given of [0n, A, D]) {
      for (const page of [DATA, DATA2]) {
        set(d.pte(DATA, P | RW | kept));
        assert.equal(d.mmuUpdate(d.at(2, 40) | PRESERVE, d.pte(page, P | given)), 0);
        assert.equal(entry(), d.pte(page, P | given | kept));
      }
    }
  }
  set(d.pte(DATA, A | D)); // not present: its bits mean nothing, and are kept all the same
  assert.equal(d.mmuUpdate(d.at(2, 40) | PRESERVE, d.pte(DATA, P)), 0);
  assert.equal(entry(), d.pte(DATA, P | A | D));
  set(0n);
  d.sound();
});

Deno.test("NO_TRANSLATE is a plain update [mmu_update.no_translate] [mmu_update.normal]", async () => {
  const d = await domain();
  assert.equal(d.mmuUpdate(d.at(2, 40) | 3n, d.pte(DATA, P | RW)), 0);
  assert.equal(d.rig.entry(d.mfns[2], 40), d.pte(DATA, P | RW));
  assert.equal(d.mmuUpdate(d.at(2, 40) | 3n, d.pte(0, P | RW)), EBUSY);
  d.sound();
});

Deno.test("a page that is no table takes any 8 bytes [mmu_update.normal] [mmu.plain_store] [mmu_update] [errno.EINVAL]", async () => {
  const d = await domain();
  for (const command of [0n, 2n, 3n]) {
    const value = 0xfedcba9876543210n + command;
    assert.equal(d.mmuUpdate(d.at(DATA, 511) | command, value), 0);
    assert.equal(d.rig.entry(d.mfns[DATA], 511), value);
  }
  assert.equal(d.remap(DATA, P), 0);
  assert.equal(d.mmuUpdate(d.at(DATA, 0), 5n), 0, "a read-only mapping is no hindrance");
  assert.equal(d.mmuUpdate(BigInt(d.sharedInfo) << 12n | 0x800n, 0n), 0, "shared_info is its own");
  for (const mfn of [0n, 512n, BigInt(d.rig.core.machine_size()), 0xffffffffffn]) {
    assert.equal(d.mmuUpdate(mfn << 12n, 5n), EINVAL, `${mfn}`);
  }
  d.sound();
});

Deno.test("a list's error leaves what was before it done, and counted [mmu_update.done] [mmu_update] [errno.EINVAL] [errno.EBUSY] [errno.EPERM]", async () => {
  const d = await domain();
  const good = (n: number) => [d.at(2, 40 + n), d.pte(DATA, P | RW)];
  const bad: [bigint[], number][] = [
    [[d.at(2, 60), d.pte(DATA, P | 8n)], EINVAL],
    [[d.at(2, 60), d.pte(0, P | RW)], EBUSY],
    [[d.at(2, 60), P], EPERM],
    [[d.at(1, 430), 0n], EPERM],
    [[d.at(0, 3), 0n], EINVAL],
  ];
  for (const [request, error] of bad) {
    for (let before = 0; before < 4; before++) {
      const requests = Array.from({ length: 5 }, (_, n) => n === before ? request : good(n));
      const list = d.args(words64(...requests.flat()), 512);
      assert.equal(d.hypercall(HC.mmu_update, list, 5, d.args([77], 256), DOMID_SELF), error);
      assert.equal(d.word(256), before);
      for (let n = 0; n < 5; n++) {
        assert.equal(d.rig.entry(d.mfns[2], 40 + n), n < before ? d.pte(DATA, P | RW) : 0n);
        assert.equal(d.mmuUpdate(d.at(2, 40 + n), 0n), 0);
      }
      assert.equal(d.rig.info(d.mfns[DATA]).typeCount, 1, "its first mapping alone");
      d.sound();
    }
  }
});

Deno.test("a list that cannot be read further stops there [mmu_update.done] [mmu_update] [errno.EFAULT]", async () => {
  const d = await domain();
  // the last 16 bytes before a page that is not mapped
  const end = d.va(24);
  const [low, high] = words64(d.pte(23, P | RW));
  assert.equal(d.hypercall(HC.update_va_mapping, d.va(23), low, high, 2), 0);
  words64(d.at(DATA, 0), 1n).forEach((w, n) => d.store(end - 16 + n * 4, BigInt(w)));
  assert.equal(d.hypercall(HC.mmu_update, end - 16, 2, d.args([77], 256), DOMID_SELF), EFAULT);
  assert.deepEqual([d.word(256), d.rig.entry(d.mfns[DATA], 0)], [1, 1n]);
  assert.equal(d.hypercall(HC.mmu_update, end - 8, 1, d.args([77], 256), DOMID_SELF), EFAULT);
  assert.equal(d.word(256), 0);
});

Deno.test("update_va_mapping: bitmaps of vCPUs for each kind of flush [update_va_mapping.tlb_flush] [update_va_mapping.invlpg] [update_va_mapping.bitmap] [update_va_mapping] [errno.EFAULT]", async () => {
  const d = await domain();
  const bitmap = d.args([1], 256);
  const set = (flags: number) => d.updateVa(d.va(40), d.pte(DATA, P | RW), flags);
  for (const kind of [1, 2]) {
    for (const who of [0, 4, bitmap]) assert.equal(set(who | kind), 0, `${who | kind}`);
    for (const bad of [0xf5800000, 0xfffffffc, 0x400000]) {
      assert.equal(d.updateVa(d.va(40), 0n, 2), 0);
      assert.equal(set(bad | kind), EFAULT);
      assert.equal(
        d.rig.entry(d.mfns[2], 40),
        d.pte(DATA, P | RW),
        "the change is made all the same",
      );
    }
    assert.equal(
      d.updateVa(d.va(40), d.pte(0, P | RW), 0x400000 | kind),
      EBUSY,
      "an error flushes nothing",
    );
  }
  for (const flags of [0, 4, 0x400000]) {
    assert.equal(set(flags), 0, "without a kind nobody is asked");
  }
  d.sound();
});

Deno.test("another guest is as out of reach as domain 0 [mmu_update.foreign] [mmuext_op.foreign] [update_va_mapping_otherdomain] [errno.EPERM]", async () => {
  const d = await domain();
  const other = d.rig.core.domain_create(1, 8, 0);
  assert.ok(other > 0 && other !== d.id);
  const list = d.args(words64(d.at(2, 40), d.pte(DATA, P)), 512);
  for (const foreign of [other, (other + 1) << 16 | DOMID_SELF, (other + 1) << 16 | other]) {
    assert.equal(d.hypercall(HC.mmu_update, list, 1, 0, foreign), EPERM, foreign.toString(16));
  }
  assert.equal(d.hypercall(HC.mmu_update, list, 1, 0, (d.id + 1) << 16 | DOMID_SELF), 0, "itself");
  assert.equal(d.hypercall(HC.mmuext_op, d.args([6, 0, 0], 512), 1, 0, other), EPERM);
  const [low, high] = words64(d.pte(DATA, P));
  assert.equal(d.hypercall(HC.update_va_mapping_otherdomain, d.va(41), low, high, 2, other), EPERM);
  assert.equal(d.rig.entry(d.mfns[2], 41), 0n);
  d.sound();
});
