import { ParavaneError } from "../error.ts";

/** What is wrong with an image, for programs; the message says it to people. */
export type ImageErrorCode =
  | "empty"
  | "not-elf"
  | "truncated"
  | "class"
  | "machine"
  | "header"
  | "note"
  | "no-notes"
  | "loader"
  | "xen-version"
  | "pae"
  | "feature"
  | "address"
  | "segment"
  | "gzip"
  | "bzimage"
  | "too-big"
  | "memory"
  | "ramdisk"
  | "command-line";

/**
 * An image or a configuration that cannot become a domain.
 *
 * The message is one line: what is wrong, where (offset, section or note), and why it matters. It is
 * thrown before a domain exists, so nothing has to be undone.
 */
export class ImageError extends ParavaneError {
  /** "ImageError". */
  override readonly name = "ImageError";

  /**
   * Made by the library.
   *
   * @param message one line
   */
  constructor(readonly code: ImageErrorCode, message: string) {
    super(message);
  }
}

/** A number as people read addresses: 0x…, lower case. */
export function hex(value: number | bigint): string {
  return "0x" + value.toString(16);
}
