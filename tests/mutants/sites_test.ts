import assert from "node:assert/strict";
import { sites } from "./sites.ts";

const found = (text: string) => sites(text).map(({ text, as, line }) => [text, as, line]);

Deno.test("what refuses is taken for false, operand by operand", () => {
  const text = "function f(): i32 {\n  if (a > 1 ||\n    !b(c)) return -EINVAL;\n  return 0;\n}\n";
  assert.deepEqual(found(text), [["a > 1", false, 2], ["!b(c)", false, 3]]);
});

Deno.test("what lets through is taken for true; constants are the compiler's", () => {
  const text = "function f(): bool {\n  if (LONG && a && b) go();\n  return c == 1 && !d;\n}\n";
  assert.deepEqual(found(text), [
    ["a", true, 2],
    ["b", true, 2],
    ["c == 1", true, 3],
    ["!d", true, 3],
  ]);
});

Deno.test("a condition of several that leaves is one of those that let through", () => {
  assert.deepEqual(found("for (;;) { if (a && b) { f(); continue; } if (c) break; }"), [
    ["a", true, 1],
    ["b", true, 1],
    ["c", false, 1],
  ]);
});

Deno.test("each is where the text says", () => {
  const text = "// ü\n@inline function f(): i32 { if (x ||\n y) { g(); return 1; } return 0; }";
  for (const { start, end, text: said } of sites(text)) assert.equal(text.slice(start, end), said);
  assert.equal(sites(text).length, 2);
});
