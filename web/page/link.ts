/** What to boot, and its way into the page's address and out: `#guest=skiff&memory=64&cmdline=…`. */

/** Guests that come with the page. */
export const BUILT_IN = ["skiff", "loader"] as const;

/** A choice of guest; files are not part of it, as a link cannot carry them. */
export interface Choice {
  /** A built-in guest, or "file". */
  guest: string;
  commandLine: string;
  /** In MiB. */
  memory: number;
  vcpus: number;
}

export const DEFAULT_CHOICE: Choice = { guest: "skiff", commandLine: "", memory: 64, vcpus: 1 };

/** Reads an address's hash. What it does not say, or says wrongly, is as in DEFAULT_CHOICE. */
export function parseLink(hash: string): Choice {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const guest = given.get("guest") ?? "";
  return {
    guest: (BUILT_IN as readonly string[]).includes(guest) ? guest : DEFAULT_CHOICE.guest,
    commandLine: given.get("cmdline") ?? DEFAULT_CHOICE.commandLine,
    memory: numberIn(given.get("memory"), 1, 4000, DEFAULT_CHOICE.memory),
    vcpus: numberIn(given.get("vcpus"), 1, 32, DEFAULT_CHOICE.vcpus),
  };
}

/** A hash that says what differs from DEFAULT_CHOICE, and always the guest. */
export function formatLink(choice: Choice): string {
  const says = new URLSearchParams({ guest: choice.guest });
  if (choice.commandLine) says.set("cmdline", choice.commandLine);
  if (choice.memory !== DEFAULT_CHOICE.memory) says.set("memory", String(choice.memory));
  if (choice.vcpus !== DEFAULT_CHOICE.vcpus) says.set("vcpus", String(choice.vcpus));
  return `#${says}`;
}

function numberIn(text: string | null, least: number, most: number, otherwise: number): number {
  const n = text === null || !/^[0-9]+$/.test(text) ? NaN : Number(text);
  return n >= least && n <= most ? n : otherwise;
}
