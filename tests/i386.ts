/**
 * Whether this host runs i386 Linux programs: x86-64 kernels may be built or booted without, and that is all
 * right; what a processor answered once is compared then (oracle/recording, guest/recorded.json). A driver
 * of ours that fails is not.
 */

/** An ELF header, a segment, and `mov eax, 1; xor ebx, ebx; int 0x80`: exit(0). Nothing else is in it. */
function smallest(): Uint8Array<ArrayBuffer> {
  const base = 0x08048000, start = 84;
  const code = [0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80];
  const length = start + code.length;
  const file = new Uint8Array(length);
  const view = new DataView(file.buffer);
  const words = (at: number, ...list: number[]) =>
    list.forEach((word, i) => view.setUint32(at + 4 * i, word, true));
  const halves = (at: number, ...list: number[]) =>
    list.forEach((half, i) => view.setUint16(at + 2 * i, half, true));
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]); // ELF, 32 bits, little-endian
  halves(16, 2, 3); // an executable, i386
  words(20, 1, base + start, 52);
  halves(40, 52, 32, 1);
  words(52, 1, 0, base, base, length, length, 5, 0x1000); // loaded, read and execute
  file.set(code, start);
  return file;
}

async function ask(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return false;
  const folder = await Deno.makeTempDir({ prefix: "paravane-i386-" });
  try {
    const path = `${folder}/smallest`;
    await Deno.writeFile(path, smallest(), { mode: 0o700 });
    // spawned at once, a file that is no program would be given to the shell as a script; bash says what it is
    const { success, code, signal, stderr } = await new Deno.Command("bash", {
      args: ["-c", 'exec "$0"', path],
      env: { LC_ALL: "C" },
    }).output();
    const said = new TextDecoder().decode(stderr).trim();
    if (code === 126 && said.includes("Exec format error")) return false;
    if (!success) {
      throw new Error(`the smallest i386 program ended with ${signal ?? code}: ${said}`);
    }
    return true;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

let answer: Promise<boolean> | undefined;

/**
 * True if this host runs i386 Linux programs.
 *
 * @throws Error if the smallest of them starts, but does not end as it should, or is refused for another
 *   reason than that the kernel knows no such programs
 */
export function runsI386(): Promise<boolean> {
  return answer ??= ask();
}
