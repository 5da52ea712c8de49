// Runs an assembled program on the host's own processor, as a 32-bit Linux process.

import { asm, assemble, code, dword, eax, ebx, ecx, edx, esp } from "../../guest/asm/mod.ts";
import type { Callable } from "../../guest/asm/mod.ts";

/** Assembles a static program that exits with what `main` returns. */
export function programImage(main: Callable): Uint8Array {
  const start = code("_start", () => {
    asm.call(main);
    asm.mov(ebx, eax);
    asm.mov(eax, 1); // exit
    asm.int(0x80);
  });
  return assemble({ entry: start.label, base: 0x08048000, physical: 0x08048000 }).elf;
}

/**
 * Assembles `main`, runs it and returns what it wrote.
 * @param main a function that returns the process's exit status
 * @param through another program and its arguments, that runs it
 */
export async function runNatively(
  main: Callable,
  through: string[] = [],
): Promise<{ status: number; output: Uint8Array<ArrayBuffer> }> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/program`;
  try {
    await Deno.writeFile(path, programImage(main), { mode: 0o755 });
    await Deno.chmod(path, 0o755);
    const [program, ...args] = [...through, path];
    const { code, stdout } = await new Deno.Command(program, { args, cwd: folder, stdin: "null" })
      .output();
    return { status: code, output: stdout };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes `length` bytes at `address` to standard output. */
export const write = code("write", () => {
  asm.push(ebx);
  asm.mov(ebx, 1);
  asm.mov(ecx, parameter(1));
  asm.mov(edx, parameter(2));
  asm.mov(eax, 4);
  asm.int(0x80);
  asm.pop(ebx);
  asm.ret();
});

function parameter(n: number) {
  return dword(esp, 4 + 4 * n);
}
