import assert from "node:assert/strict";
import fc from "fast-check";
import { parseArguments } from "../../core/host/cli/args.ts";
import { UsageError } from "../../core/host/cli/usage.ts";
import { helpText } from "../../core/host/cli/help.ts";

Deno.test("nothing given: the built-in guest with 64 MiB, wall time, no limit", () => {
  const a = parseArguments([]);
  assert.equal(a.time, "wall");
  assert.equal(a.timeout, Infinity);
  assert.equal(a.trace, 0);
  assert.ok(a.jit && a.poweroffAtEnd && !a.help);
  const [guest, ...others] = a.guests;
  assert.deepEqual(others, []);
  assert.deepEqual([guest.image, guest.name, guest.maxMemory], [null, null, null]);
  assert.deepEqual([guest.memory, guest.vcpus], [64, 1]);
  assert.ok(guest.reboot);
});

Deno.test("every flag, in each form", () => {
  const spaced = parseArguments(
    ("-m 128 --maxmem 256 --name web.1 -r disk --vcpus 2 --time virtual --timeout 1.5 --trace hypercall,mmu " +
      "--cpuid no-sse3,no-mmx --option console_io=off --option writable_l2 --no-reboot --jit off --stdin-eof ignore guest.elf")
      .split(" ").concat("-c", "a=1 b"),
  );
  const joined = parseArguments(
    ("-m128 --maxmem=256 --name=web.1 -rdisk --vcpus=2 --time=virtual --timeout=1.5 --trace=hypercall --trace=mmu " +
      "--cpuid=no-sse3,no-mmx --option=console_io=off --option=writable_l2=on --no-reboot --jit=off --stdin-eof=ignore -- guest.elf")
      .split(" ").toSpliced(0, 0, "-ca=1 b"),
  );
  assert.deepEqual(spaced, joined);
  assert.deepEqual(spaced, {
    help: false,
    time: "virtual",
    timeout: 1.5,
    trace: 1 | 8,
    jit: "off",
    poweroffAtEnd: false,
    guests: [{
      image: "guest.elf",
      name: "web.1",
      memory: 128,
      maxMemory: 256,
      commandLine: "a=1 b",
      ramdisk: "disk",
      vcpus: 2,
      options: { console_io: false, writable_l2: true },
      cpuid: ["no-sse3,no-mmx"],
      reboot: false,
    }],
  });
});

Deno.test("after -- all is the guest, and a command line may look like a flag", () => {
  assert.equal(one("--", "-m").image, "-m");
  assert.equal(one("-c", "--help").commandLine, "--help");
  assert.equal(one("-c", "").commandLine, "");
  assert.equal(one("-c", "--and").commandLine, "--and");
});

function one(...argv: string[]) {
  const { guests } = parseArguments(argv);
  assert.equal(guests.length, 1);
  return guests[0];
}

Deno.test("guests joined by --and have their own flags; the machine's hold wherever they stand", () => {
  const { guests, time, timeout } = parseArguments(
    "a.elf -m 32 --time virtual --and b.elf -c x --vcpus 3 --and -- -c --and --timeout 5".split(
      " ",
    ),
  );
  assert.deepEqual([time, timeout], ["virtual", 5]);
  assert.deepEqual(guests.map((g) => g.image), ["a.elf", "b.elf", "-c", null]);
  assert.deepEqual(guests.map((g) => g.memory), [32, 64, 64, 64]);
  assert.deepEqual(guests.map((g) => g.commandLine), ["", "x", "", ""]);
  assert.deepEqual(guests.map((g) => g.vcpus), [1, 3, 1, 1]);
});

Deno.test("several guests have different names, made from their images' where none are given", () => {
  const names = (line: string) => parseArguments(line.split(" ")).guests.map((g) => g.name);
  assert.deepEqual(names("/x/a.elf.gz --and a --and --name a-2 a"), ["a", "a-3", "a-2"]);
  assert.deepEqual(names("--and ä/ö.bin --and ./ --and x"), ["skiff", "_", "guest", "x"]);
  assert.deepEqual(names("--name solo"), ["solo"]);
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
    "--name",
    "--name a/b",
    "--name x --and --name x",
    `--name ${"x".repeat(41)}`,
    "--maxmem 63",
    "-m 8 --and -m 16 --maxmem 8",
    "--and=x",
    "--and ".repeat(120) + "a",
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
    "-m --maxmem -c -r --name --vcpus --time --timeout --trace --option --cpuid --no-reboot --stdin-eof";
  for (const flag of flags.split(" ")) {
    assert.ok(helpText().includes(`  ${flag} `) || helpText().includes(`  ${flag}\n`), flag);
  }
});
