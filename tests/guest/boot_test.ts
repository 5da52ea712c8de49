// Skiff and the probes, booted by the command line as a user boots them.

import assert from "node:assert/strict";
import { FLOOD_LINES, floodLine } from "../../guest/probes/mod.ts";
import { bootByCommandLine, type Outcome } from "../guests/cli.ts";

const boot = (guest: string, input = "", ...args: string[]): Promise<Outcome> =>
  bootByCommandLine(["--timeout", "60", ...args, guest], input);

/** Lines of the console, without the CR before each end. */
const lines = (outcome: Outcome): string[] => outcome.stdout.replaceAll("\r", "").split("\n");

function assertHealthy(outcome: Outcome): void {
  const all = lines(outcome);
  const summary = all.find((l) => /^self-checks: \d+ ok, \d+ failed$/.test(l));
  assert.deepEqual(all.filter((l) => l.startsWith("  FAIL")), []);
  const good = all.filter((l) => l.startsWith("  ok ")).length;
  assert.equal(summary, `self-checks: ${good} ok, 0 failed`);
  assert(good >= 17);
}

Deno.test("Skiff without input: banner, self-checks, poweroff", async () => {
  const outcome = await boot("skiff");
  assert.equal(outcome.status, 0, outcome.stderr);
  assertHealthy(outcome);
  const text = lines(outcome).join("\n");
  for (
    const expected of [
      /^Skiff, a small PV kernel\. This line comes through the console ring\.$/m,
      /^start_info: xen-3\.0-x86_32p, flags 00, command line ""$/m,
      /^hypervisor: Xen 4\.17\.\S*, runs .*xen-3\.0-x86_32p/m,
      /^features: pae_pgdir_above_4gb mmu_pt_update_preserve_ad highmem_assist gnttab_map_avail_bits memory_op_vnode_supported direct_mapped$/m,
      /^memory: 16384 pages, 64 MiB$/m,
      /\(ring 3\) hello by int 0x80$/m,
      /^ {7}domain \d+, name \S+$/m,
      /^skiff> control\/shutdown: poweroff$/m,
    ]
  ) assert.match(text, expected);
  assert.match(outcome.stderr, /Skiff: this line comes by console_io/);
});

Deno.test("Skiff with less memory, a command line, virtual time, and no console_io", async () => {
  const outcome = await boot(
    "skiff",
    "",
    "-m",
    "16",
    "-c",
    "one two",
    "--time",
    "virtual",
    "--option",
    "console_io=off",
  );
  assert.equal(outcome.status, 0, outcome.stderr);
  assertHealthy(outcome);
  assert(lines(outcome).includes("memory: 4096 pages, 16 MiB"));
  assert(lines(outcome).includes("console_io: not for us, error 1"));
  assert.match(outcome.stdout, /command line "one two"/);
});

Deno.test("Skiff with a gigabyte: its addresses end where 32 bits do", async () => {
  const outcome = await boot("skiff", "", "-m", "1024");
  assert.equal(outcome.status, 0, outcome.stderr);
  assertHealthy(outcome);
});

Deno.test("Skiff takes commands", async () => {
  const outcome = await boot(
    "skiff",
    "help\nechoo\n echo\necho  two  words\x7fz\nfeatures\nmem\nhalt\nnever\n",
  );
  assert.equal(outcome.status, 0, outcome.stderr);
  const all = lines(outcome);
  const from = (line: string) => all.slice(all.indexOf(line) + 1);
  assert.match(from("skiff> help")[0], /^ {2}help: /);
  assert.equal(from("skiff> echoo")[0], "echoo: unknown, try help");
  assert.equal(from("skiff>  echo")[0], " echo: unknown, try help");
  assert(all.includes("two  wordz"));
  assert.match(from("skiff> features")[0], /^features: pae_pgdir/);
  assert.match(from("skiff> mem")[0], /^memory: /);
  assert(all.includes("skiff> halt"));
  assert(!outcome.stdout.includes("never"));
});

Deno.test("Skiff reboots and crashes when asked to", async () => {
  const rebooted = await boot("skiff", "reboot\n", "--no-reboot");
  assert.equal(rebooted.status, 4, rebooted.stderr);
  const crashed = await boot("skiff", "crash\n");
  assert.equal(crashed.status, 3);
  assert(lines(crashed).includes("panic: crash asked for"));
  assert.match(crashed.stderr, /shutdown\+0x/); // the report names the function it was in
});

Deno.test("a megabyte through the console ring loses nothing", async () => {
  const outcome = await boot("console-flood");
  assert.equal(outcome.status, 0, outcome.stderr);
  const all = lines(outcome);
  assert.equal(all.length, FLOOD_LINES + 1);
  all.slice(0, FLOOD_LINES).forEach((line, i) => assert.equal(line, floodLine(i)));
});

Deno.test("the echo probe gives back what it is sent", async () => {
  const text = Array.from({ length: 200 }, (_, i) => `${i} bytes in, bytes out`).join(";");
  const outcome = await boot("echo", text);
  assert.equal(outcome.status, 0, outcome.stderr);
  assert(outcome.stdout.includes(text));
});

Deno.test("probes end as they are meant to", async () => {
  const statuses: Record<string, number> = {
    "exit-reboot": 4,
    "exit-7": 4,
    "crash-null-handler": 3,
    "crash-bad-stack": 3,
    "crash-iret-ring0": 3,
    "crash-panic": 3,
  };
  for (const [name, status] of Object.entries(statuses)) {
    const outcome = await boot(name, "", "--no-reboot");
    assert.equal(outcome.status, status, `${name}: ${outcome.stderr}`);
  }
  for (const name of ["spin", "block"]) {
    const outcome = await bootByCommandLine(["--timeout", "1", name]);
    assert.equal(outcome.status, 2, `${name}: ${outcome.stderr}`);
  }
});
