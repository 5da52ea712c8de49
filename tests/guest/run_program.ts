// Where tests run an assembled 32-bit Linux program: on the host's own processor, or under our loader.

import { createMachine } from "../../core/host/create_machine.ts";
import type { Callable } from "../../guest/asm/mod.ts";
import { builtinGuest } from "../../guest/mod.ts";
import { cpioArchive } from "../../guest/cpio.ts";
import { runsI386 } from "../i386.ts";
import { programImage, runNatively } from "./native.ts";

/** What became of a program. */
export interface Ended {
  status: number;
  output: Uint8Array<ArrayBuffer>;
}

/** Runs a program under the loader, as a guest of ours. @param main its exit status */
async function runInLoader(main: Callable): Promise<Ended> {
  const said: Uint8Array[] = [];
  const machine = await createMachine({ time: "virtual", jit: false, log: () => {} });
  try {
    const domain = await machine.addDomain(await builtinGuest("loader"), {
      commandLine: "program",
      ramdisk: cpioArchive({ program: programImage(main) }),
      output: (bytes) => void said.push(bytes),
    });
    const { name } = await domain.shutdown;
    await domain.console.drained();
    const all = new Uint8Array(await new Blob(said as BlobPart[]).arrayBuffer());
    const text = new TextDecoder("latin1").decode(all);
    const end = /\[status (\d+)\]\r\n$/.exec(text);
    if (name !== "poweroff" || !end) throw new Error(`the loader ended with ${name}: ${text}`);
    return { status: Number(end[1]), output: all.slice("$ program\r\n".length, end.index) };
  } finally {
    machine.stop();
  }
}

/** Runs a program where it can be run: on the host's processor if that knows such programs. */
export async function runProgram(main: Callable): Promise<Ended> {
  return await runsI386() ? await runNatively(main) : await runInLoader(main);
}
