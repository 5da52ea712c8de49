/**
 * `deno run -A bench/ratio.ts KERNEL… [--seconds S] [--div N]`
 *
 * How many times longer than the native program a kernel of bench/guest takes once it is warm: for
 * work on the translator, one kernel within seconds. The native program and the guest take turns, and
 * the quietest round of each counts.
 */
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { createMachine } from "../mod.ts";
import { record, Recorder } from "./recorder.ts";
import { COMPUTE } from "./reference.ts";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "4" },
    div: { type: "string", default: "4" },
    trace: { type: "boolean", default: false },
  },
});
const kernels = positionals.length ? positionals : COMPUTE;

async function native(name: string, recorder: Recorder): Promise<void> {
  await record([path("guest/native"), `rounds=3 only=${name}`], recorder);
}

/** Runs a kernel over and over until the time is up. */
async function guest(name: string): Promise<{ recorder: Recorder; cold: number }> {
  const recorder = new Recorder();
  const decoder = new TextDecoder();
  let rest = "";
  let cold = 0;
  const machine = await createMachine({ log: (line) => console.error(line) });
  let over = () => {};
  const timeUp = new Promise<void>((resolve) => over = resolve);
  const end = performance.now() + Number(values.seconds) * 1000;
  const domain = await machine.addDomain(
    await Deno.readFile(new URL("guest/kernel-pv.elf", import.meta.url)),
    {
      commandLine: `con=ring rounds=100000 div=${values.div} only=${name}`,
      output: (bytes) => {
        const now = performance.now();
        const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop()!;
        for (const line of lines) recorder.line(now, line);
        cold ||= recorder.timings.get(name)?.seconds ?? 0;
        if (now > end) over();
      },
    },
  );
  await Promise.race([timeUp, domain.shutdown]);
  machine.destroyDomain(domain);
  machine.stop();
  return { recorder, cold };
}

let product = 1;
let count = 0;
for (const name of kernels) {
  const base = new Recorder();
  await native(name, base);
  const { recorder, cold } = await guest(name);
  await native(name, base);
  const [theirs, mine] = [base.timings.get(name)!, recorder.timings.get(name)!];
  const each = (seconds: number) =>
    seconds / mine.iterations / (theirs.seconds / theirs.iterations);
  const ratio = each(mine.seconds);
  if (name !== "movsd") product *= ratio, count++;
  console.log(
    `${name.padEnd(8)} ${ratio.toFixed(2).padStart(7)} × native   first round ${
      each(cold).toFixed(1).padStart(6)
    }`,
  );
}
if (count > 1) console.log(`geometric mean without movsd ${(product ** (1 / count)).toFixed(2)}`);
Deno.exit(0);
