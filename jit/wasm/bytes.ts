/** An unsigned number of variable length. */
export function unsigned(n: number): number[] {
  const bytes: number[] = [];
  for (; n > 127; n = n / 128 | 0) bytes.push(n & 127 | 128);
  bytes.push(n);
  return bytes;
}

/** A signed number of at most 32 bits. */
export function signed(n: number): number[] {
  const bytes: number[] = [];
  for (n |= 0;; n >>= 7) {
    const b = n & 127;
    if (n >> 6 === 0 || n >> 6 === -1) return [...bytes, b];
    bytes.push(b | 128);
  }
}

/** A signed number of at most 64 bits. */
export function signed64(n: bigint): number[] {
  const bytes: number[] = [];
  for (n = BigInt.asIntN(64, n);; n >>= 7n) {
    const b = Number(n & 127n);
    if (n >> 6n === 0n || n >> 6n === -1n) return [...bytes, b];
    bytes.push(b | 128);
  }
}

/** Bytes written one after another, with WebAssembly's numbers of variable length. */
export class Bytes {
  #bytes = new Uint8Array(64);
  length = 0;

  #room(n: number): void {
    if (this.length + n <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + n));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }

  byte(b: number): void {
    this.#room(1);
    this.#bytes[this.length++] = b;
  }

  /** An unsigned number. */
  unsigned(n: number): void {
    for (; n > 127; n = n / 128 | 0) this.byte(n & 127 | 128);
    this.byte(n);
  }

  /** Leaves room for an unsigned number of 32 bits. @returns where, for {@link patch} */
  later(): number {
    this.all([0x80, 0x80, 0x80, 0x80, 0]);
    return this.length - 5;
  }

  /** Puts a number where {@link later} left room for it. */
  patch(at: number, n: number): void {
    for (let i = 0; i < 5; i++) this.#bytes[at + i] = n >>> 7 * i & 127 | (i < 4 ? 128 : 0);
  }

  all(bytes: ArrayLike<number>): void {
    this.#room(bytes.length);
    for (let i = 0; i < bytes.length; i++) this.#bytes[this.length++] = bytes[i];
  }

  name(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.unsigned(bytes.length);
    this.all(bytes);
  }

  /** Other bytes with their number before them. */
  counted(other: Bytes): void {
    this.unsigned(other.length);
    this.all(other.view());
  }

  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }
}
