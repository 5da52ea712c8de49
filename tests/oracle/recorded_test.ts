/**
 * What processors answered once, recorded (recording/): the interpreter against it on every host; and on a host
 * that runs i386 programs the recording against the processor that is there.
 */
import assert from "node:assert/strict";
import { report } from "./compare.ts";
import { FOLLOWED_MAKER, hostProcessor, openElsewhere } from "./processor.ts";
import { bySlots } from "./recording/cases.ts";
import { AGAIN, makers, Recording } from "./recording/file.ts";
import { nativeOutcomes } from "./recording/native.ts";
import { answersStill } from "./recording/still.ts";
import { type Fit, play } from "./recording/play.ts";
import { runsI386 } from "../i386.ts";
import { GuestWorld } from "./run.ts";
import { tried } from "./tried.ts";
import type { Findings } from "./session.ts";
import { takeVariances } from "./variances.ts";
import { vectorDifferences } from "./vector_compare.ts";

/** Bytes of all recordings together. */
const MOST_BYTES = 2 << 20;
/** Of this many forms one is asked again. */
const ASKED_AGAIN = 8;
const ENOUGH = 12;

const noFit = (): Fit => ({ stale: [], gone: [], missing: [] });
const some = (list: string[]) => list.slice(0, 3).join("; ") + (list.length > 3 ? "; …" : "");

function add(findings: Findings, form: string, text: string): void {
  findings.set(form, [...(findings.get(form) ?? []), text]);
}

function assertNone(findings: Findings, what: string): void {
  const reports = [...findings.values()].slice(0, ENOUGH).map((all) => `${all.length} x ${all[0]}`);
  assert.equal(findings.size, 0, `${what}:\n${reports.join("\n")}`);
}

Deno.test("there is a recording of the maker that we follow, and all are small", () => {
  assert.ok(makers().includes(FOLLOWED_MAKER), AGAIN);
  const folder = new URL("./recording/silicon/", import.meta.url);
  const bytes = [...Deno.readDirSync(folder)]
    .reduce((n, e) => n + Deno.statSync(new URL(e.name, folder)).size, 0);
  assert.ok(bytes <= MOST_BYTES, `${bytes} bytes`);
});

for (const maker of makers()) {
  Deno.test(`the interpreter does what ${maker}'s did when it was recorded`, async () => {
    const recording = Recording.of(maker);
    assert.equal(recording.header.maker, maker);
    const fit = noFit();
    const findings: Findings = new Map();
    const world = await GuestWorld.create();
    let count = 0;
    takeVariances();
    try {
      for (const played of play(recording, fit)) {
        for (const portion of bySlots([...tried(played)])) {
          const ours = await world.run(portion.map(({ c }) => c));
          portion.forEach(({ c, recorded }, i) => {
            const lines = vectorDifferences(c, recorded, ours[i], maker);
            if (lines.length) add(findings, c.form, report(c, lines));
          });
          count += portion.length;
        }
      }
    } finally {
      world.close();
    }
    for (const line of takeVariances()) console.log(`recording: ${line}`);
    const { stale, gone, missing } = fit;
    console.log(
      `recording: ${count} cases of ${recording.header.processor} (${recording.header.kernel}); ` +
        `${missing.length} forms are not in it, ${gone.length} are no more`,
    );
    if (missing.length) {
      console.log(`recording: not in it: ${some(missing)}; to have them ${AGAIN}`);
    }
    assertNone(
      new Map([...findings].filter(([form]) => !openElsewhere(findings, maker).includes(form))),
      `${maker}'s answers differ`,
    );
    assert.equal(
      stale.length,
      0,
      `the recording is stale: ${stale.length} forms' cases are made otherwise by now (${
        some(stale)
      }): ${AGAIN}`,
    );
  });

  Deno.test({
    name: `this host's processor answers as ${maker}'s did`,
    ignore: !await runsI386(),
    async fn() {
      let n = 0;
      const findings: Findings = new Map();
      const now = hostProcessor().maker;
      for (const played of play(Recording.of(maker), noFit(), () => n++ % ASKED_AGAIN === 0)) {
        const answers = await nativeOutcomes(played.map(({ c }) => c));
        played.forEach(({ c, recorded }, i) => {
          const lines = answers[i]
            ? answersStill(c, recorded, answers[i], now === maker ? maker : "")
            : [];
          if (lines.length) add(findings, c.form, report(c, lines));
        });
      }
      takeVariances();
      // where makers differ, a processor of another one is told of and no more
      const open = now === maker
        ? []
        : openElsewhere(findings, now === FOLLOWED_MAKER ? maker : now);
      for (const form of open) {
        console.log(`recording: ${now} does otherwise: ${findings.get(form)![0]}`);
      }
      assertNone(
        new Map([...findings].filter(([form]) => !open.includes(form))),
        `what ${maker}'s answered (native) is not what ${now}'s does (ours)`,
      );
    },
  });
}
