/**
 * Files of Debian packages, for tests: apt-get with state, lists and cache of its own, so that it needs no root
 * and leaves the system's settings alone. Sources and keys are the system's.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Debian's packages cannot be had here: no apt, no network, no such package. The message is one line. */
export class DebianUnavailable extends Error {}

/** What a private apt-get is set up with. */
export interface AptSetup {
  /** Foreign architectures whose packages are wanted as well. */
  architectures?: string[];
  /** Take what the system has installed into account, for `downloadMissing`. */
  installed?: boolean;
}

/** apt-get in a folder of its own. */
export class Apt {
  readonly #work: URL;
  readonly #options: string[];
  /** What went wrong when the package lists were read; null if nothing. */
  #updateError: string | null = null;
  #lastError = "";

  /**
   * Sets the folder up and reads the package lists, which takes seconds.
   *
   * @param work folder for all that apt keeps (a file URL that ends with a slash); made if need be
   * @throws DebianUnavailable without apt-get
   */
  constructor(work: URL, setup: AptSetup = {}) {
    this.#work = work;
    for (const folder of ["state/lists/partial/", "cache/archives/partial/"]) {
      Deno.mkdirSync(new URL(folder, work), { recursive: true });
    }
    const path = (name: string) => fileURLToPath(new URL(name, work));
    if (!setup.installed) Deno.writeTextFileSync(path("state/status"), "");
    this.#options = [
      `Dir::State=${path("state")}`,
      `Dir::State::status=${setup.installed ? "/var/lib/dpkg/status" : path("state/status")}`,
      `Dir::Cache=${path("cache")}`,
      "APT::Architectures::=amd64",
      ...(setup.architectures ?? []).map((name) => `APT::Architectures::=${name}`),
      "APT::Sandbox::User=",
      "Debug::NoLocking=1",
      "Acquire::Retries=3",
      "Acquire::Languages=none",
    ].flatMap((option) => ["-o", option]);
    if (!this.#run("apt-get", ["--version"])) {
      throw new DebianUnavailable("no apt-get here: what Debian's packages would give is left out");
    }
    // An index that fails leaves others usable; what matters is whether the download works.
    if (!this.#apt("update")) this.#updateError = this.#lastError;
  }

  /**
   * Downloads one package.
   *
   * @param name its name; `:i386` at its end asks for another architecture's
   * @returns the file
   * @throws DebianUnavailable
   */
  download(name: string): URL {
    for (const old of this.#packages(this.#work)) Deno.removeSync(old);
    if (!this.#apt("download", name)) throw this.#unavailable(name);
    return this.#packages(this.#work)[0];
  }

  /**
   * Downloads packages together with all that they depend on and the system lacks.
   *
   * @param names of packages; those the system has are passed over
   * @returns the files
   * @throws DebianUnavailable
   */
  downloadMissing(...names: string[]): URL[] {
    const archives = new URL("cache/archives/", this.#work);
    for (const old of this.#packages(archives)) Deno.removeSync(old);
    const arguments_ = ["-y", "--download-only", "--no-install-recommends", "install", ...names];
    if (!this.#apt(...arguments_)) throw this.#unavailable(names.join(", "));
    return this.#packages(archives);
  }

  /**
   * Unpacks a package's files.
   *
   * @param deb the package
   * @param folder where to (a file URL that ends with a slash); made if need be
   * @throws DebianUnavailable if it is broken
   */
  unpack(deb: URL, folder: URL): void {
    Deno.mkdirSync(folder, { recursive: true });
    if (!this.#run("dpkg-deb", ["-x", fileURLToPath(deb), fileURLToPath(folder)])) {
      const name = fileURLToPath(deb).split("/").at(-1);
      throw new DebianUnavailable(`dpkg-deb cannot unpack ${name}: ${this.#lastError}`);
    }
  }

  #unavailable(what: string): DebianUnavailable {
    const reasons = [this.#lastError, this.#updateError].filter(Boolean).join("; ");
    return new DebianUnavailable(`apt-get cannot fetch ${what}: ${reasons}`);
  }

  /** Packages that lie in a folder. A name with an epoch has a %3a of its own, so the URL is made from the path. */
  #packages(folder: URL): URL[] {
    return [...Deno.readDirSync(folder)]
      .filter((entry) => entry.name.endsWith(".deb"))
      .map((entry) => new URL(encodeURIComponent(entry.name), folder));
  }

  #apt(...args: string[]): boolean {
    return this.#run("apt-get", [...this.#options, "-q", ...args]);
  }

  /** Runs a program in the folder and gives whether it succeeded; on failure `#lastError` has its last words. */
  #run(program: string, args: string[]): boolean {
    const { status, stderr, error } = spawnSync(program, args, {
      cwd: fileURLToPath(this.#work),
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...Deno.env.toObject(), LC_ALL: "C" },
    });
    this.#lastError = error?.message ?? stderr.toString().trim().split("\n").at(-1) ?? "";
    return status === 0;
  }
}

/**
 * For tests: what needs Debian's packages, made if need be.
 *
 * @param what it is called, for the line that says it is missing
 * @param make makes it
 * @returns what `make` returns; null where it cannot be had, after a line that says the test is left out
 * @throws DebianUnavailable in CI, where a test that is left out is a failure
 */
export async function forTest<T>(what: string, make: () => Promise<T>): Promise<T | null> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof DebianUnavailable) || Deno.env.get("CI") === "true") throw error;
    console.error(`left out, for want of ${what}: ${error.message}`);
    return null;
  }
}

/**
 * Runs `make` while no other process does so in the same folder.
 *
 * @param folder made if need be (a file URL that ends with a slash)
 */
export async function alone<T>(folder: URL, make: () => T): Promise<T> {
  Deno.mkdirSync(folder, { recursive: true });
  using lock = Deno.openSync(new URL("lock", folder), { create: true, write: true });
  await lock.lock(true);
  return make();
}
