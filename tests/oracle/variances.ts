/**
 * Where a difference from the host's processor says nothing against our own: each with its reason, so that
 * nothing is left out in silence. A run tells how often each applied.
 */
import type { Case, Outcome } from "./case.ts";
import { BASE, CODE, EXIT_FAULT, READONLY, UNMAPPED } from "./layout.ts";

export interface Variance {
  why: string;
  applies(c: Case, native: Outcome, ours: Outcome): boolean;
}

const UNDEFINED = EXIT_FAULT | 6, PROTECTION = EXIT_FAULT | 13, PAGE_FAULT = EXIT_FAULT | 14;
const ALIGNMENT = EXIT_FAULT | 17;
/** The guest's own memory ends below this address. */
const GUEST_END = BASE + 0x2000000;
/** From here on the host's kernel puts a process's first stack and the vDSO; a guest has nothing there. */
const HOST_OWN = 0xf0000000;

/** Addresses that are the driver's own: what of them is mapped already, and how, differs. */
export function inDriver(address: number): boolean {
  return address >= BASE && address < GUEST_END && address >>> 12 !== READONLY >>> 12 &&
    address >>> 12 !== UNMAPPED >>> 12;
}

const VARIANCES: readonly Variance[] = [
  {
    why:
      "Xen looks for its forced-emulation prefix at EIP without the base of CS (golden: trap tests)",
    applies: (c, native, ours) => c.code16 && native.exit === UNDEFINED && ours.exit === PAGE_FAULT,
  },
  {
    why: "a jump into the driver finds other code in each world",
    applies: (_, native) => native.exit >= EXIT_FAULT && inDriver(native.eip) && native.eip < CODE,
  },
  {
    why: "an access to what the host's kernel maps for itself",
    applies: (_case, _native, ours) => ours.exit === PAGE_FAULT && ours.cr2 >= HOST_OWN,
  },
  {
    why: "AMD's read the outer ring's stack before the selector that asks for one is refused",
    applies: (c, native, ours) =>
      /\b(ret_far|iret)\b/.test(c.form) && ours.exit === PROTECTION &&
      (native.exit === PAGE_FAULT || native.exit === ALIGNMENT),
  },
  {
    why: "whether a masked store with no byte to store faults is left to the processor",
    applies: (c, native, ours) => /\bmaskmov/.test(c.form) && native.exit !== ours.exit,
  },
  {
    why:
      "the host's kernel answers these under UMIP, and neither faults nor traps quite as a processor",
    applies: (c, native, ours) =>
      /\b(sgdt|sidt|sldt|str|smsw)\b/.test(c.form) &&
      (c.steps > 0 || native.exit >= EXIT_FAULT || ours.exit >= EXIT_FAULT),
  },
  {
    why:
      "INT1 that is gone on from: where virtual machines report it before the instruction, it comes again",
    applies: (c) => /\bint1\b/.test(c.form) && c.steps > 1,
  },
  {
    why: "RDPMC allowed by the host's CR4.PCE",
    applies: (c, native, ours) =>
      /\brdpmc\b/.test(c.form) && native.exit < EXIT_FAULT && ours.exit === PROTECTION,
  },
];

/** What a fault leaves half done, processor by processor: of such a case only the fault and EIP are compared. */
export const PARTIAL = {
  popa: "how many registers a POPA that faults has loaded is up to the processor",
  farReturn: "which word of a far return's frame is read first is up to the processor",
  order: "which word of a large operand is touched first is up to the processor",
} as const;

/** Every reason, for the documentation. */
export const REASONS: readonly string[] = [
  ...VARIANCES.map((v) => v.why),
  ...Object.values(PARTIAL).map((why) => `registers and memory after a fault: ${why}`),
];

const applied = new Map<string, number>();

/** Notes that something was not compared. */
export function setAside(why: string): void {
  applied.set(why, (applied.get(why) ?? 0) + 1);
}

/** True if a variance explains a difference; it is noted then. */
export function varies(c: Case, native: Outcome, ours: Outcome): boolean {
  const v = VARIANCES.find((v) => v.applies(c, native, ours));
  if (v) setAside(v.why);
  return v !== undefined;
}

/** What was set aside since the last time, a line each. */
export function takeVariances(): string[] {
  const lines = [...applied].map(([why, n]) => `${n} set aside: ${why}`);
  applied.clear();
  return lines;
}
