/**
 * Debian's static 32-bit busybox, run by our loader guest on the hypervisor's CPU: every program has to say what
 * it said on a processor when that was recorded, byte for byte, and to end with the same status; and what this
 * machine's processor has it say, where that runs such programs.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runsI386 } from "../../i386.ts";
import { bootForBytes } from "../cli.ts";
import { cpioArchive } from "../../../guest/cpio.ts";
import { guestForTest } from "../debian.ts";
import { assertAsRecorded } from "../recorded/recorded.ts";
import {
  byCommand,
  type Command,
  FILES,
  FLOATING_POINT,
  line,
  natively,
  WHOLE_NUMBERS,
} from "./commands.ts";

/** Runs the commands here and there, and compares. */
async function agree(commands: Command[]): Promise<void> {
  const image = await guestForTest("busybox-i386");
  if (!image) return;
  const busybox = fileURLToPath(image);
  const folder = await Deno.makeTempDir();
  try {
    const ramdisk = `${folder}/ramdisk`;
    await Deno.writeFile(ramdisk, cpioArchive({ busybox: await Deno.readFile(busybox), ...FILES }));
    const list = commands.map((c) => line(c) + (c.output ? ` > ${c.output}` : "")).join("; ");
    const { status, stdout, stderr } = await bootForBytes(
      ["--timeout", "120", "-r", ramdisk, "-c", list, "loader"],
    );
    assert.doesNotMatch(stderr, /no system call/);
    const parts = byCommand(stdout);
    if (await runsI386()) {
      const expected = byCommand(await natively(busybox, commands));
      parts.forEach((part, i) => assert.equal(part, expected[i], stderr));
    }
    assert.equal(parts.length, commands.length);
    for (const part of parts) assertAsRecorded("busybox", part.split("\r\n")[0], part);
    assert.equal(status, 0, stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("busybox: sha256sum, gzip, gunzip, sort, dc as on a processor", () =>
  agree(WHOLE_NUMBERS));

Deno.test("busybox: awk and numeric sort, in floating point, as on a processor", () =>
  agree(FLOATING_POINT));
