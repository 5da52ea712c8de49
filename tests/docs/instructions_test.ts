/** docs/instructions.md is what the table gives, and leaves no instruction without proof or reason. */
import assert from "node:assert/strict";
import { instructionsDocument } from "../../jit/isa/document.ts";
import { NOTES } from "../../jit/isa/notes.ts";
import { TABLE } from "../../jit/isa/table.ts";
import { casesByRow } from "../oracle/counts.ts";
import { proof } from "./proof.ts";

Deno.test("docs/instructions.md is up to date", async () => {
  const written = Deno.readTextFileSync(new URL("../../docs/instructions.md", import.meta.url));
  assert.ok(written === instructionsDocument(await proof()), "run `deno task docs`");
});

Deno.test("every row is tried by the oracle, or it is said why not", () => {
  const casesOf = casesByRow();
  const silent = TABLE.filter((row) => {
    const { cases, long, why } = casesOf(row);
    return !cases && !long && !why && !NOTES.some((n) => n.about.test(row.name));
  });
  assert.deepEqual([...new Set(silent.map((row) => row.name))], []);
});

Deno.test("every note is about an instruction that there is", () => {
  for (const { about, text } of NOTES) assert.ok(TABLE.some((r) => about.test(r.name)), text);
});
