/** The benchmark guest computes what the processor computes, and all its PV operations work. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { bootByCommandLine } from "../tests/guests/cli.ts";
import { runsI386 } from "../tests/i386.ts";
import { Recorder } from "./recorder.ts";
import { COMPUTE, OPERATIONS } from "./reference.ts";
import { SUMS, SUMS_DIV } from "./sums.ts";

/** A recording of a program's whole output. */
function recorded(output: string): Recorder {
  const recorder = new Recorder();
  for (const line of output.split("\n")) recorder.line(0, line);
  return recorder;
}

/** What the kernels give on the processor itself. */
async function native(): Promise<Recorder> {
  const program = fileURLToPath(new URL("guest/native", import.meta.url));
  const { stdout } = await new Deno.Command(program, { args: [`rounds=1 div=${SUMS_DIV}`] })
    .output();
  return recorded(new TextDecoder().decode(stdout));
}

/** Fails unless the compute kernels ran as often as they should, and came to what they should. */
function assertSums({ timings }: Recorder): void {
  for (const name of COMPUTE) {
    const { iterations, sum } = timings.get(name) ?? assert.fail(`${name} did not run`);
    assert.deepEqual({ iterations, sum }, SUMS[name], name);
  }
}

Deno.test("kernel-pv.elf: runs to DONE with the processor's sums", async () => {
  const { status, stdout, stderr } = await bootByCommandLine([
    ...["--timeout", "120", "-c", `con=ring rounds=1 div=${SUMS_DIV}`],
    fileURLToPath(new URL("guest/kernel-pv.elf", import.meta.url)),
  ]);
  const ours = recorded(stdout);
  assert.equal(ours.panic, null);
  assert(ours.done, `no DONE:\n${stdout.slice(-500)}\n${stderr}`);
  assert.equal(status, 0, stderr);
  assertSums(ours);
  for (const name of Object.keys(OPERATIONS)) assert(ours.timings.has(name), `${name} did not run`);
  if (await runsI386()) assertSums(await native());
});
