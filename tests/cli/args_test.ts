import assert from "node:assert/strict";
import fc from "fast-check";
import { parseArguments, UsageError } from "../../core/host/cli/args.ts";
import { helpText } from "../../core/host/cli/help.ts";

Deno.test("nothing given: the built-in guest with 64 MiB, wall time, no limit", () => {
  const a = parseArguments([]);
  assert.equal(a.guest, null);
  assert.equal(a.memory, 64);
  assert.equal(a.time, "wall");
  assert.equal(a.timeout, Infinity);
  assert.equal(a.vcpus, 1);
  assert.equal(a.trace, 0);
  assert.ok(a.reboot && a.jit && a.poweroffAtEnd && !a.help);
});

Deno.test("every flag, in each form", () => {
  const spaced = parseArguments(
    ("-m 128 -r disk --vcpus 2 --time virtual --timeout 1.5 --trace hypercall,mmu " +
      "--cpuid no-sse3,no-mmx --option console_io=off --option writable_l2 --no-reboot --no-jit --stdin-eof ignore guest.elf")
      .split(" ").concat("-c", "a=1 b"),
  );
  const joined = parseArguments(
    ("-m128 -rdisk --vcpus=2 --time=virtual --timeout=1.5 --trace=hypercall --trace=mmu " +
      "--cpuid=no-sse3,no-mmx --option=console_io=off --option=writable_l2=on --no-reboot --no-jit --stdin-eof=ignore -- guest.elf")
      .split(" ").toSpliced(0, 0, "-ca=1 b"),
  );
  assert.deepEqual(spaced, joined);
  assert.deepEqual(spaced, {
    help: false,
    guest: "guest.elf",
    memory: 128,
    commandLine: "a=1 b",
    ramdisk: "disk",
    time: "virtual",
    vcpus: 2,
    timeout: 1.5,
    trace: 1 | 8,
    options: { console_io: false, writable_l2: true },
    cpuid: ["no-sse3,no-mmx"],
    reboot: false,
    jit: false,
    poweroffAtEnd: false,
  });
});

Deno.test("after -- all is the guest, and a command line may look like a flag", () => {
  assert.equal(parseArguments(["--", "-m"]).guest, "-m");
  assert.equal(parseArguments(["-c", "--help"]).commandLine, "--help");
  assert.equal(parseArguments(["-c", ""]).commandLine, "");
});

Deno.test("mistakes are told in one line", () => {
  const mistakes = [
    "-m",
    "-m 0",
    "-m 4096",
    "-m 1e3",
    "-m -5",
    "-m 64M",
    "--vcpus 0",
    "--vcpus 33",
    "--vcpus x",
    "--time",
    "--time fast",
    "--timeout 0",
    "--timeout -1",
    "--timeout x",
    "--timeout Infinity",
    "--trace",
    "--trace all",
    "--trace hypercall,",
    "--option",
    "--option foo",
    "--option console_io=2",
    "--option constructor",
    "--stdin-eof never",
    "--cpuid",
    "--cpuid sse9=0",
    "--cpuid avx=1",
    "--cpuid 1:edx=0",
    "--no-reboot=1",
    "--bogus",
    "-x",
    "one two",
    "--m 5",
    "--constructor",
    "--__proto__ x",
  ];
  for (const mistake of mistakes) {
    assert.throws(() => parseArguments(mistake.split(" ")), (error) => {
      assert.ok(error instanceof UsageError, `${mistake}: ${error}`);
      assert.doesNotMatch(error.message, /\n/);
      assert.ok(error.message.length < 200);
      return true;
    });
  }
});

Deno.test("no arguments at all make it fail in another way, or say what a terminal would obey", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary", maxLength: 80 })), (argv) => {
      try {
        parseArguments(argv);
      } catch (error) {
        assert.ok(error instanceof UsageError);
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(error.message, /[\x00-\x1f]/);
      }
    }),
  );
});

Deno.test("the help names every flag", () => {
  const flags =
    "-m -c -r --vcpus --time --timeout --trace --option --cpuid --no-reboot --stdin-eof";
  for (const flag of flags.split(" ")) {
    assert.ok(helpText().includes(`  ${flag} `) || helpText().includes(`  ${flag}\n`), flag);
  }
});
