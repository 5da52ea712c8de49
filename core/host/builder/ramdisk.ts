/**
 * The ramdisk as it will lie in memory. As libxenguest does, a gzip'd one is unpacked, with 16 bytes
 * of room behind it that count as part of it; any other is handed over as it is. Rule: pv-abi §2.1;
 * Xen: tools/libs/guest/xg_dom_core.c (xc_dom_build_module).
 */
import { gunzip, gzipTrailerLength, isGzip } from "../elf/gzip.ts";
import { ImageError } from "../elf/image_error.ts";

const ROOM = 16;

/**
 * @param limit greatest size in memory, in bytes
 * @throws ImageError when it is larger, packed or unpacked
 */
export async function prepareRamdisk(bytes: Uint8Array, limit: number): Promise<Uint8Array> {
  if (bytes.length > limit) {
    throw new ImageError(
      "ramdisk",
      `the ramdisk has ${bytes.length >> 10} KiB, the domain only ${limit >> 10} KiB of memory`,
    );
  }
  if (!isGzip(bytes)) return bytes;
  let unpacked;
  try {
    unpacked = await gunzip(bytes, "the ramdisk", limit);
  } catch (error) {
    // What only looks like gzip, or has more behind it (a cpio of several parts), goes in as it is.
    if (error instanceof ImageError && error.code === "gzip") return bytes;
    throw error;
  }
  if (unpacked.length !== gzipTrailerLength(bytes)) return bytes;
  const padded = new Uint8Array(unpacked.length + ROOM);
  padded.set(unpacked);
  return padded;
}
