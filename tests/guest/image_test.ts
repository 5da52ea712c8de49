// The built-in guests as files: what the domain builder and the crash reports find in them.

import assert from "node:assert/strict";
import * as ix from "iced-x86";
import { parseImage } from "../../core/host/elf/image.ts";
import { asm, assemble, code, eax, fn, Label, ret, u32 } from "../../guest/asm/mod.ts";
import { buildGuests } from "../../guest/build.ts";
import { guestImage } from "../../guest/kernel/image.ts";
import { USER_BASE } from "../../guest/kernel/layout.ts";
import { start } from "../../guest/skiff/main.ts";
import { builtinGuest, builtinGuestNames, DEFAULT_GUEST } from "../../guest/mod.ts";

const skiff = guestImage(start, "skiff");

Deno.test("every built-in guest is an image the builder takes", () => {
  const images = buildGuests();
  assert.deepEqual(Object.keys(images), [...builtinGuestNames]);
  for (const image of Object.values(images)) {
    const { parameters, entry, virtBase } = parseImage(image);
    assert.equal(parameters.source, "notes");
    assert.equal(parameters.pae, "extended");
    assert.equal(parameters.xenVersion, "xen-3.0");
    assert.equal(virtBase, 0xc0000000n);
    assert.equal(entry, 0xc0000000n);
  }
});

Deno.test("an unknown name is refused, also one that every object has", async () => {
  await assert.rejects(builtinGuest("no-such-guest"), /no built-in guest/);
  await assert.rejects(builtinGuest("constructor"), /no built-in guest/);
  assert.deepEqual(await builtinGuest(), await builtinGuest(DEFAULT_GUEST));
});

Deno.test("segments carry the sections to where the program expects them", () => {
  const { segments } = parseImage(skiff.elf);
  const memory = new Uint8Array(Math.max(...segments.map((s) => s.at + s.memsz)));
  for (const s of segments) memory.set(skiff.elf.subarray(s.offset, s.offset + s.filesz), s.at);
  for (const [name, section] of skiff.sections) {
    const at = section.loadAddress - 0xc0000000;
    assert.deepEqual(memory.slice(at, at + section.bytes.length), section.bytes, name);
  }
  assert.equal(skiff.sections.get("user")!.address, USER_BASE);
});

/** The instructions of one section, with the address of each. */
function disassemble(name: "text" | "user"): ix.Instruction[] {
  const { bytes, address } = skiff.sections.get(name)!;
  const decoder = new ix.Decoder(32, bytes, ix.DecoderOptions.None);
  decoder.ip = BigInt(address >>> 0);
  const all: ix.Instruction[] = [];
  while (decoder.canDecode) all.push(decoder.decode());
  return all;
}

Deno.test("the code is i686 code, and every call leads to the start of a function", () => {
  const targets = new Set(skiff.symbols.filter((s) => s.kind === "function").map((s) => s.address));
  const page = skiff.symbols.find((s) => s.name === "hypercall_page")!;
  for (let n = 0; n < 128; n++) targets.add(page.address + 32 * n);
  const allowed = new Set(
    [
      "INTEL8086",
      "INTEL8086_ONLY",
      "INTEL186",
      "INTEL286",
      "INTEL386",
      "INTEL486",
      "CPUID",
      "TSC",
      "CMOV",
      "CX8",
      "MULTIBYTENOP",
      // Only to hand the FPU from one task to the next.
      "FPU",
      "FXSR",
    ].map((n) => (ix.CpuidFeature as unknown as Record<string, number>)[n]),
  );
  let calls = 0;
  for (const instruction of disassemble("text")) {
    assert.notEqual(instruction.code, ix.Code.INVALID);
    for (const feature of instruction.cpuidFeatures()) {
      // The prefix of an emulated CPUID is read as UD2 and two instructions that never run.
      if (!allowed.has(feature)) {
        assert.fail(`${ix.CpuidFeature[feature]} at ${instruction.ip.toString(16)}`);
      }
    }
    if (instruction.isCallNear && instruction.op0Kind === ix.OpKind.NearBranch32) {
      calls++;
      assert(targets.has(Number(instruction.nearBranchTarget)), instruction.ip.toString(16));
    }
  }
  assert(calls > 300);
});

Deno.test("symbols name the functions, from their first byte to their last", () => {
  const { symbols } = parseImage(skiff.elf);
  for (const s of skiff.symbols) {
    if (s.kind !== "function") continue;
    assert.equal(symbols.describe(s.address), s.name);
    if (s.size > 1) {
      assert.equal(
        symbols.describe(s.address + s.size - 1),
        `${s.name}+0x${(s.size - 1).toString(16)}`,
      );
    }
  }
  const text = skiff.sections.get("text")!;
  const trap = skiff.symbols.find((s) => s.name === "trap")!;
  const body = text.bytes.subarray(
    trap.address - text.address,
    trap.address - text.address + trap.size,
  );
  assert.deepEqual([...body.subarray(0, 3)], [0x55, 0x8b, 0xec]); // push ebp; mov ebp, esp
  assert.deepEqual([...body.subarray(-2)], [0xc9, 0xc3]); // leave; ret
});

Deno.test("assembling the same source twice gives the same bytes", () => {
  assert.deepEqual(guestImage(start, "skiff").elf, skiff.elf);
});

Deno.test("user code cannot lean on the kernel, nor anything on what is not there", () => {
  const kernelSide = fn("kernel_side", () => ret(1));
  const userSide = code("user_side", () => asm.call(kernelSide), { section: "user" });
  const main = code("main", () => asm.mov(eax, userSide.label));
  assert.throws(
    () => assemble({ entry: main.label, base: 0xc0000000 }),
    /user code refers to kernel_side/,
  );

  const nowhere = new Label("nowhere");
  const lost = code("lost", () => asm.mov(eax, u32.at(nowhere)));
  assert.throws(
    () => assemble({ entry: lost.label, base: 0xc0000000 }),
    /nowhere is used but not defined/,
  );
});
