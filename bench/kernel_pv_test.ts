/** The benchmark guest computes what the processor computes, and all its PV operations work. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { bootByCommandLine } from "../tests/guests/cli.ts";
import { Recorder } from "./recorder.ts";
import { COMPUTE, OPERATIONS } from "./reference.ts";

/** Iteration counts are divided by this: the answers matter here, not the times. */
const DIV = 200;

/** A recording of a program's whole output. */
function recorded(output: string): Recorder {
  const recorder = new Recorder();
  for (const line of output.split("\n")) recorder.line(0, line);
  return recorder;
}

/** What the kernels give on the processor itself; null where the program does not run. */
async function native(): Promise<Recorder | null> {
  const program = fileURLToPath(new URL("guest/native", import.meta.url));
  try {
    const { stdout } = await new Deno.Command(program, { args: [`rounds=1 div=${DIV}`] }).output();
    return recorded(new TextDecoder().decode(stdout));
  } catch (error) {
    if (Deno.env.get("CI") === "true") throw error;
    console.error(`sums not compared, the native program does not run: ${error}`);
    return null;
  }
}

Deno.test("kernel-pv.elf: runs to DONE with the processor's sums", async () => {
  const base = await native();
  const { status, stdout, stderr } = await bootByCommandLine([
    ...["--timeout", "120", "-c", `con=ring rounds=1 div=${DIV}`],
    fileURLToPath(new URL("guest/kernel-pv.elf", import.meta.url)),
  ]);
  const ours = recorded(stdout);
  assert.equal(ours.panic, null);
  assert(ours.done, `no DONE:\n${stdout.slice(-500)}\n${stderr}`);
  assert.equal(status, 0, stderr);
  for (const name of [...COMPUTE, ...Object.keys(OPERATIONS)]) {
    assert(ours.timings.has(name), `${name} did not run`);
  }
  if (!base) return;
  for (const name of COMPUTE) {
    assert.equal(ours.timings.get(name)!.iterations, base.timings.get(name)!.iterations, name);
    assert.equal(ours.timings.get(name)!.sum, base.timings.get(name)!.sum, name);
  }
});
