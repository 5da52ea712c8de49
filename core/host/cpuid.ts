/**
 * What a user takes away from the processor that a guest sees, in the words of xl.cfg's `cpuid`: by
 * feature (`host,sse3=0`, or `no-sse3`), or by register (`1:ecx=xxxx…0`). Nothing can be added.
 */
import { ParavaneError } from "./error.ts";

/** Words of feature bits that the processor shows something in; the core is told by these. */
export type FeatureWord = "leaf1Ecx" | "leaf1Edx" | "extendedEdx";

/** Bits to hide in each word. The core hides what needs them as well. */
export type HiddenFeatures = Record<FeatureWord, number>;

/** A mask that cannot be read, or that asks for what there is not. One line. */
export class CpuidError extends ParavaneError {
  /** "CpuidError". */
  override readonly name = "CpuidError";
  /** Always "cpuid". */
  readonly code = "cpuid";
}

const EXTENDED_LEAF = 0x80000001;

/** Features the processor has, by xl's names: the word and the bit. */
export const FEATURES: Readonly<Record<string, readonly [FeatureWord, number]>> = {
  ...named("leaf1Ecx", { sse3: 0, ssse3: 9, hypervisor: 31 }),
  ...named("leaf1Edx", {
    fpu: 0,
    de: 2,
    tsc: 4,
    msr: 5,
    pae: 6,
    mce: 7,
    cmpxchg8: 8,
    apic: 9,
    mca: 14,
    cmov: 15,
    pat: 16,
    clfsh: 19,
    mmx: 23,
    fxsr: 24,
    sse: 25,
    sse2: 26,
  }),
  ...named("extendedEdx", { nx: 20, rdtscp: 27 }),
};

/** Other names that are in use for some of them. */
const ALIASES: Record<string, string> = { cx8: "cmpxchg8", clflush: "clfsh" };

/** Names that xl knows and this processor has nothing for: to hide them is nothing to do. */
const ABSENT = new Set(
  ("vme pse sysenter sep mtrr pge pse36 psn ds acpi ss htt tm ia64 pbe pclmulqdq dtes64 monitor dscpl " +
    "vmx smx est tm2 cntxid fma cmpxchg16 cx16 xtpr pdcm pcid dca sse4_1 sse4_2 x2apic movbe popcnt " +
    "tsc_deadline aes xsave osxsave avx f16c rdrand syscall mmxext ffxsr page1gb lm 3dnow 3dnowext " +
    "lahfsahf lahf_lm cmplegacy svm extapic altmovcr8 abm sse4a misalignsse 3dnowprefetch osvw ibs xop " +
    "skinit wdt lwp fma4 nodeid tbm topoext perfctr_core perfctr_nb fsgsbase tsc_adjust bmi1 hle avx2 " +
    "smep bmi2 erms invpcid rtm cmt mpx avx512f rdseed adx smap clflushopt clwb sha umip pku invtsc")
    .split(" "),
);

/** Registers of features: their word, or null where the processor shows nothing. */
const REGISTERS: Record<string, FeatureWord | null> = {
  "1:ecx": "leaf1Ecx",
  "1:edx": "leaf1Edx",
  [`${EXTENDED_LEAF}:edx`]: "extendedEdx",
  [`${EXTENDED_LEAF}:ecx`]: null,
  "7:ebx": null,
  "7:ecx": null,
  "7:edx": null,
};

function named(word: FeatureWord, bits: Record<string, number>) {
  return Object.fromEntries(
    Object.entries(bits).map(([name, bit]) => [name, [word, bit] as const]),
  );
}

/**
 * Reads masks. Several narrow further, one after the other.
 *
 * @param specs each a list with commas. By feature: `NAME=0` or `no-NAME` hides it; `NAME=1`, `x`, `k`
 *   and `s` leave it as it is; `host` may stand in front. By register: `LEAF:REG=BITS`, 32 of `01xks`
 *   from bit 31 to bit 0, and more registers of that leaf as `REG=BITS`
 * @throws CpuidError
 */
export function hiddenFeatures(specs: readonly string[]): HiddenFeatures {
  const hidden: HiddenFeatures = { leaf1Ecx: 0, leaf1Edx: 0, extendedEdx: 0 };
  for (const spec of specs) {
    let leaf: number | null = null;
    for (const [i, item] of spec.split(",").entries()) {
      if (item === "host" && i === 0) continue;
      const register = /^(?:([^:]*):)?(e[abcd]x)=(.*)$/.exec(item);
      if (!register) hideByName(hidden, item);
      else {
        if (register[1] !== undefined) leaf = leafNumber(register[1], item);
        hideByRegister(hidden, leaf, register[2], register[3], item);
      }
    }
  }
  return hidden;
}

function hideByName(hidden: HiddenFeatures, item: string): void {
  const [, no, given, value = no ? "0" : ""] = /^(no-)?([^=]*)(?:=(.*))?$/s.exec(item)!;
  const name = Object.hasOwn(ALIASES, given) ? ALIASES[given] : given.replace(".", "_");
  const known = Object.hasOwn(FEATURES, name);
  if (!known && !ABSENT.has(name)) {
    fail(item, `no feature of that name; there are ${Object.keys(FEATURES).join(" ")}`);
  }
  if (!/^[01xks]$/.test(value) || (no && value !== "0")) {
    fail(item, `say no-${given} or ${given}=0 to hide it`);
  }
  if (value === "1" && !known) {
    fail(item, "the processor does not have it, and nothing can be added");
  }
  if (value === "0" && known) {
    const [word, bit] = FEATURES[name];
    hidden[word] = (hidden[word] | 1 << bit) >>> 0;
  }
}

function hideByRegister(
  hidden: HiddenFeatures,
  leaf: number | null,
  register: string,
  bits: string,
  item: string,
): void {
  if (leaf === null) fail(item, `which leaf? Say LEAF:${register}=…`);
  const key = `${leaf}:${register}`;
  if (!Object.hasOwn(REGISTERS, key)) {
    fail(item, "only features can be masked: leaf 1 ecx edx, 7 ebx ecx edx, 0x80000001 ecx edx");
  }
  if (!/^[01xks]{32}$/.test(bits)) {
    fail(item, `wants 32 of 0 1 x k s, from bit 31 down to bit 0; these are ${bits.length}`);
  }
  const word = REGISTERS[key];
  const shown = word === null ? 0 : shownBits(word);
  for (let bit = 0; bit < 32; bit++) {
    const value = bits[31 - bit];
    if (value === "1" && !(shown >>> bit & 1)) {
      fail(item, `the processor does not have bit ${bit}, and nothing can be added`);
    }
    if (value === "0" && word !== null) hidden[word] = (hidden[word] | 1 << bit) >>> 0;
  }
}

function shownBits(word: FeatureWord): number {
  return Object.values(FEATURES).reduce((m, [w, bit]) => w === word ? m | 1 << bit : m, 0) >>> 0;
}

/** A leaf, and its subleaf where xl would have one: only subleaf 0 has features. */
function leafNumber(text: string, item: string): number {
  const m = /^(0x[0-9a-f]{1,8}|[0-9]{1,10})$/i.exec(text);
  if (!m) fail(item, "a leaf is a number, decimal or with 0x");
  return Number(m[1]);
}

function fail(item: string, why: string): never {
  const shown = item.length > 60 ? item.slice(0, 60) + "…" : item;
  throw new CpuidError(`cpuid ${JSON.stringify(shown)}: ${why}`);
}
