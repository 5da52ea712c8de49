// Skiff and the probes, booted by the command line as a user boots them.

import assert from "node:assert/strict";
import { Recorder } from "../../bench/recorder.ts";
import { measurements } from "../../guest/skiff/programs/bench_measurements.ts";
import { FLOOD_LINES, floodLine } from "../../guest/probes/mod.ts";
import { bootByCommandLine, type Outcome } from "../guests/cli.ts";

const boot = (guest: string, input = "", ...args: string[]): Promise<Outcome> =>
  bootByCommandLine(["--timeout", "60", ...args, guest], input);

/** Lines of the console, without the CR before each end. */
const lines = (outcome: Outcome): string[] => outcome.stdout.replaceAll("\r", "").split("\n");

/** Checks of the self-test that a guest with one processor makes. */
const CHECKS = 116;

/** The boot's self-test found everything well: it tells only failures, and a summary. */
function assertHealthy(outcome: Outcome): void {
  assert.equal(outcome.status, 0, outcome.stderr);
  const all = lines(outcome);
  assert.deepEqual(all.filter((l) => l.startsWith("  FAIL")), []);
  const summary = all.find((l) => l.startsWith("selftest: "));
  const [, good] = /^selftest: (\d+) ok, 0 failed$/.exec(summary ?? "") ?? [];
  assert(Number(good) >= CHECKS - 2, summary);
}

