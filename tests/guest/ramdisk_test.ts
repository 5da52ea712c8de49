/** The tool that makes ramdisks: what it makes is what the loader reads, and what it cannot make it says. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../core/build/inputs.ts";

/** Runs the tool. @returns its exit status and what it complained of */
async function make(...args: string[]): Promise<[number, string]> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", fileURLToPath(new URL("guest/ramdisk.ts", ROOT)), ...args],
    env: { NO_COLOR: "1" },
  }).output();
  return [code, new TextDecoder().decode(stderr)];
}

Deno.test("ramdisk: files with their contents, padded as cpio does it", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [a, b, out] = ["a", "longer.name", "out"].map((name) => `${folder}/${name}`);
    await Deno.writeTextFile(a, "one\n");
    await Deno.writeFile(b, Uint8Array.of(1, 2, 3, 4, 5));
    assert.deepEqual(await make(a, b, "-o", out), [0, ""]);
    const bytes = await Deno.readFile(out);
    const text = String.fromCharCode(...bytes);
    // cpio(5): the header has 110 bytes, names with their NUL and contents end at multiples of four
    const number = (at: number, field: number) =>
      parseInt(text.slice(at + 6 + 8 * field, at + 14 + 8 * field), 16);
    const found: [string, string][] = [];
    for (let at = 0; at < bytes.length;) {
      assert.equal(text.slice(at, at + 6), "070701");
      const [size, nameSize] = [number(at, 6), number(at, 11)];
      const from = (at + 110 + nameSize + 3) & ~3;
      found.push([
        text.slice(at + 110, at + 110 + nameSize - 1),
        text.slice(from, from + size),
      ]);
      at = (from + size + 3) & ~3;
    }
    assert.deepEqual(found, [
      ["a", "one\n"],
      ["longer.name", "\x01\x02\x03\x04\x05"],
      ["TRAILER!!!", ""],
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("ramdisk: what cannot be made is one line that says why", async () => {
  const missing = fileURLToPath(new URL("no-such-file", ROOT));
  const cases: [string[], RegExp][] = [
    [[], /usage/],
    [["deno.json"], /usage/],
    [["deno.json", "--what"], /usage/],
    [[missing, "-o", missing], /no-such-file: .*No such file/],
    [["deno.json", "./deno.json", "-o", missing], /two files are called deno\.json/],
    [["deno.json", "-o", `${missing}/x`], /no-such-file\/x: /],
  ];
  for (const [args, says] of cases) {
    const [code, complaint] = await make(...args);
    assert.equal(code, 1);
    assert.match(complaint, says);
    assert.match(complaint, /^ramdisk: [^\n]*\n$/);
  }
});
