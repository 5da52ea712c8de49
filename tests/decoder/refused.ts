/**
 * What we refuse on purpose: encodings that iced-x86 knows and our processor (a Core 2 without SYSENTER
 * and SYSCALL, at ring 1 or 3) answers with #UD. Each class has its reason; whatever is not listed here
 * must decode.
 */

/** Encoding spaces that came after the processor we show, or were another maker's. */
export const REFUSED_ENCODINGS: Record<string, string> = {
  vex: "AVX is not shown in CPUID",
  evex: "AVX-512 is not shown in CPUID",
  xop: "AMD only",
  mvex: "Xeon Phi only",
  d3now: "AMD only",
};

/** Instruction set extensions by iced's names. */
export const REFUSED_FEATURES: Record<string, string> = {
  ...each("a 287's, or one maker's old processors", [
    "fpu287xl_only",
    "fpu387sl_only",
    "intel286_only",
    "intel386_only",
    "cyrix_fpu",
    "cyrix_smm",
    "cyrix_shr",
    "cyrix_ddi",
    "cyrix_dmi",
    "cyrix_emmi",
    "cyrix_d3now",
    "centaur_ais",
    "padlock_ace",
    "padlock_phe",
    "padlock_pmm",
    "padlock_rng",
    "padlock_gmi",
    "padlock_undoc",
    "ia64",
    "umov",
  ]),
  ...each("AMD only", [
    "svm",
    "skinit",
    "skinit_or_svm",
    "sev_es",
    "sev_snp",
    "sse4a",
    "clzero",
    "monitorx",
    "mcommit",
    "rdpru",
    "invlpgb",
    "d3now",
    "d3nowext",
    "rmpquery",
    "lwp",
    "oss",
  ]),
  ...each("hidden: as on Xen, a PV domain sees no virtualisation or trusted execution", [
    "vmx",
    "smx",
    "sgx1",
    "invept",
    "invvpid",
    "pconfig",
    "tdx",
    "tse",
  ]),
  ...each("hidden: shared/pv-abi.md has no SYSENTER, SYSCALL or MONITOR for a guest", [
    "sep",
    "syscall",
    "monitor",
    "smm",
  ]),
  ...each("later than Core 2", [
    "sse4_1",
    "sse4_2",
    "popcnt",
    "aes",
    "pclmulqdq",
    "sha",
    "gfni",
    "movbe",
    "adx",
    "bmi1",
    "bmi2",
    "lzcnt",
    "rdrand",
    "rdseed",
    "rdpid",
    "fsgsbase",
    "xsave",
    "xsavec",
    "xsaveopt",
    "xsaves",
    "rtm",
    "hle_or_rtm",
    "mpx",
    "cet_ss",
    "cet_ibt",
    "smap",
    "pku",
    "invpcid",
    "clwb",
    "clflushopt",
    "pcommit",
    "cldemote",
    "ptwrite",
    "waitpkg",
    "movdiri",
    "movdir64b",
    "enqcmd",
    "serialize",
    "tsxldtrk",
    "uintr",
    "hreset",
    "kl",
    "aeskle",
    "wide_kl",
    "udbg",
    "rao_int",
    "msrlist",
    "wrmsrns",
    "fred",
    "lkgs",
    "prefetchiti",
  ]),
};

/** Single instructions by mnemonic. */
export const REFUSED_MNEMONICS: Record<string, string> = {
  ud0: "undefined by definition",
  ud1: "undefined by definition",
};

/** Rows whose record holds no operands: their meaning reads the instruction's bytes again. */
export const LENGTH_ONLY: Record<string, string> = {
  insn_io: "port instructions are decoded again by the privileged-instruction emulator (traps/)",
  insn_privileged: "likewise",
};

function each(reason: string, names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((n) => [n, reason]));
}
