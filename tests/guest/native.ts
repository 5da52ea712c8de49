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
 */
export async function runNatively(main: Callable): Promise<{ status: number; output: Uint8Array }> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/program`;
  try {
    await Deno.writeFile(path, programImage(main), { mode: 0o755 });
    await Deno.chmod(path, 0o755);
    const { code, stdout } = await new Deno.Command(path, { cwd: folder, stdin: "null" }).output();
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

/** Whether this machine runs 32-bit x86 Linux programs. */
export const canRun: boolean = await (async () => {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return false;
  try {
    const seven = code("seven", () => {
      asm.mov(eax, 7);
      asm.ret();
    });
    return (await runNatively(seven)).status === 7;
  } catch {
    return false;
  }
})();
