/**
 * Runs before a test file (`deno test --preload`), and first in its workers: every hypervisor made there
 * has mutant PARAVANE_MUTANT chosen, and what decided is written to the file PARAVANE_DECIDED: at the end,
 * and by a worker before each of its messages.
 */
const number = Number(Deno.env.get("PARAVANE_MUTANT") ?? 0);
const report = Deno.env.get("PARAVANE_DECIDED");
const seen = new Set<number>();
const alive: { memory: WebAssembly.Memory; at: number }[] = [];

function chosen(instance: WebAssembly.Instance): void {
  const { cpu_mutant_choose, cpu_mutants_decided, memory } = instance.exports as Record<
    string,
    unknown
  >;
  if (typeof cpu_mutant_choose !== "function") return;
  cpu_mutant_choose(number);
  if (!report) return;
  if (alive.length > 8) write();
  alive.splice(0, alive.length - 8);
  alive.push({ memory: memory as WebAssembly.Memory, at: (cpu_mutants_decided as () => number)() });
}

function look({ memory, at }: { memory: WebAssembly.Memory; at: number }): void {
  const bytes = new Uint8Array(memory.buffer, at, Number(Deno.env.get("PARAVANE_MUTANTS")) + 1);
  bytes.forEach((decided, mutant) => decided && seen.add(mutant));
}

if (typeof WebAssembly === "object") {
  WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
    construct(target, [module, imports]) {
      const instance = new target(module, imports);
      chosen(instance);
      return instance;
    },
  });
  const instantiate = WebAssembly.instantiate;
  // deno-lint-ignore no-explicit-any
  (WebAssembly as any).instantiate = async (source: any, imports: any) => {
    const made = await instantiate(source, imports) as unknown;
    if (made instanceof Object && "instance" in made) chosen(made.instance as WebAssembly.Instance);
    else chosen(made as WebAssembly.Instance);
    return made;
  };
  if (report) {
    globalThis.addEventListener("unload", write);
    const worker = globalThis as unknown as { postMessage?(message: unknown): void };
    const { postMessage } = worker;
    if (postMessage) {
      worker.postMessage = (message) => {
        write();
        postMessage(message);
      };
    }
  }
}

function write(): void {
  const before = seen.size;
  alive.forEach(look);
  if (seen.size === before) return;
  const text = [...seen].slice(before).join("\n") + "\n"; // a set keeps the order
  Deno.writeTextFileSync(report!, text, { append: true });
}
