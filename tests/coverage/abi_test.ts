/** docs/abi-coverage.md is up to date, has a row for everything, and none without proof. */
import assert from "node:assert/strict";
import { OPTION_NAMES } from "../../core/host/options.ts";
import * as names from "../../core/host/trace/names.ts";
import { coverageDocument, filesByTag } from "./document.ts";
import { goldenLines } from "./golden_lines.ts";
import { SECTIONS } from "./rows/mod.ts";
import { claims, taggedTests, tagsIn } from "./tags.ts";

const ROWS = SECTIONS.flatMap((s) => s.rows);
const TAGS = new Set(ROWS.map((r) => r.tag));

Deno.test("docs/abi-coverage.md is up to date", () => {
  const written = Deno.readTextFileSync(new URL("../../docs/abi-coverage.md", import.meta.url));
  assert.ok(written === coverageDocument(), "run `deno task docs`");
});

Deno.test("coverage: no row is without proof", () => {
  const files = filesByTag(ROWS);
  const empty = ROWS.filter((r) =>
    !files.has(r.tag) && !r.golden.some((glob) => goldenLines(r, glob).length > 0)
  );
  assert.deepEqual(empty.map((r) => r.tag), []);
});

Deno.test("coverage: every tag of a test is a row's", () => {
  for (const test of taggedTests()) {
    for (const tag of test.tags) {
      // a hypercall that has rows for its sub-operations only is named for the sake of its errors
      const known = claims(tag, test, ROWS).length > 0 ||
        ROWS.some((r) => r.tag.startsWith(`${tag}.`));
      assert.ok(known, `[${tag}] in ${test.file}`);
    }
  }
});

Deno.test("coverage: every pattern for golden lines finds some, and no row is there twice", () => {
  assert.equal(TAGS.size, ROWS.length);
  for (const r of ROWS.filter((r) => !r.shows)) {
    for (const glob of r.golden) assert.ok(goldenLines(r, glob).length > 0, `${r.tag}: ${glob}`);
  }
});

Deno.test("coverage: every hypercall, sub-operation, vector and option that has a name has a row", () => {
  const wanted = Object.values(names.HYPERCALLS);
  const families: Record<string, Record<number, string> | string[]> = {
    xen_version: names.XEN_VERSION,
    mmuext_op: names.MMUEXT,
    event_channel_op: names.EVENT_CHANNEL,
    sched_op: names.SCHED,
    vcpu_op: names.VCPU,
    memory_op: names.MEMORY,
    grant_table_op: names.GRANT_TABLE,
    vm_assist: names.VM_ASSIST,
    physdev_op: names.PHYSDEV,
  };
  for (const [hypercall, table] of Object.entries(families)) {
    wanted.push(...Object.values(table).map((name) => `${hypercall}.${name.toLowerCase()}`));
  }
  for (const name of [...names.CALLBACK, ...names.CALLBACK_TYPE]) {
    if (!/^\d+$/.test(name)) wanted.push(`callback_op.${name}`);
  }
  wanted.push(...Object.values(names.VECTORS).map((vector) => `trap.${vector}`));
  wanted.push(...OPTION_NAMES.map((option) => `option.${option}`));
  // those with sub-operations have rows for these only
  const missing = wanted.filter((tag) =>
    !TAGS.has(tag) && !ROWS.some((r) => r.tag.startsWith(`${tag}.`))
  );
  assert.deepEqual(missing, []);
});

Deno.test("tags are found at the end of names, whatever their quotes", () => {
  assert.deepEqual(tagsIn('Deno.test("a b [x.y] [errno.EBUSY]", () => {});'), [
    ["x.y", "errno.EBUSY"],
  ]);
  assert.deepEqual(tagsIn("Deno.test(`a ${b} [trap.#GP]`, f);"), [["trap.#GP"]]);
  assert.deepEqual(tagsIn('Deno.test({\n  name: "a [x]",'), [["x"]]);
  assert.deepEqual(tagsIn('Deno.test(\n  "a long name " +\n    "[x.y] [z]",\n  f'), [["x.y", "z"]]);
  assert.deepEqual(tagsIn('Deno.test("a[0] and b [not at the end]", f); x("y [z]")'), []);
});
