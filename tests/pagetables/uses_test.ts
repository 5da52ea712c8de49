/** Pages that are descriptors, tables or targets of whole-page operations: one use excludes the other. */
import assert from "node:assert/strict";
import { OP, P, RW } from "./rig.ts";
import { DATA, DATA2, domain, EBUSY, EINVAL, fill, L1 } from "./tables.ts";

Deno.test("pages in use by the hypervisor's calls are not written behind its back [mmuext_op.clear_page] [mmuext_op.copy_page] [mmu.plain_store] [descriptor.gdt]", async () => {
  const d = await domain();
  fill(d, L1, {});
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), 0);
  assert.equal(d.mmuext(OP.CLEAR_PAGE, d.mfns[L1]), EINVAL);
  assert.equal(d.mmuext(OP.COPY_PAGE, d.mfns[L1], d.mfns[DATA]), EINVAL);
  assert.equal(d.mmuext(OP.COPY_PAGE, d.mfns[DATA], 0), EINVAL);
  assert.equal(d.mmuext(OP.COPY_PAGE, d.mfns[DATA], d.mfns[0]), 0, "reading one is harmless");
  assert.equal(d.rig.entry(d.mfns[DATA], 3), d.rig.entry(d.mfns[0], 3));
  fill(d, DATA2, {});
  assert.equal(d.setGdt([d.mfns[DATA2]]), 0);
  assert.equal(d.remap(DATA2, P | RW), EBUSY);
  assert.equal(d.mmuUpdate(d.at(DATA2, 1), 0n), EINVAL);
  assert.equal(d.mmuext(OP.CLEAR_PAGE, d.mfns[DATA2]), EINVAL);
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[DATA2]), EINVAL);
  assert.equal(d.setGdt([d.mfns[L1]]), EINVAL, "a table is no descriptor page");
  d.sound();
  assert.equal(d.setGdt([]), 0);
  assert.equal(d.mmuUpdate(d.at(DATA2, 1), 5n), 0, "a plain page may be written so");
  assert.equal(d.rig.entry(d.mfns[DATA2], 1), 5n);
  d.sound();
});

Deno.test("LDT pages: taken at first use, let go with their mapping or the base pointer [mmuext_op.set_ldt] [descriptor.ldt_lazy]", async () => {
  const d = await domain();
  const type = () => [d.rig.info(d.mfns[DATA]).type, d.rig.info(d.mfns[DATA]).typeCount];
  assert.equal(d.mmuext(OP.SET_LDT, d.va(DATA), 512), 0);
  assert.equal(d.descriptor(0x0c), false, "mapped writable");
  assert.equal(d.remap(DATA, P), 0);
  assert.equal(d.descriptor(0x0c), true);
  assert.deepEqual(type(), [5, 1]);
  assert.equal(d.descriptor(0x14), true);
  assert.deepEqual(type(), [5, 1], "once for the page");
  d.sound();
  assert.equal(d.remap(DATA, P | RW), EBUSY);
  assert.equal(d.updateVa(d.va(DATA), d.pte(DATA2, P), 2), 0);
  assert.equal(type()[1], 0);
  d.sound();
  assert.equal(d.remap(DATA, P), 0);
  assert.equal(d.descriptor(0x0c), true);
  assert.equal(d.mmuext(OP.NEW_BASEPTR, d.mfns[0]), 0);
  assert.equal(type()[1], 0);
  assert.equal(d.descriptor(0x1004), false, "beyond its end");
  assert.equal(d.mmuext(OP.SET_LDT, d.va(DATA) + 8, 512), EINVAL);
  assert.equal(d.mmuext(OP.SET_LDT, d.va(DATA), 8193), EINVAL);
  d.sound();
});

Deno.test("LDT pages stay in use when the mapping of another page goes, be it one that once held descriptors [descriptor.ldt_lazy]", async () => {
  const d = await domain();
  const once = DATA + 3;
  assert.equal(d.remap(once, P), 0);
  assert.equal(d.setGdt([d.mfns[once]]), 0);
  assert.equal(d.setGdt([]), 0);
  assert.deepEqual([d.rig.info(d.mfns[once]).type, d.rig.info(d.mfns[once]).typeCount], [5, 0]);
  assert.equal(d.remap(DATA, P), 0);
  assert.equal(d.remap(DATA2, P), 0);
  fill(d, L1, {});
  assert.equal(d.mmuext(OP.PIN_L1, d.mfns[L1]), 0);
  assert.equal(d.mmuext(OP.SET_LDT, d.va(DATA), 512), 0);
  assert.equal(d.descriptor(0x0c), true);
  for (const page of [DATA2, L1, once]) {
    assert.equal(d.updateVa(d.va(page), 0n), 0);
    assert.equal(d.rig.info(d.mfns[DATA]).typeCount, 1, `${page}`);
  }
  d.sound();
});
