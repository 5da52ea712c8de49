import assert from "node:assert/strict";
import { buildDomain, BuildError } from "../../../core/host/builder/build.ts";
import { type DomainConfig, planDomain } from "../../../core/host/builder/plan.ts";
import { loadImage } from "../../../core/host/elf/image.ts";
import { folder, readGolden } from "../../conformance/golden.ts";
import { gzip, makeElf, notesWith } from "../elf/make_elf.ts";
import { fakeCore } from "./fake_core.ts";
import { Observer } from "./observe.ts";

const MIB = 256; // pages

async function build(bytes: Uint8Array, config: Partial<DomainConfig> = {}) {
  const plan = await planDomain(await loadImage(bytes), { memoryPages: 64 * MIB, ...config });
  const fake = fakeCore(plan.layout.totalPages + 64);
  return { plan, fake, observer: new Observer(fake, await buildDomain(fake.core, plan)) };
}

Deno.test("the conformance guest finds what real Xen's builder gave it [domain.start]", async () => {
  const { observer } = await build(Deno.readFileSync(new URL("pv32.elf", folder())));
  const golden = new Map(readGolden("domU").map((e) => [e.key, e.line]));
  const lines = observer.lines(0xc00d3000);
  assert.equal(lines.length, 25);
  for (const line of lines) assert.equal(line, golden.get(line.slice(0, line.indexOf(":"))));
});

Deno.test("a guest at address 0 gets level 2 tables up to the top slot", async () => {
  const { observer, plan } = await build(makeElf({ notes: notesWith({ 1: 0, 2: 0x1000, 3: 0 }) }));
  assert.deepEqual(plan.layout.tables.map((t) => [t.level, t.count]), [[3, 1], [2, 4], [1, 2]]);
  assert.equal(observer.info(0x40), 7);
  for (const slot of [0, 1, 2, 3]) {
    assert.equal(observer.entry(observer.topTable, slot) & 0xfffn, 0x67n);
  }
  assert.equal(observer.leaf(0) & 0xfffn, 0x23n);
  assert.equal(observer.pfnAt(0x3ff000), 0x3ff);
  assert.equal(observer.leaf(0x400000), 0n);
  assert.equal(observer.leaf(observer.info(0x3c)) & 0xfffn, 0x21n);
});

Deno.test("a mapping that would end on a 4 MiB boundary gains another 4 MiB", async () => {
  // Memory 64 MiB: the P2M list takes 16 pages, start_info and rings 3, stack and slack 129.
  for (const [tables, mapped] of [[4, 1024], [6, 2048]]) {
    const kernelPages = 1024 - 16 - 3 - 129 - 4 + (mapped === 2048 ? 1 : 0);
    const { plan } = await build(makeElf({
      segments: [{ paddr: 0, memsz: kernelPages * 4096 }],
    }));
    assert.equal(plan.layout.mappedPages, mapped);
    assert.equal(plan.layout.pageTables.count, tables);
  }
  const exact = await build(
    makeElf({ segments: [{ paddr: 0, memsz: (1024 - 16 - 3 - 129) * 4096 }] }),
  );
  assert.equal(exact.plan.layout.mappedPages, 2048);
});

Deno.test("the hypercall page holds 128 entries, and leaves the rest of each slot alone [hypercall.page]", async () => {
  const code = new Uint8Array(0x3000).fill(0xcc);
  const { observer, fake, plan } = await build(makeElf({ segments: [{ data: code }] }));
  const page = fake.core.frame(observer.built.mfns[plan.layout.hypercallPfn!]);
  assert.deepEqual([...page.subarray(0x20 * 17, 0x20 * 17 + 9)], [
    0xb8,
    17,
    0,
    0,
    0,
    0xcd,
    0x82,
    0xc3,
    0xcc,
  ]);
  assert.deepEqual([...page.subarray(0x20 * 23, 0x20 * 23 + 9)], [
    0x50,
    0xb8,
    23,
    0,
    0,
    0,
    0xcd,
    0x82,
    0xcc,
  ]);
  assert.equal(page[0x20 * 127 + 1], 127);
  const other = fake.core.frame(observer.built.mfns[plan.layout.hypercallPfn! + 1]);
  assert.ok(other.every((b) => b === 0xcc));
});

Deno.test("segments lie where their physical addresses say, later ones over earlier ones", async () => {
  const fill = (length: number, byte: number) => new Uint8Array(length).fill(byte);
  const { observer, fake } = await build(makeElf({
    segments: [
      { paddr: 0x2000, data: fill(0x3000, 1) },
      { paddr: 0x3ff0, data: fill(0x20, 2), memsz: 0x100 },
    ],
    notes: notesWith({ 1: 0xc0002000 }),
  }));
  const byte = (pa: number) => fake.core.frame(observer.built.mfns[pa >> 12])[pa & 0xfff];
  assert.deepEqual(
    [0x1fff, 0x2000, 0x3fef, 0x3ff0, 0x400f, 0x4010, 0x40ef, 0x40f0, 0x4fff]
      .map(byte),
    [0, 1, 1, 2, 2, 0, 0, 1, 1],
  );
});

