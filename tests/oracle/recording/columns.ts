/** Numbers in columns: what is alike lies together, so that a general compressor finds it. */

/** Bytes that grow. */
class Column {
  #bytes = new Uint8Array(1024);
  length = 0;

  push(byte: number): void {
    if (this.length === this.#bytes.length) {
      const more = new Uint8Array(this.length * 2);
      more.set(this.#bytes);
      this.#bytes = more;
    }
    this.#bytes[this.length++] = byte;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}

/** Writes and, reading, gives back the same calls' values: a format is said once, for both directions. */
export interface Columns {
  /** A byte. */
  byte(column: string, value: number): number;
  /** An unsigned number below 2^32, the smaller the shorter. */
  number(column: string, value: number): number;
  /** Four bytes. */
  word(column: string, value: number): number;
}

abstract class Bytewise implements Columns {
  abstract byte(column: string, value: number): number;

  number(column: string, value: number): number {
    let out = 0;
    for (let scale = 1;; scale *= 128) {
      const byte = this.byte(column, value % 128 + (value >= 128 ? 128 : 0));
      out += (byte & 127) * scale;
      if (byte < 128) return out;
      value = Math.floor(value / 128);
    }
  }

  word(column: string, value: number): number {
    let out = 0;
    for (let i = 0; i < 4; i++) out |= this.byte(column, value >>> (i * 8) & 255) << (i * 8);
    return out >>> 0;
  }
}

export class ColumnWriter extends Bytewise {
  readonly #columns = new Map<string, Column>();

  override byte(column: string, value: number): number {
    let c = this.#columns.get(column);
    if (!c) this.#columns.set(column, c = new Column());
    c.push(value);
    return value;
  }

  /** The columns' names and lengths, and their bytes one after the other. */
  finish(): { columns: [string, number][]; bytes: Uint8Array } {
    const all = [...this.#columns].sort(([a], [b]) => a < b ? -1 : 1);
    const columns = all.map(([name, c]) => [name, c.length] as [string, number]);
    const bytes = new Uint8Array(columns.reduce((n, [, length]) => n + length, 0));
    let at = 0;
    for (const [, c] of all) {
      bytes.set(c.bytes, at);
      at += c.length;
    }
    return { columns, bytes };
  }
}

export class ColumnReader extends Bytewise {
  readonly #at = new Map<string, { at: number; end: number }>();

  constructor(columns: [string, number][], private readonly bytes: Uint8Array) {
    super();
    let at = 0;
    for (const [name, length] of columns) {
      this.#at.set(name, { at, end: at + length });
      at += length;
    }
  }

  /** @throws RangeError at a column's end */
  override byte(column: string): number {
    const c = this.#at.get(column);
    if (!c || c.at >= c.end) throw new RangeError(`recording: column ${column} is too short`);
    return this.bytes[c.at++];
  }
}
