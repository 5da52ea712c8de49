/**
 * The fast ways into the kernel and out of it (core/wasm/traps/at_once.ts) against those by all rules: the same
 * situations in two machines, one of which is single-stepped by its host. That makes all fast ways decline, and the guest
 * sees nothing of it. Whatever the guest can see must be the same then.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import {
  C_FX,
  C_MODE,
  C_SEG,
  C_TS,
  CPU,
  CS,
  MODE_STEP,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SEL,
  SEG_SIZE,
} from "../../core/wasm/layout.ts";
import { ALWAYS } from "../first_sight.ts";
import { PAGES } from "../hypercalls/rig.ts";
import { DATA, HC, KCS, KDS, kernel, registers, sendNmi, UCS, UDS } from "./kernel.ts";
import { park } from "./selectors.ts";
import {
  code,
  FRAMES,
  handlerOf,
  KINDS,
  SHARED,
  type Situation,
  situation,
  upcallOf,
  writeHandlers,
} from "./situations.ts";

const XEN32_LIMITS = 4, GDT_PAGE = 20;
const PHYSDEV = 33, SET_IOPL = 6;
const DOM_RUNNING = 1;

async function side(options: number, stepped: boolean) {
  const k = await kernel({ options });
  const { guest, rig, table } = k;
  const info = rig.core.exports.domain_shared_info(guest.domid);
  assert.equal(guest.call(HC.updateVa, guest.va(SHARED), info << 12 | 0x63, info >>> 20, 2), 0);
  // what lies beside the outer rings' stack in memory does not do so in the address space
  for (const [page, other] of [[DATA - 1, 50], [DATA + 1, 51]]) {
    const mfn = guest.mfns[other];
    assert.equal(guest.call(HC.updateVa, guest.va(page), mfn << 12 | 0x67, mfn >>> 20, 2), 0);
  }
  // and what does lie beside it would do as the end of a frame
  for (const page of [41, 51]) guest.write(guest.va(page), ...Array(16).fill(UDS));
  writeHandlers(guest);
  for (const [entry, words] of Object.entries(KINDS)) {
    table.tryGdt(Number(entry), words);
    if (Number(entry) < 5) table.ldt(Number(entry), words);
  }
  if (stepped) rig.core.exports.machine_step_mode(1);
  const go = (bytes: number[]) => {
    park(guest, bytes);
    rig.inside.slice_end();
    for (let n = 0; n < 3; n++) rig.core.exports.machine_run(0n, 400);
    if (guest.state === DOM_RUNNING) guest.enter();
  };
  return { ...k, go };
}
type Side = Awaited<ReturnType<typeof side>>;

/** Brings a situation about; the kernel is at rest before. */
function bringAbout({ guest, go }: Side, s: Situation): void {
  guest.setSharedByte(0, 0);
  guest.setSharedByte(1, 0);
  for (let n = 0; n < s.nmis; n++) {
    sendNmi(guest);
    go([0x90]);
  }
  const [vector, address, flags, cs] = handlerOf(guest, s);
  const list = guest.write(guest.va(33), vector | flags << 8 | cs << 16, address, 0, 0);
  assert.equal(guest.call(HC.trapTable, list), 0);
  guest.call(HC.stackSwitch, s.kernelSs, s.kernelSp);
  guest.call(HC.callbacks, s.upcallCode, upcallOf(guest, s), KCS, 0);
  guest.call(HC.assist, s.assist ? 0 : 1, 4);
  guest.call(PHYSDEV, SET_IOPL, guest.write(guest.va(33), s.iopl));
  if (s.taskSwitched) guest.call(HC.fpu, 1);
  const mfn = guest.mfns[FRAMES];
  const rights = { written: 0x63, "read-only": 0x61, absent: 0 }[s.frames];
  guest.call(
    HC.updateVa,
    guest.va(FRAMES),
    rights ? mfn << 12 | rights : 0,
    rights ? mfn >>> 20 : 0,
    2,
  );
  go(code(guest, s, guest.mfns[GDT_PAGE] * 4096));
}

