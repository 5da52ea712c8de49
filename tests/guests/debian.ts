/** The real guests that tests boot, and the program one of ours runs: files of Debian packages, kept in `.cache/guests/`. */
import { alone, Apt, forTest } from "../debian/apt.ts";

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
 * @throws DebianUnavailable
 */
export async function fetchGuests(say: (line: string) => void): Promise<void> {
  const missing = () => IMAGES.filter((image) => !exists(imageUrl(image.name)));
  if (missing().length === 0) return;
  await alone(CACHE, () => {
    const images = missing();
    if (images.length === 0) return;
    const work = new URL("apt/", CACHE);
    say("guests: reading Debian's package lists…");
    const apt = new Apt(work, { architectures: ["i386"] });
    const unpacked = new URL("unpacked/", work);
    for (const image of images) {
      say(`guests: fetching ${image.package}…`);
      apt.unpack(apt.download(image.package), unpacked);
      Deno.renameSync(new URL(image.path, unpacked), imageUrl(image.name));
    }
    Deno.removeSync(work, { recursive: true });
  });
}

/**
 * For tests: an image, fetched if need be.
 *
 * @returns its location; null where it cannot be had, after a line that says the test is left out
 * @throws DebianUnavailable in CI, where a guest that is left out is a failure
 */
export async function guestForTest(name: GuestName): Promise<URL | null> {
  if (exists(imageUrl(name))) return imageUrl(name);
  return await forTest(name, async () => {
    await fetchGuests(() => {});
    return imageUrl(name);
  });
}
