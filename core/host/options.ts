/** Options of a domain by name, and the bits by which the core knows them (domains/domain.ts). */

interface OptionRow {
  bit: number;
  /** In force when nothing is said. */
  initially: boolean;
  help: string;
}

const ROWS: Record<OptionName, OptionRow> = {
  console_io: { bit: 1, initially: true, help: "console_io writes to the log; off: -EPERM" },
  writable_l2: {
    bit: 2,
    initially: false,
    help: "plain stores into a live page directory are emulated (GNU Mach needs it)",
  },
  xen32_limits: {
    bit: 4,
    initially: false,
    help: "segments end below the hypervisor, as on the 32-bit Xen of 2007",
  },
  gnttab_v2: { bit: 8, initially: true, help: "grant tables of version 2 may be chosen" },
  cpuid_faulting: {
    bit: 32,
    initially: false,
    help: "the kernel may have CPUID fault in its programs (MSR_MISC_FEATURES_ENABLES)",
  },
  msr_relaxed: {
    bit: 64,
    initially: false,
    help: "MSRs that exist and are refused read 0 and take writes, as with xl's msr_relaxed",
  },
};

/** Options that a domain can be given; `deno task boot --help` says what each means. */
export type OptionName =
  | "console_io"
  | "writable_l2"
  | "xen32_limits"
  | "gnttab_v2"
  | "cpuid_faulting"
  | "msr_relaxed";
/** Options switched on and off; the others are as they are when nothing is said. */
export type OptionValues = Partial<Record<OptionName, boolean>>;

/** All names. */
export const OPTION_NAMES = Object.keys(ROWS) as OptionName[];

/** One line about an option, for the command line's help. */
export function optionHelp(name: OptionName): string {
  return `${ROWS[name].help} (${ROWS[name].initially ? "on" : "off"})`;
}

/** What the core is told. */
export function optionBits(values: OptionValues): number {
  let bits = 0;
  for (const name of OPTION_NAMES) {
    if (values[name] ?? ROWS[name].initially) bits |= ROWS[name].bit;
  }
  return bits;
}