Deno.test("start_info: command line, memory, ports", async () => {
  const { observer, plan } = await build(makeElf(), {
    commandLine: "a=1 b",
    memoryPages: 32 * MIB,
  });
  const text = new TextDecoder().decode(
    new Uint8Array(observer.startInfo.buffer, observer.startInfo.byteOffset + 0x50, 6),
  );
  assert.equal(text, "a=1 b\0");
  assert.equal(observer.info(0x20), 32 * MIB);
  assert.equal(plan.maxPages, 32 * MIB + 256);
  const long = await build(makeElf(), { commandLine: "x".repeat(3000) });
  assert.equal(long.observer.startInfo.getUint8(0x50 + 1022), 0x78);
  assert.equal(long.observer.startInfo.getUint8(0x50 + 1023), 0);
});

Deno.test("a ramdisk lies mapped behind the kernel, unpacked if it was gzip", async () => {
  const disk = Uint8Array.from({ length: 5000 }, (_, i) => i * 7);
  for (const [given, length] of [[disk, 5000], [await gzip(disk), 5016]] as const) {
    const { observer, fake, plan } = await build(makeElf(), { ramdisk: given });
    assert.equal(observer.info(0x28), 0);
    assert.equal(observer.info(0x4c), length);
    assert.equal(observer.info(0x48), 0xc0004000);
    assert.equal(plan.layout.p2m.pfn, 6);
    const pages = [4, 5].map((pfn) => fake.core.frame(observer.built.mfns[pfn]));
    assert.deepEqual(Buffer.concat(pages).subarray(0, 5000), Buffer.from(disk));
  }
});

Deno.test("with MOD_START_PFN the ramdisk lies outside the mapping, in whole pages", async () => {
  const image = makeElf({ notes: notesWith({ 16: 1 }) });
  const { observer, fake, plan } = await build(image, { ramdisk: new Uint8Array(5000).fill(9) });
  assert.equal(observer.info(0x28), 8);
  assert.equal(observer.info(0x48), plan.layout.mappedPages);
  assert.equal(observer.info(0x4c), 8192);
  assert.equal(fake.core.frame(observer.built.mfns[plan.layout.mappedPages + 1])[903], 9);
  assert.equal(observer.leaf(0xc0000000 + plan.layout.mappedPages * 4096), 0n);
});

Deno.test("a guest that knows rotated CR3s starts with that assist on, another does not", async () => {
  const assist = async (notes: ReturnType<typeof notesWith>) =>
    (await build(makeElf({ notes }))).fake.context().getUint32(0xaec, true);
  assert.equal(await assist(notesWith({ 9: "yes" })), 8);
  assert.equal(await assist(notesWith({ 9: "bimodal" })), 8);
});

Deno.test("BSD symbols follow the kernel [xsa.194]", async () => {
  const names = new TextEncoder().encode("\0start\0");
  const symbols = new Uint8Array(32).fill(1);
  const { observer, fake, plan } = await build(makeElf({
    segments: [{ paddr: 0, data: new Uint8Array(0x1002).fill(0xf4) }],
    sections: [
      { name: ".symtab", type: 2, data: symbols, link: 2 },
      { name: ".strtab", type: 3, data: names },
    ],
    notes: notesWith({ 2: undefined, 11: "yes" }),
  }));
  const page = fake.core.frame(observer.built.mfns[1]);
  const view = new DataView(page.buffer, page.byteOffset, 4096);
  assert.equal(view.getUint32(4, true), 52 + 3 * 40 + 32 + 7);
  assert.equal(view.getUint32(8, true), 0x464c457f);
  const section = 8 + 52 + 2 * 40;
  const stringsAt = 8 + view.getUint32(section + 16, true);
  assert.deepEqual([...page.subarray(stringsAt, stringsAt + 7)], [...names]);
  assert.equal(plan.image.kernelEnd, 0xc0001000n + 4n + 4n + 212n);
});

Deno.test("what the core refuses ends the unfinished domain", async () => {
  const plan = await planDomain(await loadImage(makeElf()), { memoryPages: 16 * MIB });
  for (const step of ["domain_populate", "host_evtchn_alloc", "domain_pin", "vcpu_set_context"]) {
    const fake = fakeCore(5000, step);
    await assert.rejects(buildDomain(fake.core, plan), BuildError);
    assert.equal(fake.calls.at(-1), "domain_destroy");
  }
  const fake = fakeCore(5000, "domain_create");
  await assert.rejects(buildDomain(fake.core, plan), BuildError);
  assert.deepEqual(fake.calls, ["domain_create"]);
});

Deno.test("too little memory is said before a domain exists", async () => {
  const plan = (pages: number, config = {}) =>
    loadImage(makeElf()).then((i) => planDomain(i, { memoryPages: pages, ...config }));
  await assert.rejects(plan(3), /the kernel needs/);
  await assert.rejects(plan(1023), /the initial mapping needs/);
  assert.equal((await plan(1024)).layout.mappedPages, 1024);
  await assert.rejects(
    plan(1024, { ramdisk: new Uint8Array(5 << 20) }),
    /the ramdisk has 5120 KiB/,
  );
  await assert.rejects(plan(0), /MiB/);
});
