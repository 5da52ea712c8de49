/**
 * Has a module's functions compiled before they are used. Engines compile a function when it is called first, and
 * that takes a hundred milliseconds for the largest regions: the thread that runs guests would stand still for it.
 * What one thread has had compiled, the others need not.
 */
import { MACHINE } from "../../core/wasm/layout.ts";

let memory: WebAssembly.Memory | undefined;
let handlers: WebAssembly.Table | undefined;

/**
 * Calls each way in once, with memory that is all zero: the budget is spent, so that no loop goes round. What comes of it
 * does not matter, and neither does a trap.
 */
export function warm(module: WebAssembly.Module): void {
  // as much as any region asks for; what is not touched takes nothing
  memory ??= new WebAssembly.Memory({ initial: MACHINE >>> 16 });
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
      // it was compiled
    }
  }
}
