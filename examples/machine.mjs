/**
 * A sandboxed machine in ten lines, the same for Node, Deno and browsers. It needs no permission:
 *
 *     deno task pack
 *     node examples/machine.mjs        (or deno run --no-config)
 */
import { createMachine, loadGuest } from "../dist/npm/paravane.js"; // "paravane", where the package is installed

const machine = await createMachine();
const domain = await machine.addDomain(await loadGuest("skiff"), { memory: 16 });
const input = domain.console.writable.getWriter();
await input.write(new TextEncoder().encode("echo from inside\nhalt\n"));
for await (const text of domain.console.readable.pipeThrough(new TextDecoderStream())) {
  console.log(text);
}
console.log("it ended by", (await domain.shutdown).name);
await machine.close();
