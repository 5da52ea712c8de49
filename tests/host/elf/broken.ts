/** Images that must be refused: a name, what the one line must say, and how to make them. */
import {
  ascii,
  CODE,
  GOOD_NOTES,
  gzip,
  join,
  makeBzImage,
  makeElf,
  noteBytes,
  notesWith,
} from "./make_elf.ts";

const u32 = (n: number) => [n & 255, (n >>> 8) & 255, (n >>> 16) & 255, n >>> 24];
const u16 = (n: number) => [n & 255, n >>> 8];
const good = makeElf();
const notesAt = good.length - noteBytes(GOOD_NOTES).length;
const notes = (changes: Parameters<typeof notesWith>[0]) => makeElf({ notes: notesWith(changes) });
const patch = (patch: Record<number, number[]>) => makeElf({ patch });
const segment = (s: object) => makeElf({ segments: [{ paddr: 0, data: CODE, ...s }] });
const guestString = (s: Uint8Array) =>
  makeElf({ notes: [], sections: [{ name: "__xen_guest", type: 1, data: s }] });
const rawNotes = (bytes: Uint8Array) =>
  makeElf({ notes: [], segments: [{ data: CODE }, { type: 4, data: bytes }] });

export const BROKEN: [string, RegExp, () => Uint8Array | Promise<Uint8Array>][] = [
  ["empty", /empty/, () => new Uint8Array()],
  ["one byte", /not an ELF/, () => good.slice(0, 1)],
  ["text", /not an ELF/, () => ascii("# Paravane\n")],
  ["magic only", /ELF header/, () => good.slice(0, 4)],
  ["cut in the identity", /ELF header/, () => good.slice(0, 15)],
  ["cut in the header", /ELF header/, () => good.slice(0, 51)],
  ["cut before the program headers", /program headers/, () => good.slice(0, 52)],
  ["cut in the program headers", /program headers/, () => good.slice(0, 52 + 40)],
  ["cut in the data", /outside the file/, () => good.slice(0, 52 + 64 + 100)],
  ["cut in a note's header", /note/, () => good.slice(0, notesAt + 6)],
  ["cut in a note's value", /note 1/, () => good.slice(0, notesAt + 16)],
  ["cut in the last string", /no end/, () => good.slice(0, -2)],
  ["big-endian", /byte order/, () => patch({ 5: [2] })],
  ["no class", /class 0/, () => patch({ 4: [0] })],
  ["64-bit", /64-bit ELF image \(x86-64\)/, () => patch({ 4: [2], 18: [62, 0] })],
  ["64-bit ARM", /64-bit ARM/, () => patch({ 4: [2], 18: [183, 0] })],
  ["ARM", /built for ARM/, () => patch({ 18: [40, 0] })],
  ["unknown machine", /machine 4660/, () => patch({ 18: [0x34, 0x12] })],
  ["32-bit ELF for x86-64", /built for x86-64/, () => patch({ 18: [62, 0] })],
  ["version 0", /version 0/, () => patch({ 6: [0] })],
  ["relocatable", /ELF type 1/, () => patch({ 16: [1, 0] })],
  ["core file", /ELF type 4/, () => patch({ 16: [4, 0] })],
  ["tiny program headers", /headers of 8 bytes/, () => patch({ 42: u16(8) })],
  ["huge program headers", /program headers/, () => patch({ 42: u16(0xffff) })],
  ["65535 program headers", /65535 program headers/, () => patch({ 44: u16(0xffff) })],
  ["program headers at the end of the world", /program/, () => patch({ 28: u32(0xfffffff0) })],
  ["section headers outside", /section headers/, () => patch({ 32: u32(1e6), 48: u16(3) })],
  ["no program headers", /neither Xen notes/, () => patch({ 44: u16(0) })],
  ["no load segment", /no segment to load/, () => makeElf({ segments: [] })],
  ["load segment without rights", /no segment to load/, () => segment({ flags: 0 })],
  ["data offset outside", /load segment 0/, () => segment({ offset: 0xfffff000 })],
  ["data size outside", /load segment 0/, () => segment({ filesz: 0x7fffffff })],
  ["more file than memory", /more bytes in the file/, () => segment({ memsz: 10 })],
  ["memory bomb", /the kernel needs 4096 MiB/, () => segment({ memsz: 0xfffff000 })],
  ["memory bomb at the top", /reaches|MiB/, () => segment({ memsz: 0x3fff0000 })],
  ["far physical address", /below the kernel/, () =>
    makeElf({
      segments: [{ paddr: 0x3000_0000, data: CODE }],
      notes: notesWith({ 1: 0xf0000000 }),
    })],
  [
    "overlapping segments",
    /overlap/,
    () => makeElf({ segments: [1, 2, 3].map(() => ({ paddr: 0, data: CODE })) }),
  ],
  [
    "a thousand overlapping segments",
    /overlap/,
    () =>
      makeElf({ segments: Array.from({ length: 1000 }, () => ({ paddr: 0, memsz: 0x1000000 })) }),
  ],
  [
    "segment not page-aligned",
    /not page-aligned/,
    () => makeElf({ segments: [{ paddr: 0x10, data: CODE }], notes: notesWith({ 1: 0xc0000010 }) }),
  ],
  ["entry below", /entry point/, () => notes({ 1: 0xbffff000 })],
  ["entry above", /entry point/, () => notes({ 1: 0xc0004001 })],
  ["entry far above 4 GiB", /entry point/, () => notes({ 1: 0x1_c000_0000n })],
  [
    "VIRT_BASE above the kernel",
    /VIRT_BASE/,
    () => makeElf({ notes: notesWith({ 1: 0xbfff0000, 4: 0x10000 }) }),
  ],
  [
    "kernel wraps around",
    /wraps|VIRT_BASE|outside/,
    () => notes({ 1: 0, 3: 0xffff_ffff_ffff_e000n }),
  ],
  [
    "VIRT_BASE in the hole",
    /hypervisor's own range/,
    () => makeElf({ notes: notesWith({ 1: 0xf6000000, 2: undefined, 3: 0xf6000000 }) }),
  ],
  [
    "VIRT_BASE beyond 32 bits",
    /hypervisor's own range/,
    () => notes({ 1: 0x1_0000_0000n, 2: undefined, 3: 0x1_0000_0000n }),
  ],
  ["PADDR_OFFSET alone", /without VIRT_BASE/, () => notes({ 3: undefined, 4: 0 })],
  ["INIT_P2M in the kernel", /INIT_P2M/, () => notes({ 15: 0xc0002000 })],
  ["HYPERCALL_PAGE outside", /HYPERCALL_PAGE/, () => notes({ 2: 0xd0000000 })],
  ["HYPERCALL_PAGE below", /HYPERCALL_PAGE/, () => notes({ 2: 0x1000 })],
  ["HYPERCALL_PAGE in the page tables", /page tables/, () => notes({ 2: 0xc0017000 })],
  ["no notes", /neither Xen notes/, () => makeElf({ notes: [] })],
  [
    "only other owners' notes",
    /neither Xen notes/,
    () => makeElf({ notes: GOOD_NOTES.map((n) => ({ ...n, owner: "name" })) }),
  ],
  ["no loader", /LOADER/, () => notes({ 8: undefined })],
  ["another loader", /LOADER "lilo"/, () => notes({ 8: "lilo" })],
  ["no Xen version", /XEN_VERSION ""/, () => notes({ 5: undefined })],
  ["Xen 2", /XEN_VERSION "xen-2.0"/, () => notes({ 5: "xen-2.0" })],
  ["not PAE", /not built for PAE/, () => notes({ 9: undefined })],
  ["unknown required feature", /requires "fly"/, () => notes({ 10: "!fly" })],
  ["dom0 required", /requires dom0/, () => notes({ 10: "!dom0" })],
  [
    "note of absurd name size",
    /note/,
    () => rawNotes(new Uint8Array([...u32(0xffffffff), ...u32(4), ...u32(5), ...ascii("Xen\0")])),
  ],
  ["string note without end", /no end/, () =>
    rawNotes(join([
      noteBytes(GOOD_NOTES),
      new Uint8Array([...u32(4), ...u32(4), ...u32(6), ...ascii("Xen\0"), 65, 65, 65, 65]),
    ]))],
  [
    "endless string note",
    /no end/,
    () => rawNotes(noteBytes([{ type: 6, value: "A".repeat(5000) }])),
  ],
  ["control characters in a note", /LOADER "\?\[2\?"/, () => notes({ 8: "\x1b[2\n" })],
  ["too many notes", /more than 65536/, () => rawNotes(new Uint8Array(12 * 70000))],
  ["note segment longer than the file", /note/, () =>
    makeElf({
      segments: [{ data: CODE }, { type: 4, data: ascii("x"), filesz: 0x7fffffff }],
      notes: [],
    })],
  ["__xen_guest without end", /no end/, () => guestString(ascii("A".repeat(5000)))],
  ["empty __xen_guest", /LOADER/, () => guestString(ascii("\0"))],
  [
    "__xen_guest for another Xen",
    /XEN_VERSION/,
    () => guestString(ascii("LOADER=generic,XEN_VER=xen-2.0\0")),
  ],
  [
    "__xen_guest not PAE",
    /not built for PAE/,
    () => guestString(ascii("LOADER=generic,XEN_VER=xen-3.0\0")),
  ],
  ["gzip cut in its header", /gzip/, async () => (await gzip(good)).slice(0, 5)],
  ["gzip cut in its data", /gzip/, async () => (await gzip(good)).slice(0, 60)],
  ["gzip without its trailer", /gzip/, async () => (await gzip(good)).slice(0, -4)],
  ["gzip with a wrong checksum", /gzip/, async () => {
    const packed = await gzip(good);
    packed[packed.length - 8] ^= 1;
    return packed;
  }],
  ["gzip with a flipped byte", /gzip/, async () => {
    const packed = await gzip(good);
    packed[packed.length >> 1] ^= 0xff;
    return packed;
  }],
  ["gzip bomb", /unpacks to more than \d+ MiB/, () => gzip(new Uint8Array(260 << 20))],
  ["gzip of text", /not an ELF/, () => gzip(ascii("hello"))],
  ["gzip of nothing", /empty/, () => gzip(new Uint8Array())],
  ["gzip of gzip", /not an ELF/, async () => await gzip(await gzip(good))],
  ["old bzImage", /boot protocol 2.3/, () => makeBzImage(good, 0x203)],
  [
    "bzImage packed with XZ",
    /is XZ/,
    () => makeBzImage(new Uint8Array([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])),
  ],
  ["bzImage cut short", /payload/, () => makeBzImage(good).slice(0, 3000)],
  ["bzImage with damaged gzip", /gzip/, async () => makeBzImage((await gzip(good)).slice(0, 80))],
];
