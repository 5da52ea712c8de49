/** Several guests on one command line, joined by --and. */
import assert from "node:assert/strict";
import { bootByCommandLine, type Outcome } from "../guests/cli.ts";
import { crashes, echoes, ends, says, sleeps } from "./tiny_guest.ts";

/** Boots images from files called a.elf, b.elf, … in a folder that lives as long as the boot. */
async function boot(
  images: Uint8Array[],
  { args = [], input = "" }: { args?: string[]; input?: string } = {},
): Promise<Outcome> {
  const folder = await Deno.makeTempDir();
  try {
    const guests = images.map((image, n) => {
      const file = `${folder}/${"abcdefg"[n]}.elf`;
      Deno.writeFileSync(file, image);
      return ["--and", file, "-m", "8"];
    });
    return await bootByCommandLine(
      ["--timeout", "20", "--stdin-eof", "ignore", ...args, ...guests.flat().slice(1)],
      input,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const SWITCH = "\x01\x01\x01";

Deno.test("input goes to the first guest, and to the next after Ctrl-a three times", async () => {
  const input = `one\n${SWITCH}two\nq${SWITCH}\x01three\nq`;
  const { status, stdout, stderr } = await boot([echoes(), echoes()], { input });
  assert.equal(status, 0);
  const of = (name: string) => stdout.split("\n").filter((line) => line.startsWith(`${name}: `));
  assert.deepEqual(of("b"), ["b: two", "b: q"]);
  assert.deepEqual(of("a"), ["a: one", "a: \x01three", "a: q"]);
  assert.match(stderr, /^paravane: input goes to b$/m);
  assert.match(stderr, /^paravane: input goes to a$/m);
});

Deno.test("a guest's end gives the input to the next", async () => {
  const folder = await Deno.makeTempDir();
  Deno.writeFileSync(`${folder}/a.elf`, ends(0));
  Deno.writeFileSync(`${folder}/b.elf`, echoes());
  const cli = new URL("../../core/host/cli.ts", import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", cli, `${folder}/a.elf`, "--and", `${folder}/b.elf`],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  let said = "";
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    said += text;
    if (said.includes("input goes to b\n")) break;
  }
  await writer.write(new TextEncoder().encode("to b\nq"));
  assert.equal(await new Response(child.stdout).text(), "b: to b\nb: q\n");
  assert.equal((await child.status).code, 0);
  await writer.close().catch(() => {});
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a guest's crash is reported with its name, and the others go on [domain.command_line] [domain.crash]", async () => {
  const input = "still here\nq";
  const { status, stdout, stderr } = await boot([echoes(), crashes(), ends(7)], { input });
  assert.equal(status, 3);
  assert.match(stderr, /^paravane: domain 2 \(b\) crashed: .+ \(vCPU 0\)$/m);
  assert.match(stderr, /^paravane: c shut down with reason 7/m);
  assert.equal(stdout, "a: still here\na: q\n");
});

Deno.test("status: the worst end of any", async () => {
  assert.equal((await boot([ends(0), ends(0)])).status, 0);
  assert.equal((await boot([ends(0), ends(7), ends(0)])).status, 4);
  assert.equal((await boot([ends(7), crashes(), ends(0)])).status, 3);
  assert.equal((await boot([ends(0), sleeps()], { args: ["--timeout", "1"] })).status, 2);
});

Deno.test("a guest that cannot be booted: nothing boots, and one line says which it is", async () => {
  const { status, stdout, stderr } = await boot([says("here"), new Uint8Array(9000)]);
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /^paravane: [^ ]+b\.elf: [^\n]+\n$/);
});

Deno.test("with virtual time the same command is the same run, reboots included", async () => {
  const run = async () => {
    const args = ["--time", "virtual", "--trace", "hypercall,event", "--timeout", "3"];
    const { status, stderr } = await boot([ends(1), crashes(), ends(1), echoes()], { args });
    assert.equal(status, 2);
    return stderr.split("\n").slice(0, -20).filter((line) => !line.startsWith("paravane"));
  };
  const [one, other] = [await run(), await run()];
  const length = Math.min(one.length, other.length);
  assert.ok(length > 100, `${length} lines`);
  assert.deepEqual(one.slice(0, length), other.slice(0, length));
});
