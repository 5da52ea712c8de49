/**
 * The browser of the tests: a Chromium that is installed, else Debian's, unpacked into `.cache/chromium/VERSION/`
 * with the libraries and fonts that the machine lacks. Nothing is installed and no root is needed.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { alone, Apt, DebianUnavailable, forTest } from "../debian/apt.ts";

const CACHE = new URL("../../.cache/chromium/", import.meta.url);

/** Chromium without windows, a smaller package than the whole; its fonts are what xterm.js and the page ask for. */
const PACKAGES = ["chromium-headless-shell", "fonts-dejavu-core"];
const PROGRAM = "usr/lib/chromium/chromium-headless-shell";

/** A browser that can be started. */
export interface Chromium {
  executable: string;
  /** What its environment has beside ours. */
  env: Record<string, string>;
  /** As it says itself. */
  version: string;
}

/** Asks a browser for its version; null if it does not start, and then `why` has its last words. */
function started(executable: string, env: Record<string, string>): Chromium | null {
  const { status, stdout, stderr, error } = spawnSync(executable, ["--version", "--no-sandbox"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...Deno.env.toObject(), ...env },
    encoding: "utf8",
  });
  why = error?.message ?? stderr.trim().split("\n").at(-1) ?? "";
  return status === 0 ? { executable, env, version: stdout.trim() } : null;
}
let why = "";

/** Folders below `folder` with shared libraries in them, as paths. */
function* libraryFolders(folder: URL): Generator<string> {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(folder)];
  } catch {
    return;
  }
  if (entries.some((entry) => entry.name.includes(".so"))) yield fileURLToPath(folder);
  for (const entry of entries) {
    // Chromium finds its own
    if (entry.isDirectory && entry.name !== "chromium") {
      yield* libraryFolders(new URL(`${encodeURIComponent(entry.name)}/`, folder));
    }
  }
}

/** The environment in which an unpacked browser finds what lies beside it. */
function environment(root: URL): Record<string, string> {
  const libraries = ["lib/", "usr/lib/"]
    .flatMap((name) => [...libraryFolders(new URL(name, root))]);
  return {
    LD_LIBRARY_PATH: [...libraries, Deno.env.get("LD_LIBRARY_PATH")].filter(Boolean).join(":"),
    FONTCONFIG_FILE: fileURLToPath(new URL("fonts.conf", root)),
  };
}

/** The system's fonts, if it has any, and those that were unpacked. */
const fonts = (root: URL) =>
  `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>${fileURLToPath(new URL("usr/share/fonts", root))}</dir>
  <cachedir>${fileURLToPath(new URL("var/cache/fontconfig", root))}</cachedir>
</fontconfig>
`;

/** A browser that was unpacked before. */
function unpacked(): Chromium | null {
  let versions: string[];
  try {
    versions = [...Deno.readDirSync(CACHE)].filter((entry) => entry.isDirectory)
      .map((entry) => entry.name).filter((name) => name !== "apt").sort();
  } catch {
    return null;
  }
  const root = new URL(`${versions.at(-1)}/`, CACHE);
  return versions.length ? started(fileURLToPath(new URL(PROGRAM, root)), environment(root)) : null;
}

/**
 * Looks for a browser: `$CHROMIUM`, an installed one, one that was unpacked before.
 *
 * @returns null if there is none that starts
 */
export function findChromium(): Chromium | null {
  for (const name of [Deno.env.get("CHROMIUM"), "chromium", "chromium-headless-shell"]) {
    const found = name && started(name, {});
    if (found) return found;
  }
  return unpacked();
}

/**
 * Finds a browser, or fetches Debian's: about 100 MB, some ten seconds.
 *
 * Safe to run at the same time from several processes.
 *
 * @param say where progress goes
 * @throws DebianUnavailable if it cannot be had, or does not start
 */
export async function fetchChromium(say: (line: string) => void): Promise<Chromium> {
  return findChromium() ?? await alone(CACHE, () => {
    const other = unpacked();
    if (other) return other;
    const work = new URL("apt/", CACHE);
    say("chromium: reading Debian's package lists…");
    const apt = new Apt(work, { installed: true });
    say("chromium: fetching it…");
    const debs = apt.downloadMissing(...PACKAGES);
    const root = new URL("root/", work);
    for (const deb of debs) apt.unpack(deb, root);
    Deno.writeTextFileSync(new URL("fonts.conf", root), fonts(root));
    const trial = started(fileURLToPath(new URL(PROGRAM, root)), environment(root));
    if (!trial) throw new DebianUnavailable(`Debian's Chromium does not start: ${why}`);
    const version = /[\d.]+/.exec(trial.version)?.[0] ?? "unknown";
    const place = new URL(`${version}/`, CACHE);
    Deno.renameSync(root, place);
    Deno.writeTextFileSync(new URL("fonts.conf", place), fonts(place));
    Deno.removeSync(work, { recursive: true });
    return unpacked()!;
  });
}

/**
 * For tests: a browser, fetched if need be and started.
 *
 * @returns null where it cannot be had, after a line that says the test is left out
 * @throws DebianUnavailable in CI, where a test that is left out is a failure
 */
export function chromiumForTest(): Promise<Browser | null> {
  return forTest("Chromium", async () => {
    const { executable, env } = await fetchChromium((line) => console.error(line));
    return await chromium.launch({
      executablePath: executable,
      // in a container there are often neither user namespaces nor a large /dev/shm
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
      env: { ...Deno.env.toObject(), ...env },
    });
  });
}
