/** The LDT: typed lazily, let go with CR3, and every way its page can be unfit. */
import assert from "node:assert/strict";
import { ES } from "../../core/wasm/layout.ts";
import {
  DATA,
  DPL,
  GDT,
  KCS,
  KDS,
  LDT,
  machine,
  page,
  READ_ONLY,
  UCS,
  UDS,
  UNMAPPED,
  USER,
} from "../traps/machine.ts";

const m = await machine();
const { x } = m;

function load(selector: number, user = false): string {
  m.enter(user ? UCS : KCS, page(3), 2, user ? UDS : KDS, page(user ? USER : 0) + 0x800);
  x.load_segment(ES, selector);
  return m.fault();
}

Deno.test("bases and lengths that SET_LDT takes [mmuext_op.set_ldt]", () => {
  assert.equal(x.probe_set_ldt(page(LDT) + 8, 4), -22);
  assert.equal(x.probe_set_ldt(page(LDT), 8193), -22);
  assert.equal(x.probe_set_ldt(0xfffff000 | 0, 8192), 0);
  assert.equal(x.probe_set_ldt(0, 0), 0);
  assert.equal(load(7), "d:4");
});

Deno.test("an LDT page is taken on first use; #PF at the descriptor where it cannot be [descriptor.ldt_lazy] [descriptor.ldt_fault]", () => {
  m.describe(LDT, { 1: { attributes: DATA | DPL(0) }, 2: { attributes: DATA | DPL(3) } });
  for (const pfn of [UNMAPPED, 0, USER, 10]) { // unmapped, writable, the user's, a page table
    assert.equal(x.probe_set_ldt(page(pfn), 16), 0);
    assert.equal(load(0x0d), "e:0");
    assert.equal(x.probe_fault_address() >>> 0, page(pfn) + 8);
    assert.equal(load(0x17, true), "e:4");
    assert.equal(x.probe_fault_address() >>> 0, page(pfn) + 16);
  }
  assert.equal(x.probe_set_ldt(page(LDT), 16), 0);
  assert.equal(load(0x0d), "");
  assert.equal(m.view(LDT).getUint32(12, true) & 0x7f00, 0x3300); // DPL raised, accessed
  assert.equal(load(0x17, true), "");
  assert.equal(load(0x1d), "d:1c"); // an empty entry
  assert.equal(load(0x85), "d:84"); // past the limit
});

Deno.test("a page with a descriptor that no guest may have is never taken [descriptor.ldt_fault]", () => {
  assert.equal(x.probe_set_ldt(0, 0), 0);
  m.describe(READ_ONLY, { 1: { attributes: DATA | DPL(1) }, 500: [0x67, 0x8900] });
  assert.equal(x.probe_set_ldt(page(READ_ONLY), 16), 0);
  assert.equal(load(0x0d), "e:0");
  m.describe(READ_ONLY, { 500: [0, 0] });
  assert.equal(load(0x0d), "");
});

Deno.test("an entry of the LDT is none of the GDT's, however often either was loaded [descriptor.ldt_lazy]", () => {
  const bases: [selector: number, base: number][] = [[0x15, 0x2000], [0x11, 0x1000]];
  m.describe(GDT, { 2: { base: 0x1000, attributes: DATA | DPL(1) } });
  assert.equal(m.useGdt(16), 0);
  assert.equal(x.probe_set_ldt(0, 0), 0);
  m.describe(LDT, { 2: { base: 0x2000, attributes: DATA | DPL(1) } });
  assert.equal(x.probe_set_ldt(page(LDT), 16), 0);
  for (const [selector, base] of [...bases, ...bases]) {
    assert.equal(load(selector), "");
    assert.equal(x.probe_base(ES), base);
  }
});

Deno.test("an LDT in the hypervisor's part has no pages to take [mmuext_op.set_ldt] [descriptor.ldt_fault]", () => {
  for (const base of [0xf5800000, 0xf6800000, 0xfffff000]) {
    assert.equal(x.probe_set_ldt(base | 0, 16), 0);
    assert.equal(load(0x0d), "e:0", base.toString(16));
    assert.equal(x.probe_fault_address() >>> 0, base + 8);
  }
  assert.equal(x.probe_set_ldt(0, 0), 0);
});
