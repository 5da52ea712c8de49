/**
 * The file that recorded outcomes are kept in, one for each maker of processors: a line of JSON that names the
 * processor and the forms, then the columns of outcome.ts; all of it by Brotli.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import type { Case, Outcome } from "../case.ts";
import { FX_SIZE, MEMORY_SIZE } from "../layout.ts";
import { ColumnReader, ColumnWriter } from "./columns.ts";
import { outcomeIn } from "./outcome.ts";

/** Of this layout, and of what may be read from it. */
const VERSION = 1;
const LINE_END = 10;
export const FOLDER = new URL("./silicon/", import.meta.url);
export const AGAIN = "run `deno task record` on an x86-64 Linux host and commit what it writes";

/** A form's cases: its key, how many, and the hash of what they start from. */
export type Recorded = [key: string, count: number, hash: number];

export interface Header {
  version: number;
  /** CPUID's vendor string. */
  maker: string;
  processor: string;
  kernel: string;
  forms: Recorded[];
  columns: [string, number][];
}

export function pathOf(maker: string): URL {
  return new URL(`${maker}.br`, FOLDER);
}

/** Makers whose processors were recorded. */
export function makers(): string[] {
  return [...Deno.readDirSync(FOLDER)].map((e) => e.name).filter((n) => n.endsWith(".br"))
    .map((n) => n.slice(0, -3)).sort();
}

/** A recording in the making. */
export class RecordingWriter {
  readonly #columns = new ColumnWriter();
  readonly #forms: Recorded[] = [];

  /** Adds a form: its cases with what came of them, null where that was not the same twice. */
  add(key: string, hash: number, cases: readonly Case[], outcomes: readonly (Outcome | null)[]) {
    this.#forms.push([key, cases.length, hash]);
    cases.forEach((c, n) => {
      const o = outcomes[n];
      this.#columns.byte("kept", o ? 1 : 0);
      if (o) outcomeIn(this.#columns, c, o);
    });
  }

  finish(about: Pick<Header, "maker" | "processor" | "kernel">): Uint8Array {
    const { columns, bytes } = this.#columns.finish();
    const header: Header = { version: VERSION, ...about, forms: this.#forms, columns };
    const line = new TextEncoder().encode(JSON.stringify(header));
    const all = new Uint8Array(line.length + 1 + bytes.length);
    all.set(line);
    all[line.length] = LINE_END;
    all.set(bytes, line.length + 1);
    return brotliCompressSync(all, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_LGWIN]: 24,
        [constants.BROTLI_PARAM_SIZE_HINT]: all.length,
      },
    });
  }
}

/** A recording that is read, form after form in the order of its header. */
export class Recording {
  readonly header: Header;
  readonly #columns: ColumnReader;

  /** @throws Error if the file has another layout */
  constructor(file: Uint8Array) {
    const all = new Uint8Array(brotliDecompressSync(file));
    const end = all.indexOf(LINE_END);
    this.header = JSON.parse(new TextDecoder().decode(all.subarray(0, end)));
    if (this.header.version !== VERSION) {
      throw new Error(`the recording has version ${this.header.version}, not ${VERSION}: ${AGAIN}`);
    }
    this.#columns = new ColumnReader(this.header.columns, all.subarray(end + 1));
  }

  static of(maker: string): Recording {
    return new Recording(Deno.readFileSync(pathOf(maker)));
  }

  /** Leaves out the next form. */
  skip(count: number): void {
    const none = { registers: new Uint32Array(8), memory: new Uint8Array(MEMORY_SIZE) };
    const c = { ...none, fx: new Uint8Array(FX_SIZE), eflags: 0, slot: 0, code16: false };
    this.next(Array.from({ length: count }, () => c as unknown as Case));
  }

  /** What came of the next form's cases, which must be the very ones that were recorded. */
  next(cases: readonly Case[]): (Outcome | null)[] {
    return cases.map((c) =>
      this.#columns.byte("kept") ? outcomeIn(this.#columns, c, unknown(c)) : null
    );
  }
}

/** Stands for an outcome that is yet to be read. */
function unknown(c: Case): Outcome {
  const { registers, eflags, memory, fx } = c;
  const none = { exit: 0, error: 0, cr2: 0, eip: 0 };
  return { registers, eflags, memory, fx, ...none, signal: [0, 0, 0], selectors: [0, 0, 0, 0] };
}
