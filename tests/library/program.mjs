/**
 * A program that uses the bundled library, the same for every host: it boots Skiff, talks to it, has its code
 * translated, sees its hypercalls, and lets it crash.
 *
 * @param {typeof import("../../mod.ts")} library what paravane.js exports
 * @returns what it saw, as plain data
 */
export async function program({ createMachine, loadGuest }) {
  const machine = await createMachine();
  const translated = Promise.withResolvers?.() ?? withResolvers();
  machine.subscribe({ kinds: ["jit"] }, ({ text }) => translated.resolve(text));
  const hypercalls = new Set();
  machine.subscribe({ kinds: ["hypercall"] }, ({ name }) => hypercalls.add(name));

  const domain = await machine.addDomain(await loadGuest("skiff"), { memory: 16 });
  const input = domain.console.writable.getWriter();
  const encoder = new TextEncoder();
  let output = "";
  /** Waits for Skiff's prompt, then types a line. */
  const lines = ["echo from the library", "hog 3", "crash"];
  const read = (async () => {
    for await (const text of domain.console.readable.pipeThrough(new TextDecoderStream())) {
      output += text;
      if (!output.endsWith("skiff> ")) continue;
      const line = lines.shift();
      if (line === "crash") await translated.promise;
      await input.write(encoder.encode(`${line}\n`));
    }
  })();

  const shutdown = await domain.shutdown;
  const crash = await domain.crash;
  const seen = {
    name: shutdown.name,
    output,
    report: crash.report.join("\n"),
    translated: await translated.promise,
    hypercalls: [...hypercalls],
    none: await loadGuest("no such guest"),
  };
  await machine.close();
  await read;
  return seen;
}

/** Promise.withResolvers is younger than Node 20. */
function withResolvers() {
  const made = {};
  made.promise = new Promise((resolve) => made.resolve = resolve);
  return made;
}