Deno.test("Skiff without input: banner, summary of the checks, poweroff", async () => {
  const outcome = await boot("skiff");
  assertHealthy(outcome);
  const text = lines(outcome).join("\n");
  for (
    const expected of [
      /^Skiff, a small PV kernel\. This line comes through the console ring\.$/m,
      /^start_info: xen-3\.0-x86_32p, flags 00, command line ""$/m,
      /^hypervisor: Xen 4\.17\.\S*, runs .*xen-3\.0-x86_32p/m,
      /^features: pae_pgdir_above_4gb mmu_pt_update_preserve_ad highmem_assist gnttab_map_avail_bits memory_op_vnode_supported direct_mapped$/m,
      /^memory: 16384 pages, 64 MiB$/m,
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
  assertHealthy(outcome);
  assert(lines(outcome).includes("memory: 4096 pages, 16 MiB"));
  assert(lines(outcome).includes("console_io: not for us, error 1"));
  assert.match(outcome.stdout, /command line "one two"/);
});

Deno.test("Skiff with a gigabyte: its addresses end where 32 bits do", async () => {
  assertHealthy(await boot("skiff", "", "-m", "1024"));
});

Deno.test("Skiff with the hypervisor's limits of 2007 [option.xen32_limits] [limits_2007.bad_iret]", async () => {
  const outcome = await boot("skiff", "selftest\nhalt\n", "--option", "xen32_limits");
  assertHealthy(outcome);
  assert(lines(outcome).includes("  ok   failsafe: by way of the failsafe callback"));
});

Deno.test("Skiff on a processor without NX, and on one without FXSR", async () => {
  assertHealthy(await boot("skiff", "", "--cpuid", "no-nx"));
  const refused = await boot("skiff", "", "--cpuid", "no-fxsr");
  assert.equal(refused.status, 3);
  assert(lines(refused).includes("panic: a processor without FXSR"));
});

Deno.test("Skiff's self-test as a command names each check [multicall] [set_trap_table] [set_gdt] [update_descriptor] [stack_switch] [fpu_taskswitch] [mmuext_op.set_ldt] [mmuext_op.new_baseptr] [mmuext_op.tlb_flush_local] [mmuext_op.invlpg_local] [mmuext_op.tlb_flush_all] [event.mask] [event.unmask] [emulate.forced] [emulate.cr3] [trap.#NM]", async () => {
  const outcome = await boot("skiff", "selftest\nhalt\n");
  assertHealthy(outcome);
  const checks = lines(outcome).filter((l) => l.startsWith("  ok   "));
  assert.equal(checks.length, CHECKS);
  assert.equal(lines(outcome).filter((l) => l === `selftest: ${CHECKS} ok, 0 failed`).length, 2);
});

Deno.test("Skiff's shell: programs, pipes, editing, processes in the background", async () => {
  const up = "\x1b[A", left = "\x1b[D";
  const outcome = await boot(
    "skiff",
    "help\nechoo\n echo\necho  two  words\x7fz\n" +
      `ech first${left}${left}${left}${left}${left}${left}o\n${up}\x7f!\n` +
      "echo one two | cat | count\nfeatures\nmem\nps\nmaps\npte 8048000\nevents\nmulticall\n" +
      "cpuid\nfault kernel\nfault divide\nhog &\nps\nhalt\nnever\n",
  );
  assertHealthy(outcome);
  const all = lines(outcome);
  const from = (line: string) => all.slice(all.indexOf(line) + 1);
  assert.match(from("skiff> help")[0], /^ {2}help: /);
  assert.equal(from("skiff> echoo")[0], "echoo: unknown, try help");
  for (const said of ["two  wordz", "first", "firs!"]) assert(all.includes(said), said);
  assert.equal(from("skiff> echo one two | cat | count")[0], "8 bytes, 1 lines");
  assert.match(from("skiff> features")[0], /^features: pae_pgdir/);
  assert.match(from("skiff> mem")[0], /^memory: /);
  assert.match(from("skiff> ps")[1], /^1 asleep 0 0 \d+ init$/);
  assert.match(from("skiff> maps")[0], /^3ffdf000-3ffff000 rw- stack$/);
  assert.match(from("skiff> pte 8048000")[2], /^L1 [0-9a-f]{16} read-only user$/);
  assert.match(from("skiff> events")[0], /^cpu 0: \d+ upcalls/);
  assert.match(from("skiff> multicall").at(-1) ?? "", /^$/);
  assert.match(all.join("\n"), /^40000000: 4000000. 566e6558 65584d4d 4d4d566e$/m);
  assert.match(
    from("skiff> fault kernel")[0],
    /^\[\d+ fault: signal 11, eip .*address c0000000\]$/,
  );
  assert.match(from("skiff> fault divide")[0], /^\[\d+ fault: signal 8, /);
  assert.match(all.join("\n"), /^\d+ runn\S+ 0 \d+ \d+ hog$/m);
  assert(all.includes("skiff> halt"));
  assert(!outcome.stdout.includes("never"));
});

Deno.test("Skiff outlives programs that take everything, and ^C", async () => {
  const input = "hog\n\x03fill\nkill 1\nmem\necho still here\nhalt\n";
  const outcome = await boot("skiff", input, "-m", "16");
  assertHealthy(outcome);
  const all = lines(outcome);
  const after = (line: string) => all[all.indexOf(line) + 1];
  assert.match(after("skiff> fill"), /^\[\d+ fill: signal 11, /);
  assert.equal(after("skiff> kill 1"), "no such process"); // it stays in the kernel
  assert(all.includes("still here"));
  const [, free] = /^(\d+) of \d+ pages free$/m.exec(all.join("\n"))!;
  assert(Number(free) > 3000, free);
});

Deno.test("Skiff on one to eight processors [vcpu_op.initialise] [vcpu_op.up] [vcpu_op.is_up] [event.ipi] [event.virq_vcpu]", async () => {
  for (const n of [2, 3, 4, 5, 6, 7, 8]) {
    const input = "hog &\nhog &\necho a b | cat | count\nevents\nhalt\n";
    const outcome = await boot("skiff", input, "--vcpus", String(n));
    assertHealthy(outcome);
    assert(lines(outcome).includes("4 bytes, 1 lines"));
    assert.equal(outcome.stdout.match(/^cpu \d: /gm)?.length, n);
  }
});

Deno.test("Skiff measures itself, for readers and for machines", async () => {
  const outcome = await boot("skiff", "bench\nbench -m\nhalt\n", "--time", "virtual");
  assertHealthy(outcome);
  const all = lines(outcome);
  const recorder = new Recorder();
  all.forEach((line, i) => recorder.line(i, line));
  assert(recorder.done);
  for (const { name, what, rounds } of measurements) {
    if (name === "ipi") continue; // takes a second processor
    assert.equal(recorder.timings.get(name)?.iterations, rounds, name);
    const row = all.find((line) => line.endsWith(`  ${name}: ${what}`)) ?? "";
    assert.match(row, /^ +\d+\.\d\d( +(-|\d+\.\d\d)){2} {2}/, name);
    assert(Number(row.trim().split(" ")[0]) > 0, name);
  }
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
