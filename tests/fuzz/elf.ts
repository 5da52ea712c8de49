/**
 * Byte-flipping fuzz of everything that stands between an image file and a domain: gzip, bzImage,
 * ELF, notes, layout and the builder's copying.
 *
 * Each image must be built or refused with one line. Anything else thrown, and anything slow, is a
 * finding.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { buildDomain } from "../../core/host/builder/build.ts";
import { planDomain } from "../../core/host/builder/plan.ts";
import { loadImage } from "../../core/host/elf/image.ts";
import { ImageError } from "../../core/host/elf/image_error.ts";
import { ascii, CODE, gzip, makeBzImage, makeElf, notesWith } from "../host/elf/make_elf.ts";
import { fakeCore } from "../host/builder/fake_core.ts";

/** Pages of the domain: small, so that much does not fit. */
const MEMORY_PAGES = 2048;
/** Longest time one image may take. */
const SLOW = 2000; // ms

/** Images of each kind, to be damaged. */
export async function seeds(): Promise<Uint8Array[]> {
  const sections = [
    { name: ".symtab", type: 2, data: new Uint8Array(64).fill(1), link: 2 },
    { name: ".strtab", type: 3, data: ascii("\0start\0") },
    { name: "__xen_guest", type: 1, data: ascii("LOADER=generic,XEN_VER=xen-3.0,PAE=yes\0") },
  ];
  const notes = notesWith({
    10: "!writable_page_tables|dom0",
    11: "yes",
    15: 0x1000,
    16: 1,
    17: 1,
  });
  const elf = makeElf({ notes, sections });
  const segments = [
    { paddr: 0x1000, data: CODE, memsz: 0x9000 },
    { paddr: 0x3000, data: CODE.subarray(0, 64), memsz: 0x100 },
  ];
  return [
    elf,
    makeElf({ entry: 0, notes: [], sections }),
    makeElf({ notes: notesWith({ 1: 0xc0001000 }), segments }),
    await gzip(elf),
    makeBzImage(await gzip(elf)),
  ];
}

/** What is done to an image: bytes set and words set at places, and a cut. */
export interface Damage {
  seed: number;
  bytes: [number, number][];
  words: [number, number][];
  keep: number;
}

const EDGES = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffff000, 0xc0000000, 0xf5800000];
const anywhere = fc.oneof(fc.nat(250), fc.nat(5000));
export const damage: fc.Arbitrary<Damage> = fc.record({
  seed: fc.nat(),
  bytes: fc.array(fc.tuple(anywhere, fc.nat(255)), { maxLength: 6 }),
  words: fc.array(
    fc.tuple(anywhere, fc.oneof(fc.constantFrom(...EDGES), fc.nat(0xffffffff))),
    { maxLength: 3 },
  ),
  // Most images stay whole.
  keep: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, {
    weight: 1,
    arbitrary: fc.float({
      min: 0,
      max: 1,
      noNaN: true,
    }),
  }),
});

/** Applies damage: places near the end count from the end, where notes and tables lie. */
export function applyDamage(seed: Uint8Array, d: Damage): Uint8Array {
  const image = seed.slice();
  const view = new DataView(image.buffer);
  const place = (at: number, size: number) =>
    (at % 2 ? image.length - size - (at >> 1) % image.length : at >> 1) % (image.length - size);
  for (const [at, value] of d.bytes) image[Math.abs(place(at, 1))] = value;
  for (const [at, value] of d.words) view.setUint32(Math.abs(place(at, 4)), value, true);
  return image.slice(0, Math.ceil(image.length * d.keep));
}

/**
 * Runs one image through loader, plan and builder.
 *
 * @returns whether it was accepted
 * @throws AssertionError for anything but a clean refusal
 */
export async function tryImage(image: Uint8Array): Promise<boolean> {
  const start = performance.now();
  try {
    const loaded = await loadImage(image, { limit: MEMORY_PAGES * 4096 });
    const plan = await planDomain(loaded, { memoryPages: MEMORY_PAGES, ramdisk: CODE });
    await buildDomain(fakeCore(MEMORY_PAGES + 64).core, plan);
    return true;
  } catch (error) {
    assert.ok(error instanceof ImageError, error instanceof Error ? error.stack : String(error));
    assert.match(error.message, /^[ -~…]{5,300}$/);
    return false;
  } finally {
    assert.ok(performance.now() - start < SLOW, "took too long");
  }
}
