import assert from "node:assert/strict";
import { Log } from "../../core/host/log.ts";

const bytes = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));

function collect(): { lines: string[]; log: Log } {
  const lines: string[] = [];
  return { lines, log: new Log((line) => lines.push(line)) };
}

Deno.test("what guests write comes line by line with their number", () => {
  const { lines, log } = collect();
  log.guest(1, bytes("one\ntw"));
  log.guest(2, bytes("other\n"));
  log.guest(1, bytes("o\n\nrest"));
  log.line("ours");
  log.flush(1);
  log.flush(1);
  assert.deepEqual(lines, [
    "(d1) one",
    "(d2) other",
    "(d1) two",
    "(d1) ",
    "(XEN) ours",
    "(d1) rest",
  ]);
});

Deno.test("a line without end is cut, and control characters are left out", () => {
  const { lines, log } = collect();
  log.guest(1, bytes("a".repeat(3000)));
  assert.ok(lines.length >= 2 && lines.every((line) => line.length <= 1024 + 5));
  log.flush(1);
  assert.equal(lines.map((line) => line.slice(5)).join(""), "a".repeat(3000));
  lines.length = 0;
  log.guest(1, bytes("\x1b[31mred\x07\ttab\r\n"));
  assert.deepEqual(lines, ["(d1) [31mred\ttab"]);
});
