/**
 * The real guests that tests boot, and the program one of ours runs: files of Debian packages, kept in `.cache/guests/`.
 *
 * apt-get does the work with state, lists and cache of its own, so it needs no root and leaves the
 * system's settings alone; sources and keys are the system's.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const CACHE = new URL("../../.cache/guests/", import.meta.url);

/** An image: the package that has it, its path there, and its name in the cache. */
interface Image {
  package: string;
  path: string;
  name: string;
}

/** GNU Mach's amd64 package holds a 64-bit kernel: the 32-bit one is i386's. */
const IMAGES = [
  {
    package: "grub-xen-host",
    path: "usr/lib/grub-xen/grub-i386-xen.bin",
    name: "grub-i386-xen.bin",
  },
  {
    package: "gnumach-image-1.8-xen-486:i386",
    path: "boot/gnumach-1.8-xen-486.gz",
    name: "gnumach-1.8-xen-486.gz",
  },
  { package: "busybox-static:i386", path: "bin/busybox", name: "busybox-i386" },
] as const satisfies Image[];

/** Name of an image in the cache. */
export type GuestName = (typeof IMAGES)[number]["name"];
export const guestNames: readonly GuestName[] = IMAGES.map((image) => image.name);

/** The images cannot be had here: no apt, no network, no such package. The message is one line. */
export class GuestsUnavailable extends Error {}

/** Runs a program and gives whether it succeeded; on failure `lastError` has its last words. */
function run(program: string, args: string[], cwd: URL): boolean {
  const { status, stderr, error } = spawnSync(program, args, {
    cwd: fileURLToPath(cwd),
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...Deno.env.toObject(), LC_ALL: "C" },
  });
  lastError = error?.message ?? stderr.toString().trim().split("\n").at(-1) ?? "";
  return status === 0;
}
let lastError = "";

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}

/** Where an image lies once fetched. */
export function imageUrl(name: GuestName): URL {
  return new URL(name, CACHE);
}

/**
 * Fetches what is missing, and tells how it went line by line.
 *
 * Safe to run at the same time from several processes; later calls find everything there.
 *
 * @param say where progress goes
 * @throws GuestsUnavailable
 */
export async function fetchGuests(say: (line: string) => void): Promise<void> {
  const missing = () => IMAGES.filter((image) => !exists(imageUrl(image.name)));
  if (missing().length === 0) return;
  Deno.mkdirSync(CACHE, { recursive: true });
  using lock = Deno.openSync(new URL("lock", CACHE), { create: true, write: true });
  await lock.lock(true);
  const images = missing();
  if (images.length === 0) return;

  const work = new URL("apt/", CACHE);
  for (const folder of ["state/lists/partial/", "cache/archives/partial/", "unpacked/"]) {
    Deno.mkdirSync(new URL(folder, work), { recursive: true });
  }
  Deno.writeTextFileSync(new URL("state/status", work), "");
  const path = (name: string) => fileURLToPath(new URL(name, work));
  const options = [
    `Dir::State=${path("state")}`,
    `Dir::State::status=${path("state/status")}`,
    `Dir::Cache=${path("cache")}`,
    "APT::Architectures::=amd64",
    "APT::Architectures::=i386",
    "APT::Sandbox::User=",
    "Acquire::Retries=3",
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
  if (!run("apt-get", ["--version"], work)) {
    throw new GuestsUnavailable("no apt-get here: what Debian's packages would give is left out");
  }
  say("guests: reading Debian's package lists…");
  // An index that fails leaves others usable; what matters is whether the download works.
  const updated = run("apt-get", [...options, "-q", "update"], work);
  const updateError = lastError;
  for (const image of images) {
    say(`guests: fetching ${image.package}…`);
    for (const old of Deno.readDirSync(work)) {
      // By path: the name of a package with an epoch has a %3a of its own.
      if (old.name.endsWith(".deb")) Deno.removeSync(fileURLToPath(work) + old.name);
    }
    if (!run("apt-get", [...options, "-q", "download", image.package], work)) {
      const reason = updated ? lastError : `${lastError}; ${updateError}`;
      throw new GuestsUnavailable(`apt-get cannot fetch ${image.package}: ${reason}`);
    }
    const deb = [...Deno.readDirSync(work)].find((entry) => entry.name.endsWith(".deb"))!.name;
    if (!run("dpkg-deb", ["-x", deb, "unpacked"], work)) {
      throw new GuestsUnavailable(`dpkg-deb cannot unpack ${image.package}: ${lastError}`);
    }
    Deno.renameSync(new URL(`unpacked/${image.path}`, work), imageUrl(image.name));
  }
  Deno.removeSync(work, { recursive: true });
}

/**
 * For tests: an image, fetched if need be.
 *
 * @returns its location; null where it cannot be had, after a line that says the test is left out
 * @throws GuestsUnavailable in CI, where a guest that is left out is a failure
 */
export async function guestForTest(name: GuestName): Promise<URL | null> {
  if (exists(imageUrl(name))) return imageUrl(name);
  try {
    await fetchGuests(() => {});
    return imageUrl(name);
  } catch (error) {
    if (!(error instanceof GuestsUnavailable) || Deno.env.get("CI") === "true") throw error;
    console.error(`left out, for want of ${name}: ${error.message}`);
    return null;
  }
}
