/** `deno task bench:assemble`: how long the built-in guests take to assemble, in a fresh process. */
const start = performance.now();
const { guests } = await import("../guest/mod.ts");
console.log(`loading assembler and sources: ${(performance.now() - start).toFixed(0)} ms`);
for (const [name, make] of Object.entries(guests)) {
  const before = performance.now();
  const { length } = make();
  const ms = (performance.now() - before).toFixed(1);
  console.log(`${name.padEnd(20)} ${ms.padStart(6)} ms  ${length} bytes`);
}
