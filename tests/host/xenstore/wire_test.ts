import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeMessage,
  fromBytes,
  type Message,
  MessageReader,
  PAYLOAD_MAX,
  ProtocolError,
  splitStrings,
  toBytes,
} from "../../../core/host/xenstore/wire.ts";

const word = fc.nat({ max: 0xffffffff });
const message: fc.Arbitrary<Message> = fc.record({
  type: word,
  reqId: word,
  txId: word,
  payload: fc.uint8Array({ maxLength: 200 }),
});

/** Feeds a stream in pieces of the given sizes and collects the messages. */
function readAll(stream: Uint8Array, cuts: number[]): Message[] {
  const reader = new MessageReader();
  const found: Message[] = [];
  let at = 0;
  for (let i = 0; at < stream.length; i++) {
    const n = Math.min(reader.wanted, cuts[i % cuts.length], stream.length - at);
    const done = reader.push(stream.subarray(at, at + n));
    if (done) found.push(done);
    at += n;
  }
  return found;
}

Deno.test("messages survive any cutting of the stream", () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
      (messages, cuts) => {
        const parts = messages.map(encodeMessage);
        const stream = Uint8Array.from(parts.flatMap((p) => [...p]));
        const found = readAll(stream, cuts);
        assert.deepEqual(
          found.map((m) => ({ ...m, payload: [...m.payload] })),
          messages.map((m) => ({ ...m, payload: [...m.payload] })),
        );
      },
    ),
  );
});

Deno.test("a message without payload is complete with its header", () => {
  const m = { type: 6, reqId: 9, txId: 0, payload: new Uint8Array() };
  assert.equal(readAll(encodeMessage(m), [16]).length, 1);
});

Deno.test("the reader refuses a payload above the limit and takes one at it", () => {
  const header = encodeMessage({ type: 2, reqId: 1, txId: 0, payload: new Uint8Array() });
  const view = new DataView(header.buffer);
  view.setUint32(12, PAYLOAD_MAX + 1, true);
  assert.throws(() => new MessageReader().push(header), ProtocolError);
  view.setUint32(12, 0xffffffff, true);
  assert.throws(() => new MessageReader().push(header), ProtocolError);
  view.setUint32(12, PAYLOAD_MAX, true);
  const reader = new MessageReader();
  assert.equal(reader.push(header), null);
  assert.equal(reader.wanted, PAYLOAD_MAX);
});

Deno.test("bytes and text are each other's inverse for every byte", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual(toBytes(fromBytes(all)), all);
});

Deno.test("strings need their last NUL", () => {
  assert.deepEqual(splitStrings(toBytes("a\0b\0")), ["a", "b"]);
  assert.deepEqual(splitStrings(toBytes("a\0\0")), ["a", ""]);
  assert.deepEqual(splitStrings(toBytes("")), []);
  assert.equal(splitStrings(toBytes("a\0b")), null);
});
