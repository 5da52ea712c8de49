/**
 * Has a module's functions compiled before they are used. Engines compile a function when it is called first, and
 * that takes a hundred milliseconds for the largest regions: the thread that runs guests would stand still for it.
 * What one thread has had compiled, the others need not.
 */
import { C_TLB_TAG, CPU, MACHINE, MAILBOX, TRACE } from "../../core/wasm/layout.ts";

/** Of it are made a budget below zero, and tags in TLB and jump cache that are never asked for. */
const NOTHING = 0xff;

let memory: WebAssembly.Memory | undefined;
let handlers: WebAssembly.Table | undefined;

/**
 * Calls each way in once, with state in which nothing happens: the budget is spent, so that no loop goes round, and no page
 * is known, so that no memory of a guest is looked for. An access at a made-up address could be beyond the memory, which
 * engines find out by a signal; a browser that has no handler for that (Debian's chromium-headless-shell) ends the tab.
 */
export function warm(module: WebAssembly.Module): void {
  // as much as any region asks for; what is not touched takes nothing
  if (!memory) {
    memory = new WebAssembly.Memory({ initial: MACHINE >>> 16 });
    new Uint8Array(memory.buffer, CPU, TRACE - CPU).fill(NOTHING);
  }
  // a region leaves its registers here
  new Uint8Array(memory.buffer, CPU, MAILBOX - CPU).fill(NOTHING);
  new DataView(memory.buffer).setUint32(CPU + C_TLB_TAG, 0, true);
  handlers ??= new WebAssembly.Table({ element: "anyfunc", initial: 1 });
  const env: WebAssembly.ModuleImports = { memory, handlers };
  for (const { name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function") env[name] = () => 0;
  }
  const { exports } = new WebAssembly.Instance(module, { env });
  for (const enter of Object.values(exports)) {
    try {
      (enter as CallableFunction)(0);
    } catch {
      // the handler that it would have gone on to is not there; it was compiled
    }
  }
}
