/**
 * What the command needs of its host, in Node: the few functions of Deno's that cli/ calls. In the npm
 * package this stands in their place (core/build/bundle.ts).
 */
import { writeSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import process from "node:process";
import { isatty } from "node:tty";

const EAGAIN_PAUSE = 1;
const pause = new Int32Array(new SharedArrayBuffer(4));

// who writes is told by the write's own callback
process.stdout.on("error", () => {});

let chunks: AsyncIterator<Uint8Array> | undefined;
let rest = new Uint8Array();

/** Reads what is there of standard input; null at its end. */
async function read(buffer: Uint8Array): Promise<number | null> {
  if (rest.length === 0) {
    chunks ??= (process.stdin as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
    const { done, value } = await chunks.next();
    if (done) return null;
    rest = Uint8Array.from(value);
  }
  const taken = rest.subarray(0, buffer.length);
  buffer.set(taken);
  rest = rest.subarray(taken.length);
  return taken.length;
}

/** Writes to standard error before it goes on, as a crash's last line must not be lost. */
function writeError(bytes: Uint8Array): number {
  for (;;) {
    try {
      return writeSync(2, bytes);
    } catch (error) {
      if ((error as { code?: string }).code !== "EAGAIN") throw error;
      Atomics.wait(pause, 0, 0, EAGAIN_PAUSE);
    }
  }
}

/** Tells Node's error for a file that is not there. */
class NotFound {
  static [Symbol.hasInstance](error: unknown): boolean {
    return (error as { code?: string } | null)?.code === "ENOENT";
  }
}

export const system = {
  args: process.argv.slice(2),
  exit: (status: number): never => process.exit(status),
  errors: { NotFound },
  stdin: {
    isTerminal: () => isatty(0),
    setRaw: (raw: boolean) => void process.stdin.setRawMode(raw),
    read,
  },
  stdout: {
    isTerminal: () => isatty(1),
    write: (bytes: Uint8Array) =>
      new Promise<number>((resolve, reject) =>
        process.stdout.write(bytes, (error) => error ? reject(error) : resolve(bytes.length))
      ),
  },
  stderr: { writeSync: writeError },
  addSignalListener: (name: "SIGINT", f: () => void) => void process.on(name, f),
  async stat(name: string): Promise<{ isFile: boolean; size: number }> {
    const found = await stat(name);
    return { isFile: found.isFile(), size: found.size };
  },
  readFile: async (name: string) => Uint8Array.from(await readFile(name)),
  writeFile: (name: string, bytes: Uint8Array) => writeFile(name, bytes),
};