/** What a guest can see, but for its memory. */
function seen({ guest, rig }: Side) {
  const view = rig.core.view();
  const word = (at: number) => view.getUint32(CPU + at, true);
  const segments = Array.from(
    { length: 6 },
    (_, n) =>
      [SEG_SEL, SEG_ATTR, SEG_BASE, SEG_LIMIT].map((part) =>
        word(C_SEG + n * SEG_SIZE + part).toString(16)
      ).join(" "),
  );
  return {
    state: [guest.state, guest.code],
    ...registers(guest),
    general: Array.from({ length: 8 }, (_, n) => word(n * 8).toString(16)).join(" "),
    segments,
    mode: word(C_MODE) & ~MODE_STEP,
    taskSwitched: word(C_TS),
    fpu: word(C_FX),
    info: [0, 1, 2, 3].map((n) => guest.sharedByte(n)),
    cr2: guest.shared(8),
  };
}

function sameMemory(one: Side, other: Side): void {
  const frame = (s: Side, mfn: number) => Buffer.from(s.rig.core.frame(mfn));
  for (let page = 0; page < PAGES; page++) {
    const mfn = one.guest.mfns[page];
    assert.equal(Buffer.compare(frame(one, mfn), frame(other, mfn)), 0, `page ${page}`);
  }
}

/** It goes round at a jump to itself: where a situation ends that does not go on for ever. */
function atRest({ guest, rig }: Side): boolean {
  const base = rig.core.view().getUint32(CPU + C_SEG + CS * SEG_SIZE + SEG_BASE, true);
  const at = registers(guest).eip + base - guest.va(0) >>> 0;
  const page = at >>> 12;
  if (page >= PAGES || (at & 0xfff) === 0xfff) return false;
  const bytes = rig.core.frame(guest.mfns[page]);
  return bytes[at & 0xfff] === 0xeb && bytes[(at & 0xfff) + 1] === 0xfe;
}

/** Back to the kernel with flat segments; false if there is no way. */
function reset({ guest, go }: Side): boolean {
  guest.call(HC.stackSwitch, KDS, guest.va(FRAMES + 1));
  const { mfns } = guest;
  guest.call(HC.updateVa, guest.va(FRAMES), mfns[FRAMES] << 12 | 0x63, mfns[FRAMES] >>> 20, 2);
  const all = Array.from({ length: 32 }, (_, v) => [v | KCS << 16, guest.va(23, v * 16)]).flat();
  guest.call(HC.trapTable, guest.write(guest.va(33), ...all, 0, 0));
  guest.setSharedByte(0, 0);
  const { cpl, ss } = registers(guest);
  if (cpl === 1 && ss !== KDS) return false;
  go([0x0f, 0x0b]);
  if (guest.state !== DOM_RUNNING) return false;
  const now = registers(guest);
  if (now.cpl !== 1 || now.ss !== KDS) return false;
  go([
    0xbc,
    ...[0, 8, 16, 24].map((by) => guest.va(25) >>> by & 0xff),
    0xb8,
    0x21,
    0xe0,
    0,
    0,
    0x8e,
    0xd8,
    0x8e,
    0xc0,
  ]);
  const { ds, esp } = registers(guest);
  return ds === KDS && esp === guest.va(25);
}

let compared = 0, skipped = 0;

/** Runs situations one after another in two machines, and compares after each. */
async function compare(situations: Situation[], options: number): Promise<void> {
  const make = () => Promise.all([side(options, false), side(options, true)]);
  let [plain, stepped] = await make();
  for (const s of situations) {
    if (!reset(plain)) [plain, stepped] = await make();
    else reset(stepped);
    if (!reset(plain) || !reset(stepped)) throw new Error("a new guest has no flat segments");
    for (const machine of [plain, stepped]) bringAbout(machine, s);
    if (plain.guest.state === DOM_RUNNING && !atRest(plain) && !atRest(stepped)) {
      skipped++; // they go on for ever, and where they are is a matter of the instruction
      [plain, stepped] = await make();
      continue;
    }
    compared++;
    assert.deepEqual(seen(plain), seen(stepped));
    sameMemory(plain, stepped);
    assert.equal(plain.rig.inside.audit(plain.guest.domid), 0);
    if (plain.guest.state !== DOM_RUNNING) [plain, stepped] = await make();
  }
}

const mostlyPlain = fc.constantFrom(0, 0, 0, 0, 0, XEN32_LIMITS);
const RUNS = ALWAYS ? 12 : 120;

Deno.test("the fast ways into the kernel and back do what the rules say [trap.frame] [iret]", async () => {
  const list = fc.array(situation, { minLength: 1, maxLength: 12, size: "max" });
  await fc.assert(
    fc.asyncProperty(list, mostlyPlain, (situations, options) => compare(situations, options)),
    { numRuns: RUNS },
  );
  assert.ok(compared > 4 * skipped, `${compared} compared, ${skipped} skipped`);
});

