/**
 * Runs a piece of straight-line i386 code on the host's processor: code and data in, data out.
 *
 * The ELF format and Linux's i386 system calls (write 4, exit 1) are all it relies on.
 */
/** Where the code and the data lie when the code runs: where a PV guest may have them too. */
export const CODE = 0xc0001000;
export const DATA = 0xc0800000;

/** Little-endian bytes of a number. */
export function bytes(value: number | bigint, count: number): number[] {
  let v = BigInt.asUintN(count * 8, BigInt(value));
  return Array.from({ length: count }, () => {
    const byte = Number(v & 0xffn);
    v >>= 8n;
    return byte;
  });
}

/** An executable that runs `code`, then writes its data to standard output. */
function executable(code: Uint8Array, data: Uint8Array): Uint8Array {
  const ending = [
    ...[0xb8, ...bytes(4, 4)], // mov eax, write
    ...[0xbb, ...bytes(1, 4)], // mov ebx, standard output
    ...[0xb9, ...bytes(DATA, 4)], // mov ecx, data
    ...[0xba, ...bytes(data.length, 4)], // mov edx, length: to a pipe's reader, so written whole
    ...[0xcd, 0x80],
    ...[0xb8, ...bytes(1, 4)], // mov eax, exit
    ...[0x31, 0xdb], // xor ebx, ebx
    ...[0xcd, 0x80],
  ];
  const page = (n: number) => (n + 4095) & ~4095;
  const codeAt = 4096;
  const codeLength = code.length + ending.length;
  const dataAt = page(codeAt + codeLength);
  const file = new Uint8Array(dataAt + data.length);
  const header = (type: number, at: number, address: number, length: number, flags: number) =>
    [type, at, address, address, length, length, flags, 4096].flatMap((w) => bytes(w, 4));
  file.set([
    ...[0x7f, 0x45, 0x4c, 0x46, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...bytes(2, 2),
    ...bytes(3, 2),
    ...[1, CODE, 52, 0, 0].flatMap((w) => bytes(w, 4)),
    ...[52, 32, 2, 0, 0, 0].flatMap((w) => bytes(w, 2)),
    ...header(1, codeAt, CODE, codeLength, 5),
    ...header(1, dataAt, DATA, data.length, 6),
  ]);
  file.set(code, codeAt);
  file.set(ending, codeAt + code.length);
  file.set(data, dataAt);
  return file;
}

/**
 * @param code falls off its end when done; EAX to EDX are free, ESP is a stack's
 * @param data initial data, at DATA
 * @returns the data afterwards
 * @throws Error if the process could not run or died
 */
export async function runNatively(code: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
  const folder = await Deno.makeTempDir({ prefix: "paravane-native-" });
  try {
    const path = `${folder}/program`;
    await Deno.writeFile(path, executable(code, data), { mode: 0o700 });
    const child = new Deno.Command(path, { stdout: "piped", signal: AbortSignal.timeout(20_000) });
    const { code: status, signal, stdout } = await child.output();
    if (status !== 0 || stdout.length !== data.length) {
      throw new Error(`the native process ended with ${signal ?? status}, ${stdout.length} bytes`);
    }
    return stdout;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
