/** The command as a user runs it: exit statuses and what it says. */
import assert from "node:assert/strict";
import { MAX_FRAMES } from "../../core/wasm/layout.ts";
import { bootByCommandLine, type Outcome } from "../guests/cli.ts";
import { BROKEN } from "../host/elf/broken.ts";
import { crashes, echoes, ends, says, sleeps, spins, tellsFeature } from "./tiny_guest.ts";

/** Boots an image from a file that lives as long as the boot. */
async function boot(image: Uint8Array, args: string[] = [], input = ""): Promise<Outcome> {
  const file = await Deno.makeTempFile({ suffix: ".elf" });
  try {
    await Deno.writeFile(file, image);
    return await bootByCommandLine(["--timeout", "20", ...args, file], input);
  } finally {
    await Deno.remove(file);
  }
}

function oneLine(text: string): string {
  assert.match(text, /^[^\n]+\n$/);
  return text;
}

Deno.test("poweroff: status 0", async () => {
  const { status, stdout, stderr } = await boot(ends(0));
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
});

Deno.test("console_io goes to the log, with the guest's number", async () => {
  const { status, stdout, stderr } = await boot(says("one\ntwo"));
  assert.deepEqual({ status, stdout }, { status: 0, stdout: "" });
  assert.equal(stderr, "(d1) one\n(d1) two\n");
  assert.equal((await boot(says("one"), ["--option", "console_io=off"])).stderr, "");
});

Deno.test("other reasons: status 4 and the reason's number", async () => {
  for (const reason of [2, 5, 77]) {
    const { status, stderr } = await boot(ends(reason));
    assert.equal(status, 4);
    assert.match(oneLine(stderr), new RegExp(`reason ${reason}\\b`));
  }
  const { status, stderr } = await boot(ends(1), ["--no-reboot"]);
  assert.equal(status, 4);
  assert.match(oneLine(stderr), /reason 1 \(reboot\)/);
});

Deno.test("--cpuid: the guest is not told of the feature, nor of what needs it", async () => {
  const sse2 = tellsFeature(26);
  assert.equal((await boot(sse2, ["--no-reboot"])).status, 4);
  assert.equal((await boot(sse2, ["--no-reboot", "--cpuid", "host,sse=0"])).status, 0);
});

Deno.test("a guest that reboots boots again, until time is up", async () => {
  const { status, stderr } = await boot(ends(1), ["--timeout", "3", "--trace", "hypercall"]);
  assert.equal(status, 2);
  const times = stderr.split("\n").filter((line) => line.includes("shutdown, reboot")).length;
  assert.ok(times > 3, stderr.slice(0, 2000));
});

Deno.test("a crash: status 3, with a report", async () => {
  const { status, stderr } = await boot(crashes());
  assert.equal(status, 3);
  assert.match(stderr, /^paravane: domain 1 crashed: .+ \(vCPU 0\)$/m);
  assert.match(stderr, /eax 12345678 .*\n.*\n.*eip c000001/);
  assert.match(stderr, /cs e019/);
  assert.match(stderr, /at c000001.: ud2/);
  assert.match(stderr, /stack c0/);
  assert.match(stderr, /hypercall sched_op\(0x0, 0x0\) = 0/);
});

Deno.test("a crash that the guest reports itself, and a watchdog: status 3", async () => {
  for (const [reason, words] of [[3, /reported its own crash/], [4, /watchdog/]] as const) {
    const { status, stderr } = await boot(ends(reason));
    assert.equal(status, 3);
    assert.match(stderr, words);
    assert.match(stderr, /hypercall sched_op/);
  }
});

Deno.test("time is up: status 2", async () => {
  for (const time of ["wall", "virtual"]) {
    const args = ["--timeout", "0.5", "--time", time, "--option", "console_io=off"];
    const { status, stderr } = await boot(spins(), args);
    assert.equal(status, 2);
    assert.match(oneLine(stderr), /timed out after 0.5 s/);
  }
});

