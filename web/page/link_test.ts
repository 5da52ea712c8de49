/** A page's address says what to boot, and nothing that is no guest. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { BUILT_IN, DEFAULT_CHOICE, formatLink, parseLink } from "./link.ts";

Deno.test("link: what it is made of is what is read from it", () => {
  const choice = fc.record({
    guest: fc.constantFrom(...BUILT_IN),
    commandLine: fc.string({ unit: "grapheme" }),
    memory: fc.integer({ min: 1, max: 4000 }),
    vcpus: fc.integer({ min: 1, max: 32 }),
  });
  fc.assert(fc.property(choice, (c) => assert.deepEqual(parseLink(formatLink(c)), { ...c })));
});

Deno.test("link: what makes no sense is as if it were not said", () => {
  for (const hash of ["", "#", "#x", "#guest=../x&memory=0&vcpus=33", "#memory=1e2&vcpus=-1"]) {
    assert.deepEqual(parseLink(hash), DEFAULT_CHOICE, hash);
  }
  fc.assert(fc.property(fc.string(), (hash) => {
    const { guest, memory, vcpus } = parseLink(hash);
    assert.ok((BUILT_IN as readonly string[]).includes(guest));
    assert.ok(memory >= 1 && memory <= 4000 && vcpus >= 1 && vcpus <= 32);
  }));
});

Deno.test("link: a file is not what a link can carry", () => {
  const link = formatLink({ ...DEFAULT_CHOICE, guest: "file", memory: 128 });
  assert.equal(parseLink(link).guest, DEFAULT_CHOICE.guest);
  assert.equal(parseLink(link).memory, 128);
});