const plain: Situation = {
  how: "ud2",
  from: 3,
  originCode: UCS,
  originStack: UDS,
  kernelOriginCode: KCS,
  kernelOriginStack: KDS,
  data: [UDS, UDS, UDS, UDS],
  originFlags: 0x202,
  esp: 0x800,
  handlerCode: KCS,
  handlerFlags: 0,
  handler: "stay",
  kernelSs: KDS,
  kernelSp: 0xc0000000 + FRAMES * 4096 + 0x800,
  frames: "written",
  upcallCode: KCS,
  upcall: "stay",
  pending: 0,
  mask: 0,
  padding: 0,
  known: true,
  nmis: 0,
  assist: 0,
  iopl: 0,
  taskSwitched: false,
  to: [UCS, UDS],
  toFlags: 0x202,
  toEsp: 0xc0000000 + DATA * 4096 + 0x800,
  change: null,
};
const GROWS_DOWN = 14 * 8 | 1,
  BASED = 7 * 8 | 1,
  USER_GROWS_DOWN = 11 * 8 | 3,
  OWN_STACK = 2 * 8 | 1;

/** What stands out of the plain situation: an entry from ring 3, or the way given back to it. */
const EDGES: [name: string, change: Partial<Situation>][] = [
  ["nothing", {}],
  ["an error code", { how: "load" }],
  ["kernel_ss grows down", { kernelSs: GROWS_DOWN }],
  ["kernel_ss has a base and a limit", { kernelSs: BASED }],
  ["kernel_ss is of ring 3", { kernelSs: UDS }],
  ["kernel_sp at a page's beginning", { kernelSp: 0xc0000000 + FRAMES * 4096 + 8 }],
  ["kernel_sp at a page's end", { kernelSp: 0xc0000000 + FRAMES * 4096 + 0x1000 }],
  ["kernel_sp at 0", { kernelSp: 0 }],
  ["a kernel stack that is read only", { frames: "read-only" }],
  ["a kernel stack that is not there", { frames: "absent" }],
  ["an event pending", { pending: 1 }],
  ["an event pending, the handler masks", { pending: 1, handlerFlags: 4 }],
  ["an event masked", { pending: 1, mask: 0xff, padding: 0xa5 }],
  ["an NMI pending within one", { nmis: 2 }],
  ["virtual IOPL in the frame", { assist: 4, iopl: 3 }],
  ["back with an event pending", { how: "hypercall iret", from: 1, pending: 1, mask: 1 }],
  ["back with an event pending, IF off", {
    how: "hypercall iret",
    from: 1,
    pending: 1,
    mask: 1,
    toFlags: 2,
  }],
  ["back with an NMI pending", { how: "hypercall iret", from: 1, nmis: 2 }],
  ["back to a stack that grows down", { how: "iret", from: 1, to: [UCS, USER_GROWS_DOWN] }],
  ["in ring 3 on a stack that grows down", { how: "int3", originStack: USER_GROWS_DOWN }],
  ["back with inner segments", { how: "iret", from: 1, data: [KDS, KDS, OWN_STACK, KDS] }],
  ["back with null segments", { how: "hypercall iret", from: 1, data: [0, 3, 0, 3] }],
  ["back under TF", { how: "hypercall iret", from: 1, toFlags: 0x302 }],
  ["back to VM86", { how: "hypercall iret", from: 1, toFlags: 0x20202 }],
  ["ring 3 to ring 1", { how: "iret", to: [KCS, KDS] }],
  ["a misaligned frame under AC", { how: "iret under AC", esp: 0x7fe }],
  ["a frame across a page's end", { how: "iret", from: 1, esp: 8 }],
  ["a stack that changed in its table", {
    how: "multicall iret",
    from: 1,
    kernelOriginStack: OWN_STACK,
    to: [KCS, KDS],
    change: [2, 7],
  }],
];

Deno.test("the fast ways into the kernel and back at their edges [trap.frame] [iret]", async (t) => {
  for (const options of [0, XEN32_LIMITS]) {
    for (const [name, change] of EDGES) {
      await t.step(
        options ? `${name}, limits of 2007` : name,
        () => compare([{ ...plain, ...change }], options),
      );
    }
  }
});
