/** CPUID: one fixed processor, and no feature without its instructions. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { FEATURES, hiddenFeatures } from "../../core/host/cpuid.ts";
import { R_AX, R_BX, R_CX, R_DX } from "../../core/wasm/layout.ts";
import { KCS, KDS, machine, page, UCS, UDS, USER } from "./machine.ts";
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

/** Hides features; with zeros, none any more. */
function hide({ ecx = 0, edx = 0, extended = 0 }): void {
  assert.equal(x.domain_hide_features(1, ecx, edx, extended), 0);
}
const shown = () => ({
  ecx: cpuid(1).ecx >>> 0,
  edx: cpuid(1).edx >>> 0,
  extended: cpuid(0x80000001).edx >>> 0,
});

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
  assert.equal(cpuid(0x40000003, 2).eax, ecx, "the processor's own, which nothing is scaled to");
  assert.deepEqual(cpuid(0x40000003, 3), { eax: 0, ebx: 0, ecx: 0, edx: 0 });
});

Deno.test("the brand string, and caches that leaf 4 and leaf 0x80000006 agree on", () => {
  const parts = [0x80000002, 0x80000003, 0x80000004].map((leaf) => cpuid(leaf));
  assert.match(text(...parts.flatMap((r) => [r.eax, r.ebx, r.ecx, r.edx])), /^Intel\(R\) Core/);
  const size = (index: number) => {
    const { ebx, ecx } = cpuid(4, index);
    return ((ebx >>> 22) + 1) * (((ebx >> 12) & 0x3ff) + 1) * ((ebx & 0xfff) + 1) * (ecx + 1);
  };
  assert.equal(size(0), 32 << 10);
  assert.equal(size(1), 32 << 10);
  // one of data, one of code, and one of both behind them: type, level
  const kinds = [0, 1, 2].map((index) => cpuid(4, index).eax & 0xff);
  assert.deepEqual(kinds, [1 | 1 << 5, 2 | 1 << 5, 3 | 2 << 5]);
  assert.equal(size(2), (cpuid(0x80000006).ecx >>> 16) << 10);
  assert.equal(cpuid(4, 3).eax & 31, 0);
});

Deno.test("what is hidden is not shown, nor is what needs it, and nothing comes that was not there [cpuid.mask]", () => {
  const all = shown();
  const word = fc.integer();
  fc.assert(fc.property(word, word, word, (ecx, edx, extended) => {
    hide({ ecx, edx, extended });
    const now = shown();
    assert.equal(now.ecx & ~(all.ecx & ~ecx), 0);
    assert.equal(now.edx & ~(all.edx & ~edx), 0);
    assert.equal(now.extended & ~(all.extended & ~extended), 0);
    const e = (bit: number) => now.edx >>> bit & 1, c = (bit: number) => now.ecx >>> bit & 1;
    assert.ok(e(0) >= e(23), "MMX without FPU");
    assert.ok(e(24) >= e(25) && e(25) >= e(26), "SSE2 without SSE, SSE without FXSR");
    assert.ok(e(26) >= c(0) && c(0) >= c(9), "SSSE3 without SSE3, SSE3 without SSE2");
  }));
  hide({ edx: 1 << 26 });
  assert.deepEqual(shown(), { ...all, edx: all.edx & ~(1 << 26), ecx: (all.ecx & ~0x201) >>> 0 });
  hide({ ecx: 1 });
  assert.deepEqual(shown(), { ...all, ecx: (all.ecx & ~0x201) >>> 0 });
  hide({ edx: 1 << 4 });
  assert.equal(shown().extended, all.extended & ~(1 << 27)); // RDTSCP goes with TSC
  hide({ edx: 1 << 6 });
  assert.equal(shown().extended, all.extended & ~(1 << 20)); // NX is a bit of PAE's entries
  hide({});
  assert.deepEqual(shown(), all);
});

