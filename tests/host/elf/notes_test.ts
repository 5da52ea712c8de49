import assert from "node:assert/strict";
import { parseImage } from "../../../core/host/elf/image.ts";
import { ascii, CODE, makeElf, noteBytes, notesWith } from "./make_elf.ts";

const parameters = (changes: Parameters<typeof notesWith>[0]) =>
  parseImage(makeElf({ notes: notesWith(changes) })).parameters;
const guest = (s: string, extra = {}) =>
  makeElf({
    notes: [],
    segments: [{ paddr: 0xc0000000, data: CODE, memsz: 0x4000 }],
    sections: [{ name: "__xen_guest", type: 1, data: ascii(s + "\0") }],
    ...extra,
  });
const MACH = "GUEST_OS=GNU Mach,GUEST_VERSION=1.3,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000," +
  "ELF_PADDR_OFFSET=0xC0000000,HYPERCALL_PAGE=0x2,PAE=yes[extended-cr3],LOADER=generic," +
  "FEATURES=pae_pgdir_above_4gb";

Deno.test("notes of a guest that boots", () => {
  const image = parseImage(makeElf());
  assert.equal(image.guestType, "xen-3.0-x86_32p");
  assert.equal(image.virtBase, 0xc0000000n);
  assert.equal(image.kernelStart, 0xc0000000n);
  assert.equal(image.kernelEnd, 0xc0004000n);
  assert.equal(image.entry, 0xc0000000n);
  assert.equal(image.parameters.hypercallPage, 0xc0001000n);
  assert.equal(image.parameters.pae, "extended");
});

Deno.test("numbers are 1, 2, 4 or 8 bytes wide; any other size reads as zero", () => {
  const base = (bytes: number[]) => parameters({ 16: new Uint8Array(bytes) }).modStartPfn;
  assert.equal(base([1]), true);
  assert.equal(base([0, 1]), true);
  assert.equal(base([0, 0, 0, 1]), true);
  assert.equal(base([0, 0, 0, 0, 0, 0, 0, 1]), true);
  assert.equal(base([1, 1, 1]), false);
  assert.equal(base([]), false);
  assert.equal(base(new Array(16).fill(1)), false);
  assert.equal(parameters({ 3: 0xc0000000n }).virtBase, 0xc0000000n);
});

Deno.test("without VIRT_BASE frame 0 is at address 0, and the entry comes from the ELF header", () => {
  const image = parseImage(makeElf({
    entry: 0x100010,
    segments: [{ paddr: 0x100000, data: CODE }],
    notes: notesWith({ 1: undefined, 2: undefined, 3: undefined, 4: undefined }),
  }));
  assert.equal(image.virtBase, 0n);
  assert.equal(image.kernelStart, 0x100000n);
  assert.equal(image.entry, 0x100010n);
  assert.equal(image.parameters.hypercallPage, undefined);
});

Deno.test("PADDR_OFFSET is taken off the physical addresses", () => {
  const image = parseImage(makeElf({
    segments: [{ paddr: 0xc0100000, data: CODE }],
    notes: notesWith({ 1: 0xc0100000, 4: 0xc0000000 }),
  }));
  assert.equal(image.kernelStart, 0xc0100000n);
  assert.equal(image.segments[0].at, 0);
});

Deno.test("PAE_MODE: yes, bimodal and nothing else", () => {
  assert.equal(parameters({ 9: "yes" }).pae, "extended");
  assert.equal(parameters({ 9: "yes,bimodal" }).pae, "bimodal");
  assert.throws(() => parameters({ 9: "yes[extended-cr3]" }), /not built for PAE/);
  assert.throws(() => parameters({ 9: "no" }), /not built for PAE/);
});

Deno.test("FEATURES: required, supported, unknown, overlong", () => {
  const p = parameters({ 10: "!writable_page_tables|pae_pgdir_above_4gb|nonsense", 17: 0x8000 });
  assert.equal(p.required, 1);
  assert.equal(p.supported, 0x8011);
  assert.throws(() => parameters({ 10: "pae_pgdir_above_4gb|!nonsense" }), /requires "nonsense"/);
  assert.throws(() => parameters({ 10: "!dom0" }), /requires dom0/);
  assert.throws(() => parameters({ 10: "!auto_translated_physmap" }), /requires auto_translated/);
  // Pieces of 63 characters: the last one is a name of its own.
  assert.equal(parameters({ 10: "x".repeat(63) + "dom0" }).supported, 1 << 11);
  assert.equal(parameters({ 10: "" }).supported, 0);
});

Deno.test("a Linux guest need not name the generic loader", () => {
  assert.equal(parameters({ 8: undefined, 6: "linux" }).guestOs, "linux");
  assert.throws(() => parameters({ 8: "grub", 6: "Linux" }), /LOADER/);
});

Deno.test("notes of other owners and unknown types are passed over", () => {
  const p = parseImage(makeElf({
    notes: [
      { type: 3, value: 1, owner: "GNU" },
      { type: 3, value: 1, owner: "Xenon" },
      { type: 999, value: 7 },
      { type: 13, value: new Uint8Array(16) },
      ...notesWith({}),
    ],
  })).parameters;
  assert.equal(p.virtBase, 0xc0000000n);
});

Deno.test("note sections count when no note segment has one of Xen's", () => {
  const other = [{ type: 3, value: 1, owner: "GNU" }];
  const sections = [{ name: ".note", type: 7, data: noteBytes(notesWith({ 6: "section" })) }];
  assert.equal(parseImage(makeElf({ notes: other, sections })).parameters.guestOs, "section");
  assert.equal(parseImage(makeElf({ sections })).parameters.guestOs, "test");
});

Deno.test("a note segment at offset 0 is passed over", () => {
  const segments = [{ paddr: 0, data: CODE }, { type: 4, data: CODE, offset: 0 }];
  assert.equal(parseImage(makeElf({ segments })).parameters.guestOs, "test");
});

Deno.test("__xen_guest as GNU Mach has it", () => {
  const image = parseImage(guest(MACH));
  assert.equal(image.parameters.source, "__xen_guest");
  assert.equal(image.parameters.hypercallPage, 0xc0002000n);
  assert.equal(image.parameters.guestVersion, "");
  assert.equal(image.parameters.pae, "extended");
  assert.equal(image.kernelStart, 0xc0000000n);
});

Deno.test("__xen_guest: PADDR_OFFSET is VIRT_BASE when absent, PAE=yes is plain", () => {
  const image = parseImage(
    guest("LOADER=generic,XEN_VER=xen-3.0,VIRT_BASE=0xC0000000,PAE=yes[x],BSD_SYMTAB"),
  );
  assert.equal(image.kernelStart, 0xc0000000n);
  assert.equal(image.parameters.pae, "plain");
  assert.equal(image.parameters.bsdSymtab, true);
});

Deno.test("__xen_guest: overlong names and values are split, bases are C's", () => {
  const { parameters: p } = parseImage(guest(
    `LOADER=generic,XEN_VER=xen-3.0,PAE=yes,${"N".repeat(31)}GUEST_OS=split,` +
      `GUEST_VER=${"v".repeat(127)}LOADER=generic2,VIRT_BASE=030000000000`,
  ));
  assert.equal(p.guestOs, "split");
  assert.equal(p.guestVersion.length, 127);
  assert.equal(p.loader, "generic2");
  assert.equal(p.virtBase, 0xc0000000n);
});
