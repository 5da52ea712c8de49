/**
 * gzip, with a bound on what it may become. Uses the DecompressionStream that Deno, Node and
 * browsers have.
 */
import { ImageError } from "./image_error.ts";

/** Input is given in pieces this small, so that a bomb is noticed before it is unpacked. */
const PIECE = 16384;

/** Greatest unpacked size where the caller knows no better. */
export const DEFAULT_LIMIT = 256 << 20;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The unpacked length (mod 2^32) as the last four bytes of a gzip file give it. */
export function gzipTrailerLength(bytes: Uint8Array): number {
  if (bytes.length < 18) return 0;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.length - 4, true);
}

/**
 * Unpacks one gzip file.
 *
 * @param what names it in errors ("the image", "the ramdisk")
 * @param limit greatest number of bytes it may become
 * @throws ImageError when it is damaged, cut short, followed by other bytes, or too big
 */
export async function gunzip(bytes: Uint8Array, what: string, limit: number): Promise<Uint8Array> {
  const stream = new DecompressionStream("gzip");
  // A failure shows on both sides of the stream; the reading side reports it.
  const written = feed(stream.writable, bytes).catch(() => {});
  const reader = stream.readable.getReader();
  const chunks: Uint8Array[] = [];
  let total = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      total += value.length;
      if (total > limit) break;
      chunks.push(value);
    }
  } catch {
    throw new ImageError(
      "gzip",
      `${what} is damaged gzip data: cut short, a wrong checksum, or other bytes behind it ` +
        `(${total} bytes came out of ${bytes.length})`,
    );
  }
  if (total > limit) {
    await reader.cancel().catch(() => {});
    throw new ImageError(
      "too-big",
      `${what} unpacks to more than ${limit >> 20} MiB, which is the most this guest may have`,
    );
  }
  await written;
  return join(chunks, total);
}

async function feed(writable: WritableStream<BufferSource>, bytes: Uint8Array): Promise<void> {
  const writer = writable.getWriter();
  for (let at = 0; at < bytes.length; at += PIECE) {
    await writer.ready;
    await writer.write(bytes.slice(at, at + PIECE));
  }
  await writer.close();
}

function join(chunks: Uint8Array[], total: number): Uint8Array {
  const all = new Uint8Array(total);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
