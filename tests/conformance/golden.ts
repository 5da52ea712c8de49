/**
 * What real Xen answered: the goldens of ../shared/conformance, or of the copy beside this file.
 *
 * A golden holds one line for each check, `<subject>.<check>: <observed>`. A few lines show the CPU
 * emulator that Xen ran on rather than Xen; tcg-doubtful.txt lists them with the value a processor
 * gives, and either is right.
 */

const SHARED = new URL("../../../shared/conformance/", import.meta.url);
const COPY = new URL("guest/", import.meta.url);

/** One line of a golden and what else may stand in its place. */
export interface Expected {
  /** `subject.check`, with `#2` and so on where a check speaks more than once. */
  key: string;
  /** The part of the key before the dot. */
  subject: string;
  /** The line as Xen gave it. */
  line: string;
  /** Whether an observed line agrees. */
  accepts(line: string): boolean;
}

/** The three goldens: one vCPU, two vCPUs (subject smp only), crash modes. */
export type GoldenName = "domU" | "domU-2vcpu" | "crash";

const FILES: Record<GoldenName, string> = {
  "domU": "golden-xen-4.17.7-domU.txt",
  "domU-2vcpu": "golden-xen-4.17.7-domU-2vcpu.txt",
  "crash": "golden-crash.txt",
};

/** The folder the guest and its goldens are read from: the shared one where it exists. */
export function folder(): URL {
  try {
    Deno.statSync(SHARED);
    return SHARED;
  } catch {
    return COPY;
  }
}

/** Gives each line a key that is its own: its check, numbered where it is not the first. */
export function keyed(lines: string[]): Map<string, string> {
  const keys = new Map<string, string>();
  for (const line of lines) {
    const check = /^([\w-]+\.[^:]+):/.exec(line)?.[1];
    if (!check) continue;
    let key = check;
    for (let n = 2; keys.has(key); n++) key = `${check}#${n}`;
    keys.set(key, line);
  }
  return keys;
}

/** The line with bits 19:16 of an 8-digit LAR result cleared: the manuals leave them undefined. */
function maskLar(line: string): string {
  return line.replace(/((?:lar|eax)=00c)[0-9a-f]([0-9a-f]{4})\b/, "$10$2");
}

/**
 * Reads tcg-doubtful.txt: for a golden line, a test of what else is right.
 *
 * A right-hand side is a whole value, or words: those about LAR free four bits, those about vendors
 * leave the golden as it is.
 */
export function parseDoubtful(text: string): Map<string, (line: string) => boolean> {
  const rules = new Map<string, (line: string) => boolean>();
  for (const row of text.split("\n")) {
    const match = /^(?:\(crash\) )?(\w+\.\w+)(: .*?) {2}=> {2}(.*?) {2}##/.exec(row);
    if (!match) continue;
    const [, key, observed, right] = match;
    const golden = key + observed;
    if (right.startsWith("bits 19:16")) {
      rules.set(golden, (line) => maskLar(line) === maskLar(golden));
    } else if (!/ or |\(/.test(right)) {
      const other = right.startsWith(key) ? right : `${key}: ${right}`;
      rules.set(golden, (line) => line === other);
    }
  }
  return rules;
}

/** Reads a golden. */
export function readGolden(name: GoldenName): Expected[] {
  const lines = Deno.readTextFileSync(new URL(FILES[name], folder())).split("\n");
  const doubtful = parseDoubtful(
    Deno.readTextFileSync(new URL("tcg-doubtful.txt", folder())) +
      Deno.readTextFileSync(new URL("silicon.txt", import.meta.url)),
  );
  return [...keyed(lines)].map(([key, line]) => ({
    key,
    subject: key.slice(0, key.indexOf(".")),
    line,
    accepts: (observed) => observed === line || (doubtful.get(line)?.(observed) ?? false),
  }));
}
