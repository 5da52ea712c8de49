// The loader guest, against Linux: the same programs print and end the same.

import assert from "node:assert/strict";
import { bootByCommandLine } from "../guests/cli.ts";
import { cpioArchive } from "../../guest/cpio.ts";
import { GLUTTON, PROGRAMS } from "./programs/mod.ts";
import { runsI386 } from "../i386.ts";
import { assertAsRecorded, isRecorded } from "../guests/recorded/recorded.ts";
import { programImage, runNatively } from "./native.ts";

/** Boots the loader with files and a list of commands. */
async function load(files: Record<string, Uint8Array>, list: string, memory = "64") {
  const ramdisk = await Deno.makeTempFile();
  try {
    await Deno.writeFile(ramdisk, cpioArchive(files));
    return await bootByCommandLine(
      ["--timeout", "60", "-m", memory, "-r", ramdisk, "-c", list, "loader"],
    );
  } finally {
    await Deno.remove(ramdisk);
  }
}

/** What each command printed, without the line of what ended it, and its status, by command. */
function results(console: string): Map<string, { output: string; end: string }> {
  const parts = console.split(/^\$ (.*)\r\n/m).slice(1);
  const found = new Map<string, { output: string; end: string }>();
  for (let i = 0; i < parts.length; i += 2) {
    const match = /^([^]*?)(?:loader: .*\r\n)?\[(.*)\]\r\n$/.exec(parts[i + 1]);
    assert(match, `no end: ${parts[i + 1]}`);
    found.set(parts[i], { output: match[1], end: match[2] });
  }
  return found;
}

Deno.test("loader: programs print and end as on Linux", async () => {
  const native = await runsI386();
  const names = Object.keys(PROGRAMS);
  assert.ok(names.filter((name) => !isRecorded("loader", name)).length <= 3);
  const files = Object.fromEntries(names.map((name) => [name, programImage(PROGRAMS[name])]));
  const { status, stdout, stderr } = await load(files, names.join(";"));
  assert.equal(status, 0, stderr);
  const ours = results(stdout);
  assert.deepEqual([...ours.keys()], names);
  for (const name of names) {
    const { output, end } = ours.get(name)!;
    if (isRecorded("loader", name)) assertAsRecorded("loader", name, `${output}[${end}]`);
    else if (!native) {
      console.log(`loader: ${name} is compared on hosts that run i386 programs only`);
    }
    if (!native) continue;
    const theirs = await runNatively(PROGRAMS[name]);
    const printed = new TextDecoder().decode(theirs.output);
    assert.deepEqual({ output, end }, { output: printed, end: `status ${theirs.status}` }, name);
  }
  assert.equal(
    stderr.match(/loader: no system call \d+/g)?.join(),
    "loader: no system call 9999",
  );
});

Deno.test("loader: what cannot start says so, and the next one starts", async () => {
  const good = programImage(PROGRAMS.heap);
  const change = (at: number, ...bytes: number[]) => {
    const copy = good.slice();
    copy.set(bytes, at);
    return copy;
  };
  const files: Record<string, Uint8Array> = {
    good,
    empty: new Uint8Array(0),
    text: new TextEncoder().encode("#!/bin/sh\n"),
    cut: good.slice(0, 60),
    wide: change(4, 2),
    late: change(28, 0xf0, 0xff, 0xff, 0xff),
    many: change(44, 0xff, 0xff),
    high: change(52 + 8, 0, 0, 0, 0xd0),
    low: change(52 + 8, 0, 0, 0, 0),
    long: change(52 + 20, 0xff, 0xff, 0xff, 0xff),
    beyond: change(52 + 16, 0xff, 0xff, 0xff, 0x0f),
  };
  const { status, stdout, stderr } = await load(files, Object.keys(files).join(";") + ";none;good");
  assert.equal(status, 0, stderr);
  for (const [name, { end }] of results(stdout)) {
    const expected = name === "good"
      ? "status 3"
      : `cannot start, error ${name === "none" ? 2 : 8}`;
    assert.equal(end, expected, name);
  }
});

Deno.test("loader: quotes, empty commands, and output to a file", async () => {
  const files = { "the heap": programImage(PROGRAMS.heap), files: programImage(PROGRAMS.files) };
  const { stdout } = await load(files, ` ;; 'the heap' ;"the heap" > files; files;`);
  const ended = results(stdout);
  assert.deepEqual([...ended.keys()], ["'the heap'", `"the heap" > files`, "files"]);
  assert.equal(ended.get(`"the heap" > files`)!.output, "");
  assert.equal(ended.get("files")!.end, "cannot start, error 8");
});

Deno.test("loader: a program that wants more memory than there is ends; the next one gets it all", async () => {
  const files = { glutton: programImage(GLUTTON), memory: programImage(PROGRAMS.memory) };
  for (const memory of ["8", "300"]) {
    const { status, stdout, stderr } = await load(files, "glutton;glutton again;memory", memory);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /out of memory/);
    const ends = [...results(stdout).values()].map(({ end }) => end);
    assert.deepEqual(ends, ["status 137", "status 137", "status 0"]);
  }
});

Deno.test("loader: without a ramdisk, or with a bad one, it panics", async () => {
  const none = await bootByCommandLine(["--timeout", "30", "loader"]);
  assert.equal(none.status, 3);
  assert.match(none.stdout, /panic: no ramdisk/);
  const good = cpioArchive({ file: new Uint8Array(5000) });
  const ramdisk = await Deno.makeTempFile();
  try {
    for (const bad of [good.slice(0, 3000), good.slice(1), good.slice(0, -60)]) {
      await Deno.writeFile(ramdisk, bad);
      const { status, stdout } = await bootByCommandLine(
        ["--timeout", "30", "-r", ramdisk, "loader"],
      );
      assert.equal(status, 3);
      assert.match(stdout, /panic: the ramdisk is no cpio archive/);
    }
  } finally {
    await Deno.remove(ramdisk);
  }
});
