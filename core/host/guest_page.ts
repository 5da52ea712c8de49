/** A frame of machine memory that a guest shares with the host. */
export class GuestPage {
  private view: Uint8Array<ArrayBuffer> | null = null;
  private words: DataView<ArrayBuffer> | null = null;

  /**
   * @param memory the machine's memory; it may grow
   * @param address where the frame begins in it
   */
  constructor(
    private readonly memory: { readonly buffer: ArrayBufferLike },
    private readonly address: number,
  ) {}

  /** The frame's 4096 bytes, as they are now and will be: not to be kept over a run of the guest. */
  get bytes(): Uint8Array<ArrayBuffer> {
    this.refresh();
    return this.view!;
  }

  /** Reads an aligned little-endian word. */
  load(offset: number): number {
    this.refresh();
    return this.words!.getUint32(offset, true);
  }

  /** Writes an aligned little-endian word. */
  store(offset: number, value: number): void {
    this.refresh();
    this.words!.setUint32(offset, value, true);
  }

  private refresh(): void {
    if (this.view && this.view.buffer === this.memory.buffer) return;
    const buffer = this.memory.buffer as ArrayBuffer;
    this.view = new Uint8Array(buffer, this.address, 4096);
    this.words = new DataView(buffer, this.address, 4096);
  }
}

const NOTHING = new Uint8Array(0);

/**
 * One direction of a byte ring in a shared page: data at a fixed place, and free-running producer
 * and consumer indices, masked by the size, of which the guest may write both at any time.
 */
export class ByteRing {
  /** @param size of the data in bytes, a power of two */
  constructor(
    private readonly page: GuestPage,
    private readonly data: number,
    private readonly size: number,
    private readonly consumer: number,
    private readonly producer: number,
  ) {}

  /** Bytes that wait to be read, or -1 when the indices are further apart than the ring is large. */
  get used(): number {
    const n = (this.page.load(this.producer) - this.page.load(this.consumer)) >>> 0;
    return n > this.size ? -1 : n;
  }

  /** Bytes that can be written, or -1 when the indices make no sense. */
  get free(): number {
    const used = this.used;
    return used < 0 ? -1 : this.size - used;
  }

  /** Takes out at most `most` bytes. Empty when there are none or the indices make no sense. */
  read(most: number): Uint8Array<ArrayBuffer> {
    const n = Math.min(this.used, most);
    if (n <= 0) return NOTHING;
    const out = new Uint8Array(n);
    const at = this.page.load(this.consumer);
    const start = at & (this.size - 1);
    const first = Math.min(n, this.size - start);
    const bytes = this.page.bytes;
    out.set(bytes.subarray(this.data + start, this.data + start + first));
    out.set(bytes.subarray(this.data, this.data + n - first), first);
    this.page.store(this.consumer, (at + n) >>> 0);
    return out;
  }

  /** Puts in as many of these bytes as there is room for, and says how many. */
  write(from: Uint8Array): number {
    const n = Math.min(this.free, from.length);
    if (n <= 0) return 0;
    const at = this.page.load(this.producer);
    const start = at & (this.size - 1);
    const first = Math.min(n, this.size - start);
    const bytes = this.page.bytes;
    bytes.set(from.subarray(0, first), this.data + start);
    bytes.set(from.subarray(first, n), this.data);
    this.page.store(this.producer, (at + n) >>> 0);
    return n;
  }
}
