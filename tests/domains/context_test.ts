/** What a vCPU begins with, as its context says it: its segments, which are loaded then only, and its FPU. */
import assert from "node:assert/strict";
import {
  C_FX,
  C_SEG,
  CPU,
  CS,
  DS,
  ES,
  FS,
  GS,
  SEG_ATTR,
  SEG_SEL,
  SEG_SIZE,
  SS,
} from "../../core/wasm/layout.ts";
import { Rig } from "../hypercalls/rig.ts";
import { descriptor, park, tables } from "../traps/selectors.ts";

const VCPU_OP = 24, INITIALISE = 0, UP = 1;
const EEXIST = -17;
const RUNNING = 1, ENDED = 2, CRASH = 3;
/** In struct vcpu_guest_context. */
const FLAGS = 0x200, I387 = 1, ONLINE = 32, IN_KERNEL = 4;
const SELECTORS = { cs: 0x228, ss: 0x234, es: 0x238, ds: 0x23c, fs: 0x240, gs: 0x244 };
const GDT_FRAMES = 0xa50, GDT_ENTRIES = 0xa90;
/** The page where `tables` keeps the GDT, and its entries here. */
const GDT_PAGE = 20;
const CODE = 1,
  DATA = 2,
  READ_ONLY = 3,
  ABSENT_CODE = 4,
  ABSENT_DATA = 5,
  EXECUTE_ONLY = 6,
  EMPTY = 7;
/** Behind the last entry, on a page that the table does not have, and behind the hypervisor's own. */
const BEYOND = 16, NO_PAGE = 600, RESERVED = 8191;
const selector = (entry: number) => entry << 3 | 1;

async function start() {
  const rig = await Rig.create(1);
  const guest = rig.addGuest({ vcpus: 2 });
  park(guest.enter());
  const { gdt } = tables(guest);
  gdt(CODE, descriptor(0xc0ba00));
  gdt(DATA, descriptor(0xc0b200));
  gdt(READ_ONLY, descriptor(0xc0b000));
  gdt(ABSENT_CODE, descriptor(0xc03a00));
  gdt(ABSENT_DATA, descriptor(0xc03200));
  gdt(EXECUTE_ONLY, descriptor(0xc0b800));
  /** Starts vCPU 1 with a GDT and a context of the test's. */
  const begin = (change: (view: DataView) => void) => {
    const context = guest.context((view) => {
      view.setUint32(FLAGS, IN_KERNEL | ONLINE, true);
      view.setUint32(GDT_FRAMES, guest.mfns[GDT_PAGE], true);
      view.setUint32(GDT_ENTRIES, 16, true);
      change(view);
    });
    assert.equal(guest.call(VCPU_OP, INITIALISE, 1, context), 0);
  };
  const segments = () => {
    const view = rig.core.view();
    const words = (part: number) =>
      [CS, SS, DS, ES, FS, GS].map((n) => view.getUint32(CPU + C_SEG + n * SEG_SIZE + part, true));
    return { selectors: words(SEG_SEL), present: words(SEG_ATTR).map((word) => word !== 0) };
  };
  return { rig, guest, begin, segments };
}

Deno.test("a vCPU comes up with the selectors of its context, of its own tables [vcpu_op.initialise]", async () => {
  const { guest, begin, segments } = await start();
  begin((view) => {
    view.setUint32(SELECTORS.cs, selector(CODE), true);
    view.setUint32(SELECTORS.ss, selector(DATA), true);
    view.setUint32(SELECTORS.ds, selector(READ_ONLY), true);
    view.setUint32(SELECTORS.es, 0, true);
    view.setUint32(SELECTORS.fs, 3, true);
    view.setUint32(SELECTORS.gs, selector(CODE), true);
  });
  guest.enter(1);
  const { selectors, present } = segments();
  assert.deepEqual(
    selectors.map((s) => s & ~3),
    [
      selector(CODE),
      selector(DATA),
      selector(READ_ONLY),
      1,
      1,
      selector(CODE),
    ].map((s) => s & ~3),
  );
  assert.deepEqual(present, [true, true, true, false, false, true]);
  assert.equal(guest.state, RUNNING);
});