Deno.test("a guest that blocks leaves the host idle", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeFile(file, sleeps());
  const cli = new URL("../../core/host/cli.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", cli, "--timeout", "3", "--stdin-eof", "ignore", file],
    stdin: "null",
    stderr: "null",
  }).spawn();
  const ticks = () => {
    const stat = Deno.readTextFileSync(`/proc/${child.pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[11]) + Number(fields[12]);
  };
  if (Deno.build.os !== "linux") return;
  await new Promise((resolve) => setTimeout(resolve, 1200));
  const before = ticks();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const used = ticks() - before;
  assert.equal((await child.status).code, 2);
  await Deno.remove(file);
  assert.ok(used <= 3, `${used} hundredths of a second in 1.5 s`);
});

Deno.test("piped input reaches the guest, all of it and in order", async () => {
  const text = Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join("");
  const { status, stdout } = await boot(echoes(), [], text + "q");
  assert.equal(status, 0);
  assert.equal(stdout, text + "q");
});

Deno.test("what cannot be booted: one line and status 1", async () => {
  const cases: [string[], RegExp][] = [
    [["no-such-guest"], /no-such-guest: neither a file nor a built-in guest/],
    [["README.md"], /README.md: not an ELF/],
    [["--memory", "5"], /unknown flag "--memory"/],
    [["-m", "many"], /-m wants/],
    [["-r", "no-such-file", "README.md"], /no-such-file/],
    [["-r", "core", "README.md"], /core: no file to be the ramdisk/],
    [["core"], /core: neither a file/],
    [["README.md/x"], /README.md\/x: /],
    [[""], /"": neither/],
    [["\x1b[31m\n"], /"\\u001b\[31m\\n": neither/],
    [["--cpuid", "no-sse9"], /"no-sse9": no feature of that name/],
  ];
  for (const [args, words] of cases) {
    const { status, stdout, stderr } = await bootByCommandLine(args);
    assert.equal(status, 1, args.join(" "));
    assert.equal(stdout, "");
    assert.match(oneLine(stderr), words);
  }
});

Deno.test("broken images: one line and status 1", async () => {
  for (let i = 0; i < BROKEN.length; i += 16) {
    const [name, , make] = BROKEN[i];
    const { status, stderr } = await boot(await make());
    assert.equal(status, 1, name);
    assert.match(oneLine(stderr), /^paravane: [^ ]+\.elf: /);
  }
});

Deno.test("too little memory for the image: one line and status 1", async () => {
  const { status, stderr } = await boot(ends(0), ["-m", "1"]);
  assert.equal(status, 1);
  oneLine(stderr);
});

Deno.test("more memory than a machine has: what, how much and why, in one line and status 1", async () => {
  const { status, stderr } = await bootByCommandLine(
    "-m 3000 skiff --and -m 1500 skiff".split(" "),
  );
  assert.equal(status, 1);
  const said = /skiff: .*no room for its 15\d\d MiB: .* have (\d+) MiB, and 30\d\d MiB are taken/;
  const [, all] = said.exec(oneLine(stderr)) ?? assert.fail(stderr);
  assert.equal(Number(all), MAX_FRAMES / 256);
});

Deno.test("an interrupt ends it with a line", async () => {
  const file = await Deno.makeTempFile();
  await Deno.writeFile(file, spins());
  const cli = new URL("../../core/host/cli.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", cli, "--timeout", "20", file],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let said = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    if (said === "") child.kill("SIGINT");
    said += text;
  }
  await Deno.remove(file);
  assert.equal((await child.status).code, 130);
  assert.equal(said, "(d1) spinning\nparavane: interrupted\n");
});

Deno.test("the same input gives the same run in virtual time", async () => {
  const runs = [];
  for (let i = 0; i < 2; i++) {
    const args = ["--time", "virtual", "--trace", "hypercall,trap,event,mmu"];
    runs.push((await boot(crashes(), args)).stderr);
  }
  assert.equal(runs[0], runs[1]);
  assert.match(runs[0], /sched_op\(yield\) = 0/);
});

Deno.test("--help", async () => {
  const { status, stdout } = await bootByCommandLine(["--help"]);
  assert.equal(status, 0);
  assert.match(stdout, /^usage: deno task boot/);
});
