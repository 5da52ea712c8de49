/** CPUID: one fixed processor, and no feature without its instructions. */
import assert from "node:assert/strict";
import { R_AX, R_BX, R_CX, R_DX } from "../../core/wasm/layout.ts";
import { probe } from "./probe.ts";

const { x, cpu } = await probe();

function cpuid(leaf: number, index = 0): { eax: number; ebx: number; ecx: number; edx: number } {
  cpu.setUint32(R_AX, leaf, true);
  cpu.setUint32(R_CX, index, true);
  x.cpuid_into_registers();
  const [eax, ebx, ecx, edx] = [R_AX, R_BX, R_CX, R_DX].map((r) => cpu.getUint32(r, true));
  return { eax, ebx, ecx, edx };
}

function text(...words: number[]): string {
  const bytes = new Uint8Array(new Uint32Array(words).buffer);
  return new TextDecoder().decode(bytes).replace(/\0+$/, "");
}

Deno.test("GenuineIntel, family 6, model 15", () => {
  const { eax, ebx, ecx, edx } = cpuid(0);
  assert.equal(text(ebx, edx, ecx), "GenuineIntel");
  assert.ok(eax >= 4);
  assert.equal((cpuid(1).eax >> 8) & 15, 6);
  assert.equal(((cpuid(1).eax >> 4) & 15) | ((cpuid(1).eax >> 12) & 0xf0), 15);
});

Deno.test("features that Xen hides from a 32-bit guest are hidden [cpuid.hidden] [cpuid.shown]", () => {
  const { ebx, ecx, edx } = cpuid(1);
  for (const bit of [1, 3, 11, 12, 13, 17, 18, 21, 22, 28, 29, 31]) {
    assert.ok(!((edx >>> bit) & 1), `EDX ${bit}`);
  }
  for (const bit of [0, 2, 4, 5, 6, 7, 8, 9, 14, 15, 16, 19, 24]) {
    assert.ok((edx >>> bit) & 1, `EDX ${bit}`);
  }
  assert.equal(ecx & ~0x00080201, 0x80000000 | 0); // SSE3, SSSE3 and SSE4.1 may come
  assert.equal(ebx >>> 24, 0);
  assert.deepEqual(cpuid(7), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
  const extended = cpuid(0x80000001);
  assert.equal((extended.edx >>> 20) & 1, 1); // NX
  assert.equal((extended.edx >>> 29) & 1, 0); // LM
  assert.equal((extended.edx >>> 11) & 1, 0); // SYSCALL
  assert.equal((cpuid(0x80000008).eax >> 8) & 0xff, 32);
});

Deno.test("Xen's leaves [cpuid.hypervisor]", () => {
  const base = cpuid(0x40000000);
  assert.equal(base.eax, 0x40000005);
  assert.equal(text(base.ebx, base.ecx, base.edx), "XenVMMXenVMM");
  assert.equal(cpuid(0x40000001).eax, 0x00040011);
  assert.deepEqual(cpuid(0x40000002), { eax: 1, ebx: 0x40000000, ecx: 1, edx: 0 });
  assert.equal(cpuid(0x40000005).ebx, 12 + 7); // 64 frames take 7 bits to count
  for (const leaf of [0x40000004, 0x40000006, 0x400000ff, 0x40000100, 0x400001ff]) {
    assert.deepEqual(cpuid(leaf), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
  }
});

Deno.test("the TSC leaf says what pvclock's scale says: a tick is a nanosecond", () => {
  const { ecx } = cpuid(0x40000003, 0);
  const { ecx: mul, edx: shift } = cpuid(0x40000003, 1);
  assert.equal(ecx, 1_000_000);
  assert.equal((mul / 2 ** 32) * 2 ** shift, 1);
});

Deno.test("the brand string, and caches that leaf 4 and leaf 0x80000006 agree on", () => {
  const parts = [0x80000002, 0x80000003, 0x80000004].map((leaf) => cpuid(leaf));
  assert.match(text(...parts.flatMap((r) => [r.eax, r.ebx, r.ecx, r.edx])), /^Intel\(R\) Core/);
  const size = (index: number) => {
    const { ebx, ecx } = cpuid(4, index);
    return ((ebx >>> 22) + 1) * (((ebx >> 12) & 0x3ff) + 1) * ((ebx & 0xfff) + 1) * (ecx + 1);
  };
  assert.equal(size(0), 32 << 10);
  assert.equal(size(2), (cpuid(0x80000006).ecx >>> 16) << 10);
  assert.equal(cpuid(4, 3).eax & 31, 0);
});