Deno.test("a data selector that cannot be loaded is null then [vcpu_op.initialise]", async () => {
  const { guest, begin, segments } = await start();
  begin((view) => {
    view.setUint32(SELECTORS.ds, selector(ABSENT_DATA), true);
    view.setUint32(SELECTORS.es, selector(EMPTY), true);
    view.setUint32(SELECTORS.fs, selector(EXECUTE_ONLY), true);
    view.setUint32(SELECTORS.gs, selector(BEYOND), true);
  });
  guest.enter(1);
  const { selectors, present } = segments();
  assert.deepEqual(selectors.slice(2), [0, 0, 0, 0]);
  assert.deepEqual(present, [true, true, false, false, false, false]);
  assert.equal(guest.state, RUNNING);
});

Deno.test("a code or stack selector that cannot be loaded, and no handler: the domain ends before an instruction [vcpu_op.initialise] [domain.crash]", async () => {
  const bad: [register: "cs" | "ss", entry: number][] = [
    ["cs", 0],
    ["cs", EMPTY],
    ["cs", BEYOND],
    ["cs", NO_PAGE],
    ["cs", RESERVED],
    ["cs", DATA],
    ["cs", ABSENT_CODE],
    ["ss", 0],
    ["ss", EMPTY],
    ["ss", BEYOND],
    ["ss", NO_PAGE],
    ["ss", READ_ONLY],
    ["ss", CODE],
    ["ss", ABSENT_DATA],
  ];
  for (const [register, entry] of bad) {
    const { rig, guest, begin } = await start();
    begin((view) => view.setUint32(SELECTORS[register], selector(entry), true));
    assert.equal(guest.state, RUNNING, "it is not looked at before");
    rig.inside.slice_end();
    const before = rig.core.retired();
    for (let n = 0; n < 10 && guest.state === RUNNING; n++) {
      rig.inside.slice_begin(0n, 1000);
      assert.notEqual(rig.inside.inspect_current() & 0xffff, 1, `${register} ${entry}`);
      rig.endSlice();
    }
    assert.deepEqual([guest.state, guest.code], [ENDED, CRASH], `${register} ${entry}`);
    assert.equal(rig.core.retired() - before, 0);
    const reason = rig.core.string(rig.core.exports.domain_crash_reason(guest.domid));
    assert.match(reason, /selector of a new vCPU/, `${register} ${entry}`);
  }
});

Deno.test("the FPU: as the context has it if it says so, else as after FNINIT [vcpu_op.initialise]", async () => {
  for (const valid of [false, true]) {
    const { rig, guest, begin } = await start();
    begin((view) => {
      if (valid) view.setUint32(FLAGS, IN_KERNEL | ONLINE | I387, true);
      view.setUint16(0, 0x27f, true);
      view.setUint32(24, 0xffff1fa0, true); // reserved bits of MXCSR, and one that is none
      view.setUint32(160, 0x12345678, true); // XMM0
    });
    guest.enter(1);
    const view = rig.core.view();
    const fpu = [
      view.getUint16(CPU + C_FX, true),
      view.getUint32(CPU + C_FX + 24, true),
      view.getUint32(CPU + C_FX + 160, true),
    ];
    assert.deepEqual(fpu, valid ? [0x27f, 0x1fa0, 0x12345678] : [0x37f, 0x1f80, 0]);
  }
});

Deno.test("a context that says so brings its vCPU up, once [vcpu_op.initialise] [vcpu_op.up]", async () => {
  const { rig, guest, begin } = await start();
  begin((view) => view.setUint32(FLAGS, IN_KERNEL, true));
  rig.inside.slice_end();
  for (let n = 0; n < 4; n++) {
    rig.inside.slice_begin(0n, 100_000);
    assert.equal(rig.inside.inspect_current() & 0xffff, 0);
    rig.endSlice();
  }
  assert.equal(guest.enter().call(VCPU_OP, UP, 1, 0), 0);
  guest.enter(1);
  assert.equal(guest.call(VCPU_OP, INITIALISE, 1, guest.context()), EEXIST);
});
