import assert from "node:assert/strict";
import { Log } from "../../core/host/log.ts";

Deno.test("lines say whose they are", () => {
  const lines: string[] = [];
  const log = new Log((line) => lines.push(line));
  log.guest(12, Uint8Array.of(0x6f, 0x6e, 0x65));
  log.guest(1, new Uint8Array());
  log.line("ours");
  assert.deepEqual(lines, ["(d12) one", "(d1) ", "(XEN) ours"]);
});