Deno.test("the host's names are the processor's features, each at its bit, and no feature is without", () => {
  hide({});
  const all = shown();
  const named = { leaf1Ecx: 0, leaf1Edx: 0, extendedEdx: 0 };
  for (const [name, [word, bit]] of Object.entries(FEATURES)) {
    assert.equal(hiddenFeatures([`no-${name}`])[word], 2 ** bit);
    named[word] |= 1 << bit;
  }
  assert.equal(named.leaf1Ecx >>> 0, all.ecx);
  assert.equal(named.leaf1Edx >>> 0, all.edx);
  assert.equal(named.extendedEdx >>> 0, all.extended);
});

Deno.test("CPUID faulting: the kernel turns it on, its programs fault, by either way to CPUID [cpuid.faulting] [option.cpuid_faulting] [emulate.cpuid] [emulate.forced] [msr.misc]", async () => {
  const m = await machine();
  const FAULTING = 32;
  const MISC_FEATURES = 0x140, PLATFORM_INFO = 0xce;
  const CODE = page(6);
  const run = (bytes: number[], user: boolean, regs: number[] = []) => {
    bytes.forEach((b, n) => m.view(6).setUint8(n, b));
    const [cs, ss, sp] = user ? [UCS, UDS, page(USER) + 0x800] : [KCS, KDS, page(0) + 0x800];
    m.enter(cs, CODE, 2, ss, sp);
    [R_AX, R_CX, R_DX].forEach((r, n) => m.cpu.setUint32(r, regs[n] ?? 0, true));
  };
  const msr = (index: number, write?: number) => {
    run(write === undefined ? [0x0f, 0x32] : [0x0f, 0x30], false, [write ?? 0, index]);
    m.x.insn_privileged();
    return m.fault() || (m.cpu.getUint32(R_AX, true) >>> 0).toString(16);
  };
  const plain = (user: boolean) => {
    run([0x0f, 0xa2], user, [0]);
    m.x.insn_cpuid();
    return m.fault() || m.cpu.getUint32(R_AX, true).toString(16);
  };
  /** The forced-emulation prefix: what it gives, or the vector that its kernel's handler saw and where. */
  const forced = (user: boolean) => {
    run([0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2], user, [0]);
    m.x.probe_fault_set(6, 0);
    m.x.deliver_fault();
    const { eip, esp } = m.state();
    return eip === page(1) ? `d:${m.word(esp)}+${m.word(esp + 4) - CODE}` : `a+${eip - CODE}`;
  };
  m.setTrap(13, 0, KCS, page(1));
  for (const offered of [false, true]) {
    m.x.probe_options(offered ? FAULTING : 0);
    assert.equal(msr(PLATFORM_INFO), offered ? "80000000" : "0");
    assert.equal(msr(MISC_FEATURES), "0");
    assert.equal(msr(MISC_FEATURES, 2), "d:0");
    assert.equal(msr(MISC_FEATURES, 1), offered ? "1" : "d:0");
    assert.equal(msr(MISC_FEATURES), offered ? "1" : "0");
    assert.deepEqual([plain(false), plain(true)], ["a", offered ? "d:0" : "a"]);
    assert.deepEqual([forced(false), forced(true)], ["a+7", offered ? "d:0+5" : "a+7"]);
  }
  assert.equal(msr(MISC_FEATURES, 0), "0");
  assert.equal(plain(true), "a");
  assert.equal(forced(true), "a+7");
});

Deno.test("there is no XSAVE to turn on: CR4.OSXSAVE stays clear, and leaf 1 with it [cpuid.osxsave]", async () => {
  const m = await machine();
  const OSXSAVE = 1 << 18, SHOWN = 1 << 27;
  const kernel = (bytes: number[], eax: number) => {
    bytes.forEach((b, n) => m.view(6).setUint8(n, b));
    m.enter(KCS, page(6), 2, KDS, page(0) + 0x800);
    m.cpu.setUint32(R_AX, eax, true);
    m.x.insn_privileged();
    assert.equal(m.fault(), "");
    return m.cpu.getUint32(R_AX, true);
  };
  kernel([0x0f, 0x22, 0xe0], OSXSAVE);
  assert.equal(kernel([0x0f, 0x20, 0xe0], 0) & OSXSAVE, 0);
  m.cpu.setUint32(R_AX, 1, true);
  m.x.cpuid_into_registers();
  assert.equal(m.cpu.getUint32(R_CX, true) & SHOWN, 0);
});
