/** A guest's trace as rows: decoded, nested, filtered, and bounded however fast it comes. */
import assert from "node:assert/strict";
import { createMachine, loadGuest } from "../../../mod.ts";
import { TRACE_KINDS, type TraceOptions, type TraceRow } from "../../feeds.ts";
import { EVENT_KINDS } from "./hypercalls.ts";
import { TraceRows } from "./trace_rows.ts";

const ALL: TraceOptions = { kinds: [...TRACE_KINDS], words: [], bad: false };

interface Traced {
  rows: TraceRow[];
  seen: number;
  skipped: number;
}

/** Boots a guest and takes its rows, all at its end or batch by batch. */
async function trace(guest: string, options: TraceOptions, every = Infinity): Promise<Traced> {
  const machine = await createMachine({ time: "virtual" });
  const traced = new TraceRows(options);
  const all: Traced = { rows: [], seen: 0, skipped: 0 };
  const take = () => {
    const batch = traced.take();
    if (!batch) return;
    all.rows.push(...batch.rows);
    all.seen += batch.seen;
    all.skipped += batch.skipped;
  };
  let asked = 0;
  machine.subscribe({
    kinds: options.kinds.flatMap((kind) => EVENT_KINDS[kind]),
    only: () => {
      if (++asked % every === 0) take();
      return traced.hasTime();
    },
  }, traced.add);
  let said = "";
  const domain = await machine.addDomain((await loadGuest(guest))!, {
    memory: 16,
    output: (bytes) => {
      // at its prompt, Skiff is told to end
      said += new TextDecoder().decode(bytes);
      if (said.endsWith("skiff> ")) {
        domain.console.send(new TextEncoder().encode("halt\n"));
      }
    },
  });
  await domain.shutdown;
  take();
  machine.stop();
  return all;
}

Deno.test("trace rows: a boot's hypercalls, with arguments in words, results and what nests", async () => {
  const { rows, seen, skipped } = await trace("skiff", { ...ALL, kinds: ["hypercall"] }, 20);
  assert.equal(skipped, 0);
  assert.equal(rows.length, seen);
  assert.deepEqual(rows.map(({ n }) => n), rows.map((_, i) => i + 1));
  assert.ok(
    rows.some((r) => r.name === "sched_op" && r.details === "block, 0x0" || r.details === "block"),
  );
  assert.ok(
    rows.some((r) => r.name === "event_channel_op" && /^alloc|^bind|^send/.test(r.details)),
  );
  const inner = rows.findIndex(({ depth }) => depth === 1);
  assert.equal(rows[inner - 1].name, "multicall");
  assert.ok(rows.every(({ kind, vcpu }) => kind === "hypercall" && vcpu === "d1v0"));
  const failed = rows.filter(({ bad }) => bad);
  assert.ok(failed.length > 0, "the self-test tries what is refused");
  assert.ok(failed.every(({ result }) => /^-E[A-Z0-9]+$/.test(result)));
});

Deno.test("trace rows: words filter, a word with a minus leaves out, errors alone", async () => {
  const { rows } = await trace("skiff", { ...ALL, words: ["mmuext", "-flush"] }, 20);
  assert.ok(rows.length > 0);
  assert.ok(rows.every((r) => r.name === "mmuext_op" && !/flush/i.test(r.details)));
  const errors = await trace("skiff", { ...ALL, bad: true }, 20);
  assert.ok(errors.rows.length > 0 && errors.rows.every(({ bad }) => bad));
});

Deno.test("trace rows: what is too fast to be shown is counted, not kept", async () => {
  const { rows, seen, skipped } = await trace("skiff", ALL);
  // calls that are open when the last row is begun still get theirs
  assert.ok(rows.length <= 303);
  assert.ok(seen > 1000);
  const open = seen - skipped - rows.length;
  assert.ok(open === 0 || open === 1, "all but the call that ended the guest is a row, or skipped");
});
