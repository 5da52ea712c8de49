/**
 * The xenstore wire format: a header of four little-endian words and a payload of at most 4096
 * bytes. Reference: Xen public header io/xs_wire.h, docs/misc/xenstore.txt.
 */

/** Message types, by their names in io/xs_wire.h. */
export const XS = {
  CONTROL: 0,
  DIRECTORY: 1,
  READ: 2,
  GET_PERMS: 3,
  WATCH: 4,
  UNWATCH: 5,
  TRANSACTION_START: 6,
  TRANSACTION_END: 7,
  INTRODUCE: 8,
  RELEASE: 9,
  GET_DOMAIN_PATH: 10,
  WRITE: 11,
  MKDIR: 12,
  RM: 13,
  SET_PERMS: 14,
  WATCH_EVENT: 15,
  ERROR: 16,
  IS_DOMAIN_INTRODUCED: 17,
  RESUME: 18,
  SET_TARGET: 19,
  RESET_WATCHES: 21,
  DIRECTORY_PART: 22,
} as const;

export const HEADER_SIZE = 16;
export const PAYLOAD_MAX = 4096;

/** One message, request or reply. */
export interface Message {
  type: number;
  reqId: number;
  txId: number;
  payload: Uint8Array;
}

/** The length that a header announces is above PAYLOAD_MAX: the stream cannot be followed further. */
export class ProtocolError extends Error {}

/** The message as it lies on the ring. */
export function encodeMessage(m: Message): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + m.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, m.type, true);
  view.setUint32(4, m.reqId, true);
  view.setUint32(8, m.txId, true);
  view.setUint32(12, m.payload.length, true);
  bytes.set(m.payload, HEADER_SIZE);
  return bytes;
}

/** Puts messages together from a byte stream that is cut at arbitrary places. */
export class MessageReader {
  private readonly header = new Uint8Array(HEADER_SIZE);
  private headerFill = 0;
  private payload: Uint8Array | null = null;
  private payloadFill = 0;

  /** Bytes that the message at hand still needs before `push` can return it; never 0. */
  get wanted(): number {
    return this.payload ? this.payload.length - this.payloadFill : HEADER_SIZE - this.headerFill;
  }

  /**
   * Takes in the next bytes of the stream, at most `wanted` of them.
   *
   * @returns the message that they complete, or null
   * @throws ProtocolError when the header announces too long a payload
   */
  push(bytes: Uint8Array): Message | null {
    if (this.payload) {
      this.payload.set(bytes, this.payloadFill);
      this.payloadFill += bytes.length;
    } else {
      this.header.set(bytes, this.headerFill);
      this.headerFill += bytes.length;
      if (this.headerFill < HEADER_SIZE) return null;
      const length = new DataView(this.header.buffer).getUint32(12, true);
      if (length > PAYLOAD_MAX) throw new ProtocolError(`payload of ${length} bytes`);
      this.payload = new Uint8Array(length);
      this.payloadFill = 0;
    }
    if (this.payloadFill < this.payload.length) return null;
    const view = new DataView(this.header.buffer);
    const message = {
      type: view.getUint32(0, true),
      reqId: view.getUint32(4, true),
      txId: view.getUint32(8, true),
      payload: this.payload,
    };
    this.reset();
    return message;
  }

  /** Forgets a message that is only partly there. */
  reset(): void {
    this.headerFill = 0;
    this.payload = null;
    this.payloadFill = 0;
  }
}

/** Text as payloads carry it: one byte a character, so that any byte string survives. */
export function toBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The inverse of {@link toBytes}. */
export function fromBytes(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]);
  return text;
}

/**
 * The NUL-terminated strings of a payload.
 *
 * @returns null when the last one lacks its NUL
 */
export function splitStrings(payload: Uint8Array): string[] | null {
  if (payload.length === 0) return [];
  if (payload[payload.length - 1] !== 0) return null;
  return fromBytes(payload.subarray(0, payload.length - 1)).split("\0");
}
