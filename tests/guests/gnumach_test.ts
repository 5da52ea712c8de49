/**
 * GNU Mach, built for the 32-bit Xen of its day. On Xen 4.17 it dies of a plain store into its live,
 * read-only page directory; with that store emulated it comes to its banner.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { bootByCommandLine } from "./cli.ts";
import { guestForTest } from "./debian.ts";

Deno.test("GNU Mach: dies as on Xen 4.17, of a store into its page directory", async () => {
  const image = await guestForTest("gnumach-1.8-xen-486.gz");
  if (!image) return;
  const { status, stdout, stderr } = await bootByCommandLine(
    ["--timeout", "30", "--trace", "hypercall,trap", fileURLToPath(image)],
  );
  const lines = stderr.trimEnd().split("\n");
  // All its start-up went well: a refused hypercall would make it panic earlier.
  assert.deepEqual(lines.filter((line) => / = -\d+$/.test(line)), []);
  assert.match(lines.at(-3)!, /trap #PF error 0x3 at 0x9:0xc000525a address 0xc0\w+, to the guest/);
  // It hands the old call a pointer, whose low byte becomes the reason.
  assert.match(lines.at(-2)!, /sched_op_compat\(shutdown, 0xc00a3780\) = 0/);
  assert.match(lines.at(-1)!, /reason 128/);
  assert.equal(stdout, "");
  assert.equal(status, 4);
});

Deno.test("GNU Mach: with stores into page directories emulated it comes to its banner [option.writable_l2]", async () => {
  const image = await guestForTest("gnumach-1.8-xen-486.gz");
  if (!image) return;
  const { stdout, stderr } = await bootByCommandLine(
    ["--timeout", "30", "--option", "writable_l2", fileURLToPath(image)],
  );
  assert.match(stdout, /GNU Mach 1\.8\S*-xen-486\s+Running on xen-3\.0-x86_32p\./, stderr);
  assert.match(stdout, /biosmem: 0+:0*4000000, available/);
  assert.match(stdout, /vm_page: DIRECTMAP: pages: 12288 \(48M\)/);
});
