/** The rigs translate when they are told to, and what they translate is what runs. */
import assert from "node:assert/strict";
import { Rig } from "./hypercalls/rig.ts";
import { run } from "./traps/selectors.ts";

const DATA = 40;

Deno.test("a rig's guest runs translated when all is, and interpreted when nothing is", async () => {
  for (const always of [true, false]) {
    const rig = await Rig.create(1, always);
    const guest = rig.addGuest().enter();
    const at = [0, 8, 16, 24].map((by) => guest.va(DATA) >>> by & 0xff);
    run(guest, [0xff, 0x05, ...at]); // inc dword [DATA]
    assert.equal(guest.read(guest.va(DATA)), 1);
    assert.equal(rig.translations() > 0, always);
  }
});
