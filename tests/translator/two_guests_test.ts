/** Translated code of several guests that take turns: what a region keeps of pages never leads into another guest's. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { MACHINE, PAGE_INFO, PAGE_INFO_SIZE } from "../../core/wasm/layout.ts";
import { DirectBuilder } from "../../jit/translator/direct.ts";
import { Translator, type TranslatorCore } from "../../jit/translator/mod.ts";
import { createMachine, type Machine } from "../../mod.ts";
import { BASE, Bytes, CODE, guestImage } from "../guests/random_code.ts";

const DATA = BASE + 0x2000;
const GUESTS = 3, SLICES = 60;
/** What guest n writes over and over, and nobody else. */
const mark = (n: number) => 0x5ec2e700 + n;

/** Writes its mark into a page of its own, for ever; the same addresses in every guest. */
function marking(n: number): Uint8Array {
  return guestImage((image) => {
    const b = new Bytes(image, CODE - BASE);
    b.put(0xb8).dword(mark(n)); // mov eax, mark
    const top = b.at;
    b.put(0xa3).dword(DATA + 0x40); // mov [DATA + 0x40], eax
    b.put(0xff, 0x05).dword(DATA + 0x44); // inc dword [DATA + 0x44]
    b.put(0xe9).dword(top - (b.at + 4));
  });
}

/** How often 32 bits stand in the frames that a domain owns. */
function found(machine: Machine, domid: number, word: number): number {
  const view = machine.core.view();
  const all = Buffer.from(machine.core.exports.memory.buffer);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(word);
  let times = 0;
  for (let mfn = 1; mfn < (machine.core.exports.machine_size() as number); mfn++) {
    const info = PAGE_INFO + mfn * PAGE_INFO_SIZE;
    if (!view.getUint32(info, true) || view.getUint32(info + 12, true) !== domid) continue;
    const frame = all.subarray(MACHINE + mfn * 4096, MACHINE + (mfn + 1) * 4096);
    for (let at = frame.indexOf(bytes); at >= 0; at = frame.indexOf(bytes, at + 4)) times++;
  }
  return times;
}

Deno.test("guests that take turns in translated code write into their own pages alone", async () => {
  const machine = await createMachine({ time: "virtual", jit: "off" });
  machine.stop(); // its own loop would run the guests
  const ids: number[] = [];
  for (let n = 0; n < GUESTS; n++) {
    const domain = await machine.addDomain(marking(n), { memory: 4, paused: true });
    machine.core.exports.domain_unpause(domain.id);
    ids.push(domain.id);
  }
  const translator = new Translator(machine.core.exports as unknown as TranslatorCore, {
    hot: 1,
    exits: 1,
    alike: 1,
    builder: new DirectBuilder(),
  });
  let time = 0n;
  for (let n = 0; n < SLICES; n++) {
    machine.core.exports.machine_run(time, 100_000);
    time += 100_000n;
    translator.sample();
    assert.equal(translator.failure, "");
    if (n < SLICES - 2 * GUESTS) continue;
    for (const [guest, id] of ids.entries()) {
      const times = ids.map((_, of) => found(machine, id, mark(of)));
      // its image was copied, so the mark stands in the code and in the data
      assert.deepEqual(times, ids.map((_, of) => of === guest ? 2 : 0), `guest ${guest}`);
    }
  }
  assert.ok(translator.count >= GUESTS, `${translator.count} regions`);
  translator.stop();
});
