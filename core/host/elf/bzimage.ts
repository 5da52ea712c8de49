/**
 * Finds the kernel inside a Linux bzImage, as the toolstack does before it looks at the ELF.
 * Offsets: Linux Documentation/arch/x86/boot.rst, "The Real-Mode Kernel Header".
 */
import { isElf } from "./header.ts";
import { hex, ImageError } from "./image_error.ts";
import { isGzip } from "./gzip.ts";
import type { Reader } from "./reader.ts";

const SETUP_SECTORS = 0x1f1;
const SIGNATURE = 0x202; // "HdrS"
const HDRS = 0x53726448;
const VERSION = 0x206;
const PAYLOAD_OFFSET = 0x248;
const PAYLOAD_LENGTH = 0x24c;
const SECTOR = 512;
/** Boot protocol 2.08, the first whose header says where the payload is. */
const LEAST_VERSION = 0x208;
const OTHER_FORMATS: [string, number[]][] = [
  ["bzip2", [0x42, 0x5a, 0x68]],
  ["LZMA", [0x5d, 0x00, 0x00]],
  ["XZ", [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ["LZO", [0x89, 0x4c, 0x5a, 0x4f]],
  ["LZ4", [0x02, 0x21, 0x4c, 0x18]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
];

export function isBzImage(file: Reader): boolean {
  return file.has(SIGNATURE, 4) && file.u32(SIGNATURE, "the boot header") === HDRS;
}

/**
 * The payload's bytes: gzip'd, or an ELF as it is.
 *
 * @throws ImageError when the header does not say where it is, or it is packed in another way
 */
export function bzImagePayload(file: Reader): Uint8Array {
  const version = file.u16(VERSION, "the bzImage's protocol version");
  if (version < LEAST_VERSION) {
    throw new ImageError(
      "bzimage",
      `a bzImage of boot protocol ${version >> 8}.${version & 255}, which does not say where its ` +
        "kernel is (2.8 is needed): give the vmlinux instead",
    );
  }
  const sectors = file.u8(SETUP_SECTORS, "the bzImage's setup size") || 4;
  const offset = file.u32(PAYLOAD_OFFSET, "the bzImage's payload offset");
  const length = file.u32(PAYLOAD_LENGTH, "the bzImage's payload length");
  const start = (sectors + 1) * SECTOR + offset;
  const payload = file.slice(start, length, "the bzImage's payload");
  if (isGzip(payload) || isElf(payload)) return payload;
  const format = OTHER_FORMATS.find(([, magic]) => magic.every((b, i) => payload[i] === b))?.[0];
  throw new ImageError(
    "bzimage",
    `the bzImage's payload (offset ${hex(start)}) is ${format ?? "of an unknown format"}: ` +
      "only gzip is unpacked here; give the vmlinux instead",
  );
}
